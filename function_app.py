"""The function app: registers a function for each route, and begins to load what serves them."""

import azure.functions as func

from health.routes import HEALTH_ROUTES
from scim_groups.routes import GROUP_ROUTES
from scim_protocol.routes import PROTOCOL_ROUTES
from scim_users.routes import USER_ROUTES
from shared.web.loading import load_soon
from shared.web.routes import register

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
register(app, (*USER_ROUTES, *GROUP_ROUTES, *PROTOCOL_ROUTES, *HEALTH_ROUTES))
load_soon()
