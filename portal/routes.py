"""The routes of the portal."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.web.routes import Route


def _page(name: str, path: str) -> Route:
    return Route(name, path, per_tenant=False, problems=True)


PORTAL_ROUTES = (
    _page("portal", "portal"),
    _page("portal_activity", "portal/activity"),
    _page("portal_activity_export", "portal/activity/export"),
    _page("portal_connect", "portal/connect"),
    _page("portal_connect_mapping", "portal/connect/mapping"),
    _page("portal_connect_test", "portal/connect/test"),
    _page("portal_guard", "portal/guard"),
    _page("portal_guard_decide", "portal/guard/decide"),
    _page("portal_look_up", "portal/look-up"),
    _page("portal_look_up_id", "portal/look-up/{type}/{id}"),
    _page("portal_look_up_id_then", "portal/look-up/{type}/{id}/then"),
    _page("portal_open", "portal/open"),
    _page("portal_roles", "portal/roles"),
    _page("portal_setup_links", "portal/setup-links"),
    _page("portal_setup_links_revoke", "portal/setup-links/revoke"),
    _page("portal_sign_out", "portal/sign-out"),
    _page("portal_staff_sign_out", "portal/staff/sign-out"),
    _page("portal_static", "portal/static/{name}"),
    _page("portal_tenants", "portal/tenants"),
    _page("portal_tenants_page", "portal/tenants/{tenant}/{*page}"),
    _page("portal_tokens", "portal/tokens"),
    _page("portal_tokens_revoke", "portal/tokens/revoke"),
    _page("portal_watch", "portal/watch"),
    _page("portal_watch_live", "portal/watch/live"),
    _page("portal_webhooks", "portal/webhooks"),
    _page("portal_webhooks_id", "portal/webhooks/{id}"),
    _page("portal_why", "portal/why"),
    # The name sorts after those of all literal routes below `portal`.
    _page("portal_zz_no_such_page", "portal/{*path}"),
)


class FoundPage(NamedTuple):
    """A page that a path names.

    Attributes:
        name: of its route.
        parameters: what the path has in the places of the route's parameters.
    """

    name: str
    parameters: Mapping[str, str]


def find_page(path: str) -> FoundPage | None:
    """Find the page at a path below `portal`, as the host finds one; None where there is none."""
    asked = f"portal/{path}".rstrip("/").split("/")
    for route in PORTAL_ROUTES:
        parts = route.path.split("/")
        if len(parts) == len(asked) and all(map(_fits, parts, asked)):
            pairs = zip(parts, asked, strict=True)
            return FoundPage(route.name, {p[1:-1]: each for p, each in pairs if _is_parameter(p)})
    return None


def _fits(part: str, asked: str) -> bool:
    return bool(asked) if _is_parameter(part) else part == asked.lower()


def _is_parameter(part: str) -> bool:
    return part.startswith("{") and "*" not in part
