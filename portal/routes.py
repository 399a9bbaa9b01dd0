"""The routes of the portal."""

from shared.web.routes import Route


def _page(name: str, path: str) -> Route:
    return Route(name, path, per_tenant=False, problems=True)


PORTAL_ROUTES = (
    _page("portal", "portal"),
    _page("portal_activity", "portal/activity"),
    _page("portal_activity_export", "portal/activity/export"),
    _page("portal_connect", "portal/connect"),
    _page("portal_connect_test", "portal/connect/test"),
    _page("portal_look_up", "portal/look-up"),
    _page("portal_look_up_id", "portal/look-up/{type}/{id}"),
    _page("portal_look_up_id_then", "portal/look-up/{type}/{id}/then"),
    _page("portal_open", "portal/open"),
    _page("portal_sign_out", "portal/sign-out"),
    _page("portal_static", "portal/static/{name}"),
    _page("portal_tokens", "portal/tokens"),
    _page("portal_tokens_revoke", "portal/tokens/revoke"),
    _page("portal_watch", "portal/watch"),
    _page("portal_watch_live", "portal/watch/live"),
    # The name sorts after those of all literal routes below `portal`.
    _page("portal_zz_no_such_page", "portal/{*path}"),
)
