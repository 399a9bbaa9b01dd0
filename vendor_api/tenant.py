"""`/api/v1/tenants/{tenant}`: one tenant."""

from shared.api_keys import Scope
from vendor_api.operations import ApiEndpoint
from vendor_api.tenants import CLOSE

TENANT = ApiEndpoint(Scope.TENANTS_MANAGE, {"DELETE": CLOSE})
