"""The endpoint of static files, which are served to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.appearance import appearance_of
from portal.static_files import find_file
from shared.errors import NotFound
from shared.web import services
from shared.web.callers import READS
from shared.web.respond import method_not_allowed
from shared.web.responses import ScimResponse

if TYPE_CHECKING:
    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord

_FOR_GOOD = "public, max-age=31536000, immutable"


async def serve_static_file(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """GET of a file."""
    if record.method not in READS:
        raise method_not_allowed(record.method, sorted(READS))
    # The page may come from another instance, so this one may not have made its files yet.
    appearance_of(services.current().settings)
    file = find_file(req.route_params["name"])
    if file is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": _FOR_GOOD, "X-Content-Type-Options": "nosniff"}
    return ScimResponse(200, headers=headers, media_type=file.media_type, content=file.content)
