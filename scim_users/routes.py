"""The functions of /Users."""

from scim_users.handlers import (
    create_user,
    delete_user,
    get_user,
    list_users,
    patch_user,
    replace_user,
)
from shared.web.endpoints import new_blueprint, serve

users = new_blueprint()

serve(users, "users", "Users", {"GET": list_users, "POST": create_user})
serve(
    users,
    "users_id",
    "Users/{id}",
    {"GET": get_user, "PUT": replace_user, "PATCH": patch_user, "DELETE": delete_user},
)
