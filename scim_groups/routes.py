"""The functions of /Groups."""

from scim_groups.endpoint import GROUPS
from shared.web.endpoints import new_blueprint
from shared.web.resource_endpoints import serve_resources

groups = new_blueprint()

serve_resources(groups, "groups", GROUPS)
