"""The functions of what spans resource types, of custom types, and the catch-all."""

from shared.web.routes import new_blueprint, register, serve, serve_chosen

_DISCOVERY = "scim_protocol.discovery"
_CUSTOM = "scim_protocol.custom_endpoints"

protocol = new_blueprint()

serve(protocol, "root", "", "scim_protocol.root:ROOT")
serve(protocol, "root_dot_search", ".search", "scim_protocol.root:SEARCH")
serve(protocol, "me", "Me", "scim_protocol.root:ME")
serve(protocol, "bulk", "Bulk", "scim_protocol.bulk:BULK")
serve(protocol, "resource_types", "ResourceTypes", f"{_DISCOVERY}:RESOURCE_TYPES")
serve(protocol, "resource_types_id", "ResourceTypes/{id}", f"{_DISCOVERY}:RESOURCE_TYPE")
serve(protocol, "schemas", "Schemas", f"{_DISCOVERY}:SCHEMAS")
serve(protocol, "schemas_id", "Schemas/{id}", f"{_DISCOVERY}:SCHEMA")
serve(
    protocol,
    "service_provider_config",
    "ServiceProviderConfig",
    f"{_DISCOVERY}:SERVICE_PROVIDER_CONFIG",
)

# Functions are registered before any file is read, so three routes take every path of their form
# and look its type up. The host tries routes in the order of function names: these names sort after
# those of all literal routes, and before that of the catch-all.
serve_chosen(protocol, "zz_custom", "{endpoint}", f"{_CUSTOM}:collection")
serve_chosen(protocol, "zz_custom_dot_search", "{endpoint}/.search", f"{_CUSTOM}:searches")
serve_chosen(protocol, "zz_custom_id", "{endpoint}/{id}", f"{_CUSTOM}:item")

register(protocol, "zz_no_such_path", "{*path}", f"{_DISCOVERY}:no_such_path")
