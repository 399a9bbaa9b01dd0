"""Operations: what each endpoint of `/api/v1` takes and answers, as it is served and described."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from shared.api_keys import Scope
from shared.errors import PreconditionFailed, ScimError, UnsupportedMediaType
from shared.store.resources import check_precondition
from shared.web.callers import READS, with_key, with_key_alone
from shared.web.entity_tags import EntityTags
from shared.web.requests import ScimRequest
from shared.web.respond import Endpoint, Handler, ReadQuery, authenticated
from shared.web.responses import JSON, ScimResponse
from shared.web.services import Services
from vendor_api.queries import parameters_of, read_query

MERGE_PATCH = "application/merge-patch+json"
"""The media type of RFC 7396."""

_NO_VERSION = "\n"
"""Stands for the version of what has none; no header can name it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of an endpoint does.

    Attributes:
        summary: in a line.
        description: for the engineer who calls it.
        query: the query parameters; each field's alias is the name of one.
        answer: the body of a success.
        refusals: what the handler raises, besides what every operation may be refused for.
        handler: serves the method.
        body: what the request carries; None for nothing.
        media_types: in which it comes.
        status: of a success; with 201 comes `Location`.
        has_condition: whether the handler itself holds `If-Match` and `If-None-Match`.
    """

    summary: str
    description: str
    query: type[BaseModel]
    answer: type[BaseModel]
    refusals: tuple[type[ScimError], ...]
    handler: Handler
    body: type[BaseModel] | None = None
    media_types: tuple[str, ...] = (JSON,)
    status: int = 200
    has_condition: bool = False


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """What is served at a path.

    Attributes:
        scope: which an API key needs.
        operations: by HTTP method in capitals.
        is_of_tenant: whether its path names a tenant.
    """

    scope: Scope
    operations: Mapping[str, Operation]
    is_of_tenant: bool = True


class NoQuery(BaseModel):
    """There are no query parameters."""


def opened_by_key(endpoint: ApiEndpoint) -> Endpoint:
    """Serve an endpoint to API keys that have its scope, in the tenant if the path names one."""
    handlers = {method: _handler(endpoint, method) for method in endpoint.operations}
    enter = with_key if endpoint.is_of_tenant else with_key_alone
    return authenticated(handlers, enter(endpoint.scope), _query_reader(endpoint))


def _query_reader(endpoint: ApiEndpoint) -> ReadQuery:
    """Read the query as the operation of the method describes it."""
    known = {method: parameters_of(each.query) for method, each in endpoint.operations.items()}

    def read(method: str, url: str) -> dict[str, str]:
        names = known.get("GET" if method == "HEAD" else method)
        # What is not served is refused as such.
        return {} if names is None else read_query(names, url)

    return read


def _handler(endpoint: ApiEndpoint, method: str) -> Handler:
    """Serve a method: a write under its condition, a body in the media types of the operation."""
    operation = endpoint.operations[method]
    is_guarded = method not in READS and not operation.has_condition

    async def serve(request: ScimRequest, services: Services) -> ScimResponse:
        if is_guarded:
            await _check_condition(endpoint, request, services)
        try:
            return await operation.handler(request, services)
        except UnsupportedMediaType:
            wanted = " or ".join(operation.media_types)
            raise UnsupportedMediaType(f"The body is not JSON. Send {wanted}.") from None

    return serve


async def _check_condition(endpoint: ApiEndpoint, request: ScimRequest, services: Services) -> None:
    """Hold a write to `If-Match` and `If-None-Match`, against what a GET of its path shows.

    What has no ETag has no version that could be meant: of it `If-Match: *` alone is true, and an
    `If-None-Match` that names versions (RFC 9110 sections 13.1.1 and 13.1.2). What is not there is
    refused as it is without the condition (section 13.2.1).

    Raises:
        InvalidSyntax: a condition is empty.
        PreconditionFailed: the condition is false.
    """
    condition = request.precondition
    if condition is None:
        return
    reading = endpoint.operations.get("GET")
    shown = None if reading is None else await reading.handler(request, services)
    tag = None if shown is None else EntityTags.parse(shown.headers.get("ETag"))
    if tag is not None:
        check_precondition(condition, min(tag.versions))
    elif not condition(_NO_VERSION):
        raise PreconditionFailed(
            "What is at this path has no ETag, so no version of it is the one that is meant. Leave"
            " If-Match and If-None-Match out."
        )


def of_model(
    status: int, answer: BaseModel, headers: Mapping[str, str] | None = None
) -> ScimResponse:
    """Respond with a model; what has no value is left out, and nobody keeps the answer."""
    body = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ScimResponse(
        status, body, {"Cache-Control": "no-store", **(headers or {})}, media_type=JSON
    )
