"""The functions of /Users."""

from shared.web.routes import new_blueprint, serve_resources

users = new_blueprint()

serve_resources(users, "users", "Users", "scim_users.endpoint:USERS")
