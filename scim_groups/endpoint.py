"""The endpoint of groups, as functions and requests that span resource types want it."""

from scim_groups.handlers import (
    create_group,
    delete_group,
    get_group,
    list_groups,
    open_groups,
    patch_group,
    replace_group,
)
from shared.web.resource_handlers import ResourceEndpoint

GROUPS = ResourceEndpoint(
    path="Groups",
    collection={"GET": list_groups, "POST": create_group},
    item={"GET": get_group, "PUT": replace_group, "PATCH": patch_group, "DELETE": delete_group},
    source=open_groups,
)
