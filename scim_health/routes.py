"""The functions of health, beside the roots of SCIM: `/healthz` for all, `/readyz` by token."""

from scim_health.handlers import METHODS, alive, ready
from shared.web.endpoints import new_blueprint, register, serve_at

health = new_blueprint()

register(health, "healthz", "healthz", alive)
serve_at(health, "readyz", "readyz", dict.fromkeys(METHODS, ready))
