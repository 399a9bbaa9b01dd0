"""What serves each function: its endpoint by the name of its route, its job by that of its timer.

All that functions need is imported here. `shared.web.loading` imports this module after the
functions are indexed.
"""

from collections.abc import Mapping

from background.sweeper import sweep_tenants
from background.webhooks import send_everywhere, send_hinted
from health.handlers import alive, ready
from portal.entrance import portal_endpoints
from scim_groups.handlers import GROUPS
from scim_protocol.bulk import run_bulk
from scim_protocol.custom import custom_endpoint
from scim_protocol.discovery import (
    get_resource_type,
    get_schema,
    get_service_provider_config,
    list_resource_types,
    list_schemas,
)
from scim_protocol.root import list_all, me, no_such_path, search_all
from scim_users.handlers import USERS
from shared.web.respond import (
    SEARCH_ENTRANCE,
    Endpoint,
    authenticated,
    respond,
    searching,
)
from shared.web.services import Job, MessageJob, prefetch, prepare
from token_endpoint.documents import AUTHORIZATION_SERVER_DOCUMENT, PROTECTED_RESOURCE_DOCUMENT
from token_endpoint.token import give_token
from vendor_api.access import ACCESS
from vendor_api.events import EVENTS
from vendor_api.explain import EXPLAIN
from vendor_api.group_history import GROUP_DIFFERENCES, GROUP_MEMBERS
from vendor_api.guard import GUARD_OVERVIEW, GUARD_RELEASE, GUARD_UNDO
from vendor_api.openapi import described
from vendor_api.openapi import no_such_path as no_such_api_path
from vendor_api.operations import ApiEndpoint, opened_by_key
from vendor_api.provisioning_log import PROVISIONING_LOG
from vendor_api.setup_links import SETUP_LINK_BY_ID, SETUP_LINKS
from vendor_api.tenant import TENANT
from vendor_api.tenants import TENANTS
from vendor_api.tokens import TOKEN_BY_VERSION, TOKENS
from vendor_api.webhook_deliveries import WEBHOOK_DELIVERIES, WEBHOOK_REDELIVERY
from vendor_api.webhooks import WEBHOOK_BY_ID, WEBHOOK_ENDPOINTS, WEBHOOK_SECRETS

__all__ = ["ENDPOINTS", "JOBS", "MESSAGE_JOBS", "prefetch", "prepare", "respond"]

API: Mapping[str, ApiEndpoint] = {
    "api_access": ACCESS,
    "api_events": EVENTS,
    "api_explain": EXPLAIN,
    "api_guard": GUARD_OVERVIEW,
    "api_guard_id_release": GUARD_RELEASE,
    "api_guard_id_undo": GUARD_UNDO,
    "api_group_differences": GROUP_DIFFERENCES,
    "api_group_members": GROUP_MEMBERS,
    "api_provisioning_log": PROVISIONING_LOG,
    "api_setup_links": SETUP_LINKS,
    "api_setup_links_id": SETUP_LINK_BY_ID,
    "api_tenants": TENANTS,
    "api_tenants_name": TENANT,
    "api_tokens": TOKENS,
    "api_tokens_id": TOKEN_BY_VERSION,
    "api_webhooks": WEBHOOK_ENDPOINTS,
    "api_webhooks_deliveries": WEBHOOK_DELIVERIES,
    "api_webhooks_id": WEBHOOK_BY_ID,
    "api_webhooks_redeliver": WEBHOOK_REDELIVERY,
    "api_webhooks_secrets": WEBHOOK_SECRETS,
}
"""What `/openapi.json` describes."""

ENDPOINTS: Mapping[str, Endpoint] = {
    "users": authenticated(USERS.collection),
    "users_dot_search": searching(USERS.searches),
    "users_id": authenticated(USERS.item),
    "groups": authenticated(GROUPS.collection),
    "groups_dot_search": searching(GROUPS.searches),
    "groups_id": authenticated(GROUPS.item),
    "root": authenticated({"GET": list_all}),
    "root_dot_search": searching({"POST": search_all}),
    "me": authenticated(dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), me)),
    "bulk": authenticated({"POST": run_bulk}),
    "resource_types": authenticated({"GET": list_resource_types}),
    "resource_types_id": authenticated({"GET": get_resource_type}),
    "schemas": authenticated({"GET": list_schemas}),
    "schemas_id": authenticated({"GET": get_schema}),
    "service_provider_config": authenticated({"GET": get_service_provider_config}),
    "zz_custom": custom_endpoint(lambda handlers: handlers.collection),
    "zz_custom_dot_search": custom_endpoint(
        lambda handlers: handlers.searches, enter=SEARCH_ENTRANCE
    ),
    "zz_custom_id": custom_endpoint(lambda handlers: handlers.item),
    "zz_no_such_path": no_such_path,
    "healthz": alive,
    "readyz": ready,
    "oauth2_token": give_token,
    "well_known_oauth_authorization_server": AUTHORIZATION_SERVER_DOCUMENT,
    "inserted_oauth_authorization_server": AUTHORIZATION_SERVER_DOCUMENT,
    "tenant_inserted_oauth_authorization_server": AUTHORIZATION_SERVER_DOCUMENT,
    "well_known_oauth_protected_resource": PROTECTED_RESOURCE_DOCUMENT,
    "inserted_oauth_protected_resource": PROTECTED_RESOURCE_DOCUMENT,
    "tenant_inserted_oauth_protected_resource": PROTECTED_RESOURCE_DOCUMENT,
    **{name: opened_by_key(endpoint) for name, endpoint in API.items()},
    "api_zz_no_such_path": no_such_api_path,
    "openapi": described(API),
    **portal_endpoints(),
}

JOBS: Mapping[str, Job] = {"sweeper": sweep_tenants, "webhooks": send_everywhere}
"""Functions without a caller: work that nobody waits for, begun by a timer."""

MESSAGE_JOBS: Mapping[str, MessageJob] = {"change_hints": send_hinted}
"""Work that nobody waits for, begun by a message of a queue."""
