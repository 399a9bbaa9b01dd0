"""What is known of a request, and what of it the log and the telemetry tell.

Nothing else reaches either of them: no token, body, name, address, filter, query or path. The
provisioning log of the tenant (`shared.web.provisioning_recorder`) is given all of it, and so is a
trace that somebody has opened (`shared.web.trace_recorder`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class StorageMeter(Protocol):
    """What a request has cost so far; see `shared.tables.request_context`."""

    @property
    def calls(self) -> int:
        """Calls of Table Storage."""
        ...

    @property
    def entities(self) -> int:
        """Entities that were written."""
        ...


class SentBody(Protocol):
    """The body of a request; see `shared.web.bodies`."""

    @property
    def seen(self) -> Any:
        """What it was read as; None where it was not read, or is no JSON."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    @property
    def content(self) -> bytes:
        """The bytes; none of what is a part of a body."""
        ...


@dataclass(slots=True)
class RequestRecord:
    """What is known of a request so far; all of it once it is finished.

    Attributes:
        request_id: the host's id of the invocation, which the client gets as `Request-Id`.
        method: HTTP method in capitals, as it was sent.
        route: template of the route, without a slash in front.
        client_request: the client's own id of the request, if it sent one that is safe; else "".
        trace_parent: W3C `traceparent` of what caused the request; "" without one.
        tenant: "" unless a token or an API key has opened it.
        token: label of the token or the API key; "" without a valid one.
        is_product: whether it is that of an API key, so that the product sent the request.
        resource_id: id of the resource that was touched; "" if it is none of ours.
        meter: what storage cost; None when the request did not come that far.
        scim_type: of the refusal (RFC 7644 section 3.12); "" without one.
        operation: 0-based index of the PATCH operation that was refused.
        path: attribute path of what was refused.
        failed_check: the check of a JWT that failed: its name, what was expected and received.
        refused_by: `rateLimit` where the rate limit of the tenant refused it; else "".
        detail: what the client was told of a refusal; "" without one.
        position: index of the operation in its bulk request; None outside of one.
        body: what was sent; None where the request did not come that far.
        filter: the filter of a query; "" without one.
        skipped: what was named as a member and passed over, an id or not.
        url: of the request, as it was sent; "" where the request did not come that far.
        answer: what was answered: a document, or bytes; None for none.
        status: of the response.
        began: when the request came, in nanoseconds since 1970.
        seconds: how long it took.
    """

    request_id: str
    method: str
    route: str
    client_request: str = ""
    trace_parent: str = ""
    tenant: str = ""
    token: str = ""
    is_product: bool = False
    resource_id: str = ""
    meter: StorageMeter | None = None
    scim_type: str = ""
    operation: int | None = None
    path: str = ""
    refused_by: str = ""
    detail: str = ""
    position: int | None = None
    body: SentBody | None = None
    filter: str = ""
    skipped: Sequence[str] = ()
    failed_check: str = ""
    url: str = ""
    answer: Any = None
    status: int = 0
    began: int = field(default_factory=time.time_ns)
    seconds: float = 0.0
    _started: float = field(default_factory=time.perf_counter, repr=False)

    def finish(self, status: int) -> None:
        """Note the status of the response, and how long it took."""
        self.status = status
        self.seconds = time.perf_counter() - self._started

    @property
    def milliseconds(self) -> float:
        """How long it took, to a tenth."""
        return round(self.seconds * 1000, 1)

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to, 32 hex digits; "" without one."""
        return self.trace_parent.split("-")[1] if self.trace_parent else ""

    @property
    def calls(self) -> int | None:
        """Calls of Table Storage; None when the request did not come that far."""
        return self.meter.calls if self.meter else None

    @property
    def entities(self) -> int | None:
        """Entities that it wrote, likewise."""
        return self.meter.entities if self.meter else None


class Fact(NamedTuple):
    """Something that is told of a request.

    Attributes:
        field: its name in the line of the log; "" where that is silent of it.
        attribute: its name in the span; "" where that is silent, or needs it in another form.
        read: reads it; "" and None are not told.
    """

    field: str
    attribute: str
    read: Callable[[RequestRecord], str | int | float | None]


FACTS = (
    Fact("request", "faas.invocation_id", lambda record: record.request_id),
    Fact("method", "", lambda record: record.method),
    Fact("route", "", lambda record: record.route),
    Fact("status", "http.response.status_code", lambda record: record.status),
    Fact("ms", "", lambda record: record.milliseconds),
    Fact("tenant", "scim.tenant", lambda record: record.tenant),
    Fact("token", "scim.token", lambda record: record.token),
    Fact("resource", "scim.resource.id", lambda record: record.resource_id),
    Fact("clientRequest", "scim.client_request.id", lambda record: record.client_request),
    Fact("trace", "", lambda record: record.trace_id),
    Fact("calls", "scim.storage.calls", lambda record: record.calls),
    Fact("entities", "scim.storage.entities", lambda record: record.entities),
    Fact("scimType", "", lambda record: record.scim_type),
    Fact("operation", "scim.operation", lambda record: record.operation),
    Fact("path", "scim.path", lambda record: record.path),
    Fact("refusedBy", "scim.refused_by", lambda record: record.refused_by),
    Fact("failedCheck", "scim.failed_check", lambda record: record.failed_check),
)
"""All that is told of a request, in the order of the line of the log."""
