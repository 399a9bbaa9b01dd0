"""What /Bulk does (RFC 7644 section 3.7)."""

from scim_protocol.bulk_run import BulkRun
from shared.scim.bulk import steps
from shared.scim.messages import bulk_response, parse_bulk
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services


async def do_in_bulk(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /Bulk: 200 with what became of each operation, whether or not all of them succeeded."""
    operations, fail_on_errors = parse_bulk(request.json())
    plan = steps(operations)
    results = await BulkRun(request, services, fail_on_errors).results(plan)
    return ScimResponse(200, bulk_response(results))
