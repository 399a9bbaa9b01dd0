"""A finished request: all that may be told of it, and nothing about a person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """What the log and the telemetry may say of a request.

    Nothing else reaches them: no token, body, name, address, filter, query or path.

    Attributes:
        request_id: the host's id of the invocation, which the client gets as `Request-Id`.
        method: HTTP method in capitals, as it was sent.
        route: template of the route, without a slash in front.
        status: of the answer.
        began: when the request came, in nanoseconds since 1970.
        seconds: how long it took.
        tenant: "" unless a token opened it.
        token: label of the token; "" without a valid one.
        resource_id: id of the resource that was touched, if it is one of ours; else "".
        client_request: the client's own id of the request, if it sent one that is safe; else "".
        trace_parent: W3C `traceparent` of what caused the request; "" without one.
        calls: storage calls, or None when it did not come that far.
        entities: entities that it wrote, or None.
        scim_type: of the refusal (RFC 7644 section 3.12); "" without one.
        operation: 0-based index of the PATCH operation that was refused.
        path: attribute path of what was refused.
    """

    request_id: str
    method: str
    route: str
    status: int
    began: int
    seconds: float
    tenant: str = ""
    token: str = ""
    resource_id: str = ""
    client_request: str = ""
    trace_parent: str = ""
    calls: int | None = None
    entities: int | None = None
    scim_type: str = ""
    operation: int | None = None
    path: str = ""

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to, 32 hex digits; "" without one."""
        return self.trace_parent.split("-")[1] if self.trace_parent else ""
