"""The function app: registers a function for each route, timer and queue, and loads the rest."""

import azure.functions as func

from background.queues import WEBHOOK_QUEUES, register_queues, webhooks_are_on
from background.timers import TIMERS, WEBHOOK_TIMERS, register_timers
from health.routes import HEALTH_ROUTES
from portal.routes import PORTAL_ROUTES
from scim_groups.routes import GROUP_ROUTES
from scim_protocol.routes import PROTOCOL_ROUTES
from scim_users.routes import USER_ROUTES
from shared.web.host_log import write_dropped_records
from shared.web.loading import load_soon
from shared.web.routes import register
from token_endpoint.routes import TOKEN_ROUTES
from vendor_api.routes import API_ROUTES

write_dropped_records()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
register(app, (*USER_ROUTES, *GROUP_ROUTES, *PROTOCOL_ROUTES, *HEALTH_ROUTES))
register(app, (*API_ROUTES, *TOKEN_ROUTES, *PORTAL_ROUTES))
register_timers(app, TIMERS)
if webhooks_are_on():
    register_timers(app, WEBHOOK_TIMERS)
    register_queues(app, WEBHOOK_QUEUES)
load_soon()
