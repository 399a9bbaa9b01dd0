"""The functions of /Groups."""

from shared.web.routes import new_blueprint, serve_resources

groups = new_blueprint()

serve_resources(groups, "groups", "Groups", "scim_groups.endpoint:GROUPS")
