"""The function of /Bulk."""

from scim_bulk.handlers import do_in_bulk
from shared.web.endpoints import new_blueprint, serve

bulk = new_blueprint()

serve(bulk, "bulk", "Bulk", {"POST": do_in_bulk})
