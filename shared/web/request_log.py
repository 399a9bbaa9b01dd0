"""One line of JSON for each request: what an operator needs, and nothing about a person.

Never a token, a body, a name, an address, a filter or a path: the route template stands for the
path, and ids are opaque.
"""

import json
import logging
import time
import traceback
from dataclasses import dataclass, field

from shared.errors import ScimError
from shared.store.layout import is_id
from shared.tables.request_context import RequestContext
from shared.telemetry.finished_request import FinishedRequest

_log = logging.getLogger("scim.requests")


@dataclass(slots=True)
class RequestRecord:
    """What is known of a request so far.

    Attributes:
        request_id: the host's id of the invocation.
        method: HTTP method.
        route: template of the route.
        client_request: the client's own id of the request; "" without a safe one.
        trace_parent: W3C `traceparent` of what caused it; "" without one.
        tenant: once the token has opened it; "" before.
        token: label of the token.
        resource_id: id of the resource that was touched, if it is one of ours.
        context: the storage context, once there is one.
        error: why the request was refused.
    """

    request_id: str
    method: str
    route: str
    client_request: str = ""
    trace_parent: str = ""
    tenant: str = ""
    token: str = ""
    resource_id: str = ""
    context: RequestContext | None = None
    error: ScimError | None = None
    _began: int = field(default_factory=time.time_ns)
    _started: float = field(default_factory=time.perf_counter)

    def finish(self, status: int) -> FinishedRequest:
        """Sum up what may be told of the request, now that its answer is known."""
        meter = self.context.meter if self.context else None
        error = self.error
        return FinishedRequest(
            request_id=self.request_id,
            method=self.method,
            route=self.route,
            status=status,
            began=self._began,
            seconds=time.perf_counter() - self._started,
            tenant=self.tenant,
            token=self.token,
            resource_id=self.resource_id if is_id(self.resource_id) else "",
            client_request=self.client_request,
            trace_parent=self.trace_parent,
            calls=meter.calls if meter else None,
            entities=meter.entities if meter else None,
            scim_type=(error.scim_type or "") if error else "",
            operation=error.operation if error else None,
            path=(error.path or "") if error else "",
        )


def write_line(request: FinishedRequest) -> None:
    """Write the line of a request; a warning where the service failed, which 501 does not say."""
    has_failed = request.status >= 500 and request.status != 501
    level = logging.WARNING if has_failed else logging.INFO
    _log.log(level, "%s", json.dumps(_fields(request)))


def write_fault(request_id: str, fault: Exception) -> None:
    """Log a fault of ours: its type and where, without its message, which may quote a value."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    _log.error("request %s failed with %s\n%s", request_id, type(fault).__name__, stack)


def _fields(request: FinishedRequest) -> dict[str, str | int | float]:
    fields: dict[str, str | int | float | None] = {
        "request": request.request_id,
        "method": request.method,
        "route": request.route,
        "status": request.status,
        "ms": round(request.seconds * 1000, 1),
        "tenant": request.tenant,
        "token": request.token,
        "resource": request.resource_id,
        "clientRequest": request.client_request,
        "trace": request.trace_id,
        "calls": request.calls,
        "entities": request.entities,
        "scimType": request.scim_type,
        "operation": request.operation,
        "path": request.path,
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}
