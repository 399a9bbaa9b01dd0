"""Operations: what each endpoint of `/api/v1` takes and answers, as it is served and described."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from shared.api_keys import Scope
from shared.errors import ScimError
from shared.web.callers import with_key
from shared.web.respond import Endpoint, Handler, authenticated


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
        body: of the request; None where it has none.
        status: of a success.
    """

    summary: str
    description: str
    query: type[BaseModel]
    answer: type[BaseModel]
    refusals: tuple[type[ScimError], ...]
    handler: Handler
    body: type[BaseModel] | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """What is served at a path.

    Attributes:
        scope: which an API key needs.
        operations: by HTTP method in capitals.
    """

    scope: Scope
    operations: Mapping[str, Operation]


class NoQuery(BaseModel):
    """There are no query parameters."""


def opened_by_key(endpoint: ApiEndpoint) -> Endpoint:
    """Serve an endpoint to API keys that have its scope, in the tenant that the path names."""
    handlers = {method: each.handler for method, each in endpoint.operations.items()}
    queries = (each.query for each in endpoint.operations.values())
    once = {name.lower() for query in queries for name in parameters_of(query)}
    return authenticated(handlers, with_key(endpoint.scope), once)


def parameters_of(query: type[BaseModel]) -> list[str]:
    """List the names of query parameters."""
    return [field.alias or name for name, field in query.model_fields.items()]
