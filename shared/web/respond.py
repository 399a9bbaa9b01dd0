"""The one policy around every function: who comes in, and what becomes of refusals and faults.

SCIM and `/api/v1` have it in common: they differ in who is let in, and in how refusals are written.

The host answers with an empty body whatever it decides itself: an unlisted method, an exception.
So functions list no methods (`shared.web.routes`), and no exception leaves this module.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import azure.functions as func

from shared.errors import InternalError, MethodNotAllowed, RateLimited, ScimError
from shared.store.layout import is_id
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web import bodies, request_ids, responses, services
from shared.web.callers import READS, Enter, with_token_or_key
from shared.web.compute import LARGE_BODY
from shared.web.request_log import write_fault, write_line
from shared.web.requests import ScimRequest, query_of, tenant_url
from shared.web.responses import ScimResponse
from shared.web.services import Services

Endpoint = Callable[[func.HttpRequest, RequestRecord], Awaitable[ScimResponse]]
"""Serves the requests of a route, noting in the record what it learns; may raise a `ScimError`."""

Handler = Callable[[ScimRequest, Services], Awaitable[ScimResponse]]
"""Serves one method for a caller who was let in; refuses by raising a `ScimError`."""

Handlers = Mapping[str, Handler]
"""Handlers by HTTP method in capitals."""

ReadQuery = Callable[[str, str], Mapping[str, str]]
"""Reads the query of a request, of its method and its URL; refuses by raising a `ScimError`."""

ErrorResponder = Callable[[ScimError], ScimResponse]
"""Writes the response of a refusal."""

_FAULT = (
    "The service failed. Repeat the request; if it fails again, tell the operator its Request-Id."
)


async def respond(
    endpoint: Endpoint,
    req: func.HttpRequest,
    context: func.Context,
    template: str,
    *,
    problems: bool = False,
) -> func.HttpResponse:
    """Respond to a request of a route; every refusal and every fault becomes an error in JSON.

    Args:
        endpoint: serves the request.
        req: the request.
        context: of the invocation.
        template: of the route.
        problems: whether errors are problem documents instead of SCIM errors.
    """
    record = RequestRecord(
        request_id=str(context.invocation_id),
        method=req.method.upper(),
        route=template,
        client_request=request_ids.client_request(req.headers),
        trace_parent=request_ids.trace_parent(context, req.headers),
    )
    of_problem = partial(responses.of_problem, request_id=record.request_id)
    refusal = of_problem if problems else responses.of_error
    # What the product asks for at `/api/v1` is no provisioning.
    report = _report if problems else _report_provisioning
    response = await run(endpoint(req, record), record, report, refusal)
    return responses.to_http(response, record.request_id)


async def run(
    serving: Awaitable[ScimResponse],
    record: RequestRecord,
    report: Callable[[RequestRecord], None] = write_line,
    refusal: ErrorResponder = responses.of_error,
) -> ScimResponse:
    """Serve a request, or a part of one, and report it; nothing is raised."""
    try:
        response = await serving
    except ScimError as error:
        _note(error, record)
        response = refusal(error)
    except Exception as fault:  # noqa: BLE001 - the host would answer with an empty 500
        write_fault(record.request_id, fault)
        record.detail = _FAULT
        response = refusal(InternalError(_FAULT))
    resource_id = response.resource_id or record.resource_id
    record.resource_id = resource_id if is_id(resource_id) else ""
    record.answer = response.content if response.body is None else response.body
    record.finish(response.status)
    report(record)
    return response


def read_scim_query(method: str, url: str) -> Mapping[str, str]:
    """Read a query of SCIM, whose parameters are those of every method; errors as of `query_of`."""
    del method
    return query_of(url)


SCIM_ENTRANCE = with_token_or_key()
"""Lets a token in, and for GET and HEAD an API key."""

SEARCH_ENTRANCE = with_token_or_key({*READS, "POST"})
"""The same for `/.search`, whose POST reads."""


def authenticated(
    handlers: Handlers, enter: Enter = SCIM_ENTRANCE, read_query: ReadQuery = read_scim_query
) -> Endpoint:
    """Make an endpoint that lets the caller in, then serves the method or answers 405.

    Args:
        handlers: by method.
        enter: lets the caller in.
        read_query: reads the query.
    """

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        process = services.current()
        request = await admit(req, process, record, enter, read_query)
        return await handle(handlers, request, process)

    return serve


def searching(handlers: Handlers) -> Endpoint:
    """Make an endpoint of `/.search`, whose POST reads, so that an API key may send it."""
    return authenticated(handlers, SEARCH_ENTRANCE)


async def admit(
    req: func.HttpRequest,
    process: Services,
    record: RequestRecord,
    enter: Enter = SCIM_ENTRANCE,
    read_query: ReadQuery = read_scim_query,
) -> ScimRequest:
    """Let a request in whose caller may enter, and which is within the tenant's rate limit.

    Raises:
        Unauthorized: it carries nothing that opens the tenant, or there is no such tenant.
        Forbidden: its API key may not do this.
        Unavailable: tokens and keys, or the settings of the tenant, cannot be read at present.
        RateLimited: the tenant sends too much, or the product asks too much of it.
    """
    request = await authenticate(req, process, record, enter, read_query)
    process.rate_limit_of(request).take(request.context.tenant)
    if request.is_product:
        return request
    return replace(request, profile=await process.store.settings.profile(request.context))


async def handle(handlers: Handlers, request: ScimRequest, process: Services) -> ScimResponse:
    """Serve the method of a request that was let in, or answer 405.

    What was written before a refusal is written: webhooks may be due, and a mass removal may be.
    """
    handler, context = handler_of(handlers, request.method), request.context
    try:
        response = await handler(request, process)
    finally:
        if context.has_removed:
            process.guard_watch.take(context.tenant)
        if context.has_written:
            await process.webhooks.give_hint(context.tenant)
    fields = process.rate_limit_of(request).fields(request.context.tenant)
    return replace(response, headers={**response.headers, **fields}) if fields else response


async def authenticate(
    req: func.HttpRequest,
    process: Services,
    record: RequestRecord,
    enter: Enter,
    read_query: ReadQuery = read_scim_query,
) -> ScimRequest:
    """Read a request whose caller may enter; errors as of `enter`."""
    caller = await enter(req, record, process)
    deadline = time.monotonic() + process.settings.request_deadline_seconds
    context = RequestContext(
        caller.tenant,
        record.request_id,
        caller.label,
        deadline,
        record.method,
        client_request_id=record.client_request,
    )
    body = bodies.Body(
        req.get_body(), req.headers.get("content-type"), process.settings.max_body_bytes
    )
    record.tenant, record.meter = caller.tenant, context.meter
    record.resource_id = req.route_params.get("id", "")
    record.url = req.url
    record.body, record.skipped = body, context.skipped
    query = read_query(record.method, req.url)
    record.filter = query.get("filter", "")
    return ScimRequest(
        method=record.method,
        tenant_url=tenant_url(req, caller.tenant, process.settings.base_url),
        context=context,
        query=query,
        headers=req.headers,
        resource_id=record.resource_id,
        read=body.read,
        cursor_keys=caller.keys,
        compute=process.compute,
        is_large=body.size >= LARGE_BODY,
        api_key=caller.api_key,
    )


def handler_of(handlers: Handlers, method: str) -> Handler:
    """Return the handler of a method; HEAD is a GET whose body the host leaves out.

    Raises:
        MethodNotAllowed: there is none; the error names the methods that are served.
    """
    handler = handlers.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise method_not_allowed(method, _served(handlers))
    return handler


def _served(handlers: Handlers) -> Iterator[str]:
    """Yield the methods that are served: HEAD wherever GET is."""
    for method in handlers:
        yield method
        if method == "GET":
            yield "HEAD"


def method_not_allowed(method: str, allowed: Iterable[str]) -> MethodNotAllowed:
    """Build the refusal of a method, which names those that are served."""
    allow = tuple(allowed)
    return MethodNotAllowed(
        f"{method[:20]} is not served here. Use one of: {', '.join(allow)}.", allow=allow
    )


def _report(record: RequestRecord) -> None:
    """Write the line of a request into the log, and pass it to the telemetry."""
    write_line(record)
    try:
        services.telemetry().record(record)
    except Exception as fault:  # noqa: BLE001 - the client is answered all the same
        write_fault(record.request_id, fault)


def _report_provisioning(record: RequestRecord) -> None:
    """Report a request of an identity provider, which the log of its tenant may tell, too."""
    _report(record)
    if record.tenant:
        services.current().recorder.take(record)
        services.current().attribute_recorder.take(record)
        services.current().trace_recorder.take(record)


def _note(error: ScimError, record: RequestRecord) -> None:
    """Note of a refusal what the log and the telemetry tell."""
    record.scim_type = error.scim_type or ""
    record.operation, record.path = error.operation, error.path or ""
    record.detail = error.detail
    record.refused_by = "rateLimit" if isinstance(error, RateLimited) else ""
