"""The functions of discovery, and the catch-all."""

from shared.web.routes import new_blueprint, register, serve

_HANDLERS = "scim_discovery.handlers"

discovery = new_blueprint()

serve(discovery, "resource_types", "ResourceTypes", f"{_HANDLERS}:RESOURCE_TYPES")
serve(discovery, "resource_types_id", "ResourceTypes/{id}", f"{_HANDLERS}:RESOURCE_TYPE")
serve(discovery, "schemas", "Schemas", f"{_HANDLERS}:SCHEMAS")
serve(discovery, "schemas_id", "Schemas/{id}", f"{_HANDLERS}:SCHEMA")
serve(
    discovery,
    "service_provider_config",
    "ServiceProviderConfig",
    f"{_HANDLERS}:SERVICE_PROVIDER_CONFIG",
)

# The host tries routes in the order of function names; this one must come last.
register(discovery, "zz_no_such_path", "{*path}", f"{_HANDLERS}:no_such_path")
