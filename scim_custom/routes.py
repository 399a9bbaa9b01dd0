"""The functions of types that the deployer has added.

Functions are registered before any file is read, so three routes take every path of their form and
look its type up. Their names sort after those of all literal routes, which are tried before.
"""

from shared.web.routes import new_blueprint, serve_chosen

custom = new_blueprint()

serve_chosen(custom, "zr_resources", "{endpoint}", "scim_custom.endpoints:collection")
serve_chosen(
    custom, "zr_resources_dot_search", "{endpoint}/.search", "scim_custom.endpoints:searches"
)
serve_chosen(custom, "zr_resources_id", "{endpoint}/{id}", "scim_custom.endpoints:item")
