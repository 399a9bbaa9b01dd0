"""Endpoints: the handlers of a route by method, behind one policy for every request.

The host answers with an empty body whatever it decides itself: an unlisted method, an exception.
So functions list no methods (`shared.web.routes`), and no exception leaves this module.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

import azure.functions as func

from shared import tenants
from shared.auth.tokens import bearer_token, digest_of
from shared.errors import InternalError, MethodNotAllowed, ScimError
from shared.tables.request_context import RequestContext
from shared.telemetry.finished_request import FinishedRequest
from shared.web import bodies, request_ids, responses, services
from shared.web.request_log import RequestRecord, write_fault, write_line
from shared.web.requests import ScimRequest, query_of, tenant_url
from shared.web.responses import Answer
from shared.web.services import Services

Handler = Callable[[ScimRequest, Services], Awaitable[Answer]]
"""Serves one method of one route; refuses by raising a `ScimError`."""

Handlers = Mapping[str, Handler]
"""Handlers of a route by HTTP method in capitals."""

Choose = Callable[[Mapping[str, str], Services], Handlers]
"""Chooses the handlers of a route by its parameters; raises a `ScimError` where there are none."""

Respond = Callable[[func.HttpRequest, RequestRecord], Awaitable[Answer]]
"""Answers whatever comes to a function, noting in the record what it learns."""

_FAULT = (
    "The service failed. Repeat the request; if it fails again, tell the operator its Request-Id."
)


async def answer(
    req: func.HttpRequest, context: func.Context, route: str, respond: Respond
) -> func.HttpResponse:
    """Answer a request of a route.

    Every refusal and every fault of `respond` becomes a SCIM error.
    """
    record = RequestRecord(
        request_id=str(context.invocation_id),
        method=req.method.upper(),
        route=route,
        client_request=request_ids.client_request(req.headers),
        trace_parent=request_ids.trace_parent(context, req.headers),
    )
    told = await answered(record, respond(req, record), _tell)
    return responses.to_response(told, record.request_id)


async def answer_by_method(
    req: func.HttpRequest, context: func.Context, route: str, handlers: Handlers
) -> func.HttpResponse:
    """Let the caller in and serve the method; all that there is no handler for is answered 405."""
    return await answer_chosen(req, context, route, lambda *_: handlers)


async def answer_chosen(
    req: func.HttpRequest, context: func.Context, route: str, choose: Choose
) -> func.HttpResponse:
    """Answer as `answer_by_method`, by handlers that depend on the path."""
    return await answer(req, context, route, partial(_dispatched, choose))


async def answered(
    record: RequestRecord,
    answering: Awaitable[Answer],
    tell: Callable[[FinishedRequest], None] = write_line,
) -> Answer:
    """Wait for an answer and tell of it; nothing is raised.

    Every refusal and every fault becomes a SCIM error.
    """
    try:
        answer = await answering
    except ScimError as error:
        answer = _refused(record, error)
    except Exception as fault:  # noqa: BLE001 - the host would answer with an empty 500
        write_fault(record.request_id, fault)
        answer = _refused(record, InternalError(_FAULT))
    record.resource_id = answer.resource_id or record.resource_id
    tell(record.finish(answer.status))
    return answer


def handler_of(handlers: Handlers, method: str) -> Handler:
    """Return the handler of a method.

    Raises:
        MethodNotAllowed: there is none; the error names the methods that are served.
    """
    handler = handlers.get(method)
    if handler is None:
        raise method_not_allowed(method, handlers)
    return handler


def method_not_allowed(method: str, allowed: Iterable[str]) -> MethodNotAllowed:
    """Refuse a method, and name those that are served."""
    allow = tuple(allowed)
    return MethodNotAllowed(
        f"{method[:20]} is not served here. Use one of: {', '.join(allow)}.", allow=allow
    )


def _tell(request: FinishedRequest) -> None:
    """Write the line of a request into the log, and pass it to the telemetry."""
    write_line(request)
    try:
        services.telemetry().record(request)
    except Exception as fault:  # noqa: BLE001 - the client is answered all the same
        write_fault(request.request_id, fault)


def _refused(record: RequestRecord, error: ScimError) -> Answer:
    record.error = error
    return responses.of_error(error)


async def _dispatched(choose: Choose, req: func.HttpRequest, record: RequestRecord) -> Answer:
    """Let the caller in, then serve the method."""
    process = services.current()
    request = await admitted(req, process, record)
    handlers = choose(req.route_params, process)
    endpoint = req.route_params.get("endpoint")
    if endpoint is not None:
        # Only the name of an endpoint that there is gets this far, so the log may bear it; but not
        # as the client spells it, or each letter case would be another route in the metrics.
        declared = process.catalogue.declared(f"/{endpoint}")
        record.route = record.route.replace("/{endpoint}", declared)
    return await handler_of(handlers, request.method)(request, process)


async def admitted(req: func.HttpRequest, process: Services, record: RequestRecord) -> ScimRequest:
    """Let a request in whose token opens the tenant of its path, `default` if that names none.

    Raises:
        Unauthorized: the token does not open the tenant, or there is no such tenant.
        Unavailable: the tokens cannot be read at present.
    """
    named = tenants.of_path(req.route_params.get("tenant"))
    caller = await process.authenticator.authenticate(named, req.headers.get("authorization"))
    deadline = time.monotonic() + process.settings.request_deadline_seconds
    context = RequestContext(caller.tenant, record.request_id, caller.label, deadline)
    record.tenant, record.token, record.context = caller.tenant, caller.label, context
    record.resource_id = req.route_params.get("id", "")
    return ScimRequest(
        method=record.method,
        tenant_url=tenant_url(req, caller.tenant, process.settings.base_url),
        context=context,
        query=query_of(req.url),
        headers=req.headers,
        resource_id=record.resource_id,
        read=partial(
            bodies.parse_body,
            req.get_body(),
            req.headers.get("content-type"),
            process.settings.max_body_bytes,
        ),
        # Whoever opened the tenant has sent a token; its digest is a secret of both sides.
        cursor_keys=caller.keys or (digest_of(bearer_token(req.headers.get("authorization"))),),
    )
