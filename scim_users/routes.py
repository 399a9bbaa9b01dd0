"""The functions of /Users."""

from scim_users.endpoint import USERS
from shared.web.endpoints import new_blueprint
from shared.web.resource_endpoints import serve_resources

users = new_blueprint()

serve_resources(users, "users", USERS)
