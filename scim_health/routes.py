"""The functions of health, beside the roots of SCIM: `/healthz` for all, `/readyz` by token."""

from scim_health.handlers import alive, ready
from shared.web.endpoints import new_blueprint, register

health = new_blueprint()

register(health, "healthz", "healthz", alive)
register(health, "readyz", "readyz", ready)
