"""The functions of what spans resource types."""

from shared.web.routes import new_blueprint, serve

root = new_blueprint()

serve(root, "root", "", "scim_root.handlers:ROOT")
serve(root, "root_dot_search", ".search", "scim_root.handlers:SEARCH")
serve(root, "me", "Me", "scim_root.handlers:ME")
