"""The routes of what spans resource types, of custom types, and the catch-all."""

from shared.web.routes import Route

PROTOCOL_ROUTES = (
    Route("root", ""),
    Route("root_dot_search", ".search"),
    Route("me", "Me"),
    Route("bulk", "Bulk"),
    Route("resource_types", "ResourceTypes"),
    Route("resource_types_id", "ResourceTypes/{id}"),
    Route("schemas", "Schemas"),
    Route("schemas_id", "Schemas/{id}"),
    Route("service_provider_config", "ServiceProviderConfig"),
    # Functions are registered before any file is read, so three routes take every path of their
    # form, and the custom type is looked up. These names sort after those of all literal routes,
    # and before that of the catch-all.
    Route("zz_custom", "{endpoint}"),
    Route("zz_custom_dot_search", "{endpoint}/.search"),
    Route("zz_custom_id", "{endpoint}/{id}"),
    Route("zz_no_such_path", "{*path}", per_tenant=False),
)
