"""The routes of /Groups."""

from shared.web.routes import Route

GROUP_ROUTES = (
    Route("groups", "Groups"),
    # The name sorts before that of the next route, which takes `.search` for an id.
    Route("groups_dot_search", "Groups/.search"),
    Route("groups_id", "Groups/{id}"),
)
