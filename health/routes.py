"""The routes of health, beside the roots of SCIM."""

from shared.web.routes import Route

HEALTH_ROUTES = (
    Route("healthz", "healthz", per_tenant=False),
    Route("readyz", "readyz", per_tenant=False),
)
