"""The function app: registers every blueprint, and has the rest imported afterwards."""

import azure.functions as func

from scim_bulk.routes import bulk
from scim_custom.routes import custom
from scim_discovery.routes import discovery
from scim_groups.routes import groups
from scim_health.routes import health
from scim_root.routes import root
from scim_users.routes import users
from shared.web.routes import load_soon

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(users)
app.register_functions(groups)
app.register_functions(bulk)
app.register_functions(custom)
app.register_functions(root)
app.register_functions(discovery)
app.register_functions(health)
load_soon()
