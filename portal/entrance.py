"""The way into the portal: its modules are imported when a page is asked for, and not before.

They cost a process that serves SCIM alone nothing. One thread imports them while requests wait, as
with everything that requests need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.routes import PORTAL_ROUTES
from shared.errors import NotFound
from shared.web import services
from shared.web.loading import Loading

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord
    from shared.web.respond import Endpoint
    from shared.web.responses import ScimResponse


def portal_endpoints() -> dict[str, Endpoint]:
    """Return what serves each route of the portal, by the route's name."""
    return {route.name: _serving(route.name) for route in PORTAL_ROUTES}


def _serving(name: str) -> Endpoint:
    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        if services.current().settings.portal == "off":
            raise NotFound("Nothing is served at this path.")
        pages = await _pages.wait()
        return await pages[name](req, record)

    return serve


def _import_pages() -> Mapping[str, Endpoint]:
    from portal.pages import PAGES  # noqa: PLC0415 - imported when a page is asked for

    return PAGES


_pages = Loading(_import_pages, lambda _: None)
