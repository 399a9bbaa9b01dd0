"""The endpoint of users, as functions and requests that span resource types want it."""

from scim_users.handlers import (
    create_user,
    delete_user,
    get_user,
    list_users,
    open_users,
    patch_user,
    replace_user,
)
from shared.web.resource_handlers import ResourceEndpoint

USERS = ResourceEndpoint(
    path="Users",
    collection={"GET": list_users, "POST": create_user},
    item={"GET": get_user, "PUT": replace_user, "PATCH": patch_user, "DELETE": delete_user},
    source=open_users,
)
