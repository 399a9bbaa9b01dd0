"""One line of JSON for each request: what an operator needs, and nothing about a person.

Never a token, a body, a name, an address, a filter or a path: the route template stands for the
path, and ids are opaque.
"""

import json
import logging
import time
import traceback
from dataclasses import dataclass, field

from shared.scim.errors import ScimError
from shared.store.keys import is_id
from shared.store.session import Session

_log = logging.getLogger("scim.requests")


@dataclass(slots=True)
class RequestRecord:
    """What is known of a request so far.

    Attributes:
        request_id: the host's id of the invocation.
        method: HTTP method.
        route: template of the route.
        tenant: once the token has opened it; "" before.
        token: label of the token.
        resource_id: id of the resource that was touched, if it is one of ours.
        session: the storage session, once there is one.
        error: why the request was refused.
    """

    request_id: str
    method: str
    route: str
    tenant: str = ""
    token: str = ""
    resource_id: str = ""
    session: Session | None = None
    error: ScimError | None = None
    _begun: float = field(default_factory=time.perf_counter)

    def write(self, status: int) -> None:
        """Write the line; a warning where the service failed, which 501 does not say."""
        level = logging.WARNING if status >= 500 and status != 501 else logging.INFO
        _log.log(level, "%s", json.dumps(self._fields(status)))

    def _fields(self, status: int) -> dict[str, str | int | float]:
        fields: dict[str, str | int | float | None] = {
            "request": self.request_id,
            "method": self.method,
            "route": self.route,
            "status": status,
            "ms": round((time.perf_counter() - self._begun) * 1000, 1),
            "tenant": self.tenant,
            "token": self.token,
            "resource": self.resource_id if is_id(self.resource_id) else "",
        }
        if self.session is not None:
            fields["calls"] = self.session.meter.calls
            fields["entities"] = self.session.meter.entities
        if self.error is not None:
            fields["scimType"] = self.error.scim_type
            fields["operation"] = self.error.operation
            fields["path"] = self.error.path
        return {name: value for name, value in fields.items() if value not in ("", None)}


def write_fault(request_id: str, fault: Exception) -> None:
    """Log a fault of ours: its type and where, without its message, which may quote a value."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    _log.error("request %s failed with %s\n%s", request_id, type(fault).__name__, stack)
