"""The functions of /Groups."""

from scim_groups.handlers import (
    create_group,
    delete_group,
    get_group,
    list_groups,
    patch_group,
    replace_group,
)
from shared.web.endpoints import new_blueprint, serve

groups = new_blueprint()

serve(groups, "groups", "Groups", {"GET": list_groups, "POST": create_group})
serve(
    groups,
    "groups_id",
    "Groups/{id}",
    {"GET": get_group, "PUT": replace_group, "PATCH": patch_group, "DELETE": delete_group},
)
