"""Operations: what each endpoint of `/api/v1` takes and answers, as it is served and described."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from shared.api_keys import Scope
from shared.errors import ScimError
from shared.web.callers import with_key, with_key_alone
from shared.web.respond import Endpoint, Handler, authenticated
from shared.web.responses import JSON, ScimResponse

MERGE_PATCH = "application/merge-patch+json"
"""The media type of RFC 7396."""


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
    handlers = {method: each.handler for method, each in endpoint.operations.items()}
    queries = (each.query for each in endpoint.operations.values())
    once = {name.lower() for query in queries for name in parameters_of(query)}
    enter = with_key if endpoint.is_of_tenant else with_key_alone
    return authenticated(handlers, enter(endpoint.scope), once)


def of_model(
    status: int, answer: BaseModel, headers: Mapping[str, str] | None = None
) -> ScimResponse:
    """Respond with a model; what has no value is left out, and nobody keeps the answer."""
    body = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ScimResponse(
        status, body, {"Cache-Control": "no-store", **(headers or {})}, media_type=JSON
    )


def parameters_of(query: type[BaseModel]) -> list[str]:
    """List the names of query parameters."""
    return [field.alias or name for name, field in query.model_fields.items()]
