"""The functions of discovery, and the catch-all."""

import azure.functions as func

from scim_discovery.handlers import (
    get_resource_type,
    get_schema,
    get_service_provider_config,
    list_resource_types,
    list_schemas,
)
from shared.scim.errors import NotFound
from shared.web.answers import Answer
from shared.web.endpoints import new_blueprint, register, serve
from shared.web.request_log import RequestRecord

discovery = new_blueprint()

serve(discovery, "resource_types", "ResourceTypes", {"GET": list_resource_types})
serve(discovery, "resource_types_id", "ResourceTypes/{id}", {"GET": get_resource_type})
serve(discovery, "schemas", "Schemas", {"GET": list_schemas})
serve(discovery, "schemas_id", "Schemas/{id}", {"GET": get_schema})
serve(
    discovery,
    "service_provider_config",
    "ServiceProviderConfig",
    {"GET": get_service_provider_config},
)


async def _no_such_path(req: func.HttpRequest, record: RequestRecord) -> Answer:
    del req, record
    raise NotFound(
        "Nothing is served at this path. The Tenant URL ends in /scim/v2, and below it are /Users, "
        "/Groups, /.search, /ServiceProviderConfig, /ResourceTypes and /Schemas."
    )


# The host tries routes in the order of function names; this one must come last.
register(discovery, "zz_no_such_path", "{*path}", _no_such_path)
