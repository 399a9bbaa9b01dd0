"""The routes of the product's side, beside the roots of SCIM."""

from shared.web.routes import Route

API_ROUTES = (
    Route("api_access", "api/v1/tenants/{tenant}/access", per_tenant=False, problems=True),
    Route("api_events", "api/v1/tenants/{tenant}/events", per_tenant=False, problems=True),
    Route("api_explain", "api/v1/tenants/{tenant}/explain", per_tenant=False, problems=True),
    Route("api_guard", "api/v1/tenants/{tenant}/guard", per_tenant=False, problems=True),
    Route(
        "api_guard_id_release",
        "api/v1/tenants/{tenant}/guard/{id}/release",
        per_tenant=False,
        problems=True,
    ),
    Route(
        "api_guard_id_undo",
        "api/v1/tenants/{tenant}/guard/{id}/undo",
        per_tenant=False,
        problems=True,
    ),
    Route(
        "api_group_differences",
        "api/v1/tenants/{tenant}/groups/{id}/differences",
        per_tenant=False,
        problems=True,
    ),
    Route(
        "api_group_members",
        "api/v1/tenants/{tenant}/groups/{id}/members",
        per_tenant=False,
        problems=True,
    ),
    Route(
        "api_provisioning_log",
        "api/v1/tenants/{tenant}/provisioning-log",
        per_tenant=False,
        problems=True,
    ),
    Route(
        "api_setup_links", "api/v1/tenants/{tenant}/setup-links", per_tenant=False, problems=True
    ),
    Route(
        "api_setup_links_id",
        "api/v1/tenants/{tenant}/setup-links/{id}",
        per_tenant=False,
        problems=True,
    ),
    Route("api_tenants", "api/v1/tenants", per_tenant=False, problems=True),
    Route("api_tenants_name", "api/v1/tenants/{tenant}", per_tenant=False, problems=True),
    Route("api_tokens", "api/v1/tenants/{tenant}/tokens", per_tenant=False, problems=True),
    Route("api_tokens_id", "api/v1/tenants/{tenant}/tokens/{id}", per_tenant=False, problems=True),
    Route("api_webhooks", "api/v1/webhooks", per_tenant=False, problems=True),
    Route(
        "api_webhooks_deliveries",
        "api/v1/webhooks/{id}/deliveries",
        per_tenant=False,
        problems=True,
    ),
    Route("api_webhooks_id", "api/v1/webhooks/{id}", per_tenant=False, problems=True),
    Route(
        "api_webhooks_redeliver", "api/v1/webhooks/{id}/redeliver", per_tenant=False, problems=True
    ),
    Route("api_webhooks_secrets", "api/v1/webhooks/{id}/secrets", per_tenant=False, problems=True),
    # The name sorts after those of all literal routes below `/api/v1`.
    Route("api_zz_no_such_path", "api/v1/{*path}", per_tenant=False, problems=True),
    Route("openapi", "openapi.json", per_tenant=False, problems=True),
)
