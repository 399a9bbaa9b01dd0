"""The functions of what spans resource types."""

from scim_root.handlers import list_everything, me, search_everything
from shared.web.endpoints import new_blueprint, serve

root = new_blueprint()

serve(root, "root", "", {"GET": list_everything})
serve(root, "root_dot_search", ".search", {"POST": search_everything})
serve(root, "me", "Me", dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), me))
