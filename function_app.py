"""The function app: registers every blueprint, and has the rest imported afterwards."""

import azure.functions as func

from health.routes import health
from scim_groups.routes import groups
from scim_protocol.routes import protocol
from scim_users.routes import users
from shared.web.routes import load_soon

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(users)
app.register_functions(groups)
app.register_functions(protocol)
app.register_functions(health)
load_soon()
