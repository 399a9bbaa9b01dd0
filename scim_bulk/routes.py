"""The function of /Bulk."""

from shared.web.routes import new_blueprint, serve

bulk = new_blueprint()

serve(bulk, "bulk", "Bulk", "scim_bulk.handlers:BULK")
