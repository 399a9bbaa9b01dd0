"""The functions of health, beside the roots of SCIM: `/healthz` for all, `/readyz` by token."""

from shared.web.routes import new_blueprint, register

health = new_blueprint()

register(health, "healthz", "healthz", "health.handlers:alive")
register(health, "readyz", "readyz", "health.handlers:ready")
