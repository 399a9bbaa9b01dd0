"""The routes of /Users."""

from shared.web.routes import Route

USER_ROUTES = (
    Route("users", "Users"),
    # The name sorts before that of the next route, which takes `.search` for an id.
    Route("users_dot_search", "Users/.search"),
    Route("users_id", "Users/{id}"),
)
