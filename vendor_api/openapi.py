"""The description of `/api/v1` in OpenAPI 3.1, made from what is served."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.errors import (
    Forbidden,
    InsufficientScope,
    InternalError,
    InvalidSyntax,
    InvalidValue,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    RateLimited,
    ScimError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from shared.telemetry.request_record import RequestRecord
from shared.web.callers import READS
from shared.web.respond import Endpoint, method_not_allowed
from shared.web.responses import JSON, PROBLEM, ScimResponse, problem_title, problem_type
from shared.web.routes import Route
from vendor_api.operations import ApiEndpoint, Operation
from vendor_api.routes import API_ROUTES

API_VERSION = "1.0.0"
_CACHE = "public, max-age=300"
_KEY = "apiKey"
_REFERENCES = "#/components/schemas/{model}"

_OF_EVERY_OPERATION: tuple[type[ScimError], ...] = (
    Unauthorized,
    Forbidden,
    InsufficientScope,
    NotFound,
    MethodNotAllowed,
    RateLimited,
    TooManyRequests,
    InternalError,
    InvalidValue,
    Unavailable,
)
"""What any operation may be refused for."""

_OF_WRITES: tuple[type[ScimError], ...] = (InvalidSyntax, PreconditionFailed)
"""What a write may be refused for besides: `If-Match` or `If-None-Match` is empty or false."""

_OF_BODIES: tuple[type[ScimError], ...] = (
    InvalidSyntax,
    PayloadTooLarge,
    UnsupportedMediaType,
)
"""What an operation that takes a body may be refused for besides."""

_TENANT = {
    "name": "tenant",
    "in": "path",
    "required": True,
    "description": "The name of the tenant, `default` for the one at `/scim/v2`.",
    "schema": {"type": "string"},
    "example": "default",
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_IN_PATHS = {"tenant": _TENANT, "id": _ID}
_IDS = {
    "api_guard_id_release": "The id of what is held: 32 hex digits.",
    "api_guard_id_undo": "The id of what is held: 32 hex digits.",
    "api_group_differences": "The id of the group, also of one that was deleted: 32 hex digits.",
    "api_group_members": "The id of the group, also of one that was deleted: 32 hex digits.",
    "api_setup_links_id": "The id of the setup link: 32 hex digits.",
    "api_tokens_id": "The version of the token: 32 hex digits.",
    **dict.fromkeys(
        (
            "api_webhooks_deliveries",
            "api_webhooks_id",
            "api_webhooks_redeliver",
            "api_webhooks_secrets",
        ),
        "The id of the webhook endpoint: 32 hex digits.",
    ),
}
"""What `{id}` is, by the name of the route."""


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="What is wrong, for programs: compare it as a text.")
    title: str = Field(description="The same in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What to change, for people.")
    instance: str = Field(description="The id of the request, as in `Request-Id` and in the log.")


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles of members, which would say their names once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Set none."""
        del schema
        return False


def described(endpoints: Mapping[str, ApiEndpoint]) -> Endpoint:
    """Make the endpoint of the description, which is open to everybody and made once."""
    document: dict[str, Any] = {}

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        del req
        if record.method not in READS:
            raise method_not_allowed(record.method, sorted(READS))
        if not document:
            document.update(describe(endpoints))
        return ScimResponse(200, document, {"Cache-Control": _CACHE}, media_type=JSON)

    return serve


async def no_such_path(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """Any method of every path below `/api/v1` that nothing else serves."""
    del req, record
    raise NotFound("Nothing is served at this path. /openapi.json describes what is.")


def describe(
    endpoints: Mapping[str, ApiEndpoint], routes: Iterable[Route] = API_ROUTES
) -> dict[str, Any]:
    """Describe endpoints by the routes of their names."""
    paths = {
        f"/{route.path}": _path(route, endpoints[route.name])
        for route in routes
        if route.name in endpoints
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Identities of the product",
            "version": API_VERSION,
            "description": "What the product asks whose identities the service holds. SCIM itself"
            " describes itself below each Tenant URL, at `/Schemas`, `/ResourceTypes` and"
            " `/ServiceProviderConfig`.",
        },
        "servers": [{"url": "/"}],
        "security": [{_KEY: []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(endpoints),
            "securitySchemes": {
                _KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `scimkey_<name>_...`.",
                }
            },
        },
    }


def _path(route: Route, endpoint: ApiEndpoint) -> dict[str, Any]:
    named = re.findall(r"\{(\w+)\}", route.path)
    parameters = [_IN_PATHS[name] for name in named if name != "id"]
    if "id" in named:
        parameters.append(_ID | {"description": _IDS[route.name]})
    return {"parameters": parameters} | {
        method.lower(): _operation(method, route, operation, endpoint)
        for method, operation in endpoint.operations.items()
    }


def _operation(
    method: str, route: Route, operation: Operation, endpoint: ApiEndpoint
) -> dict[str, Any]:
    answer = {"$ref": _REFERENCES.format(model=operation.answer.__name__)}
    is_new = operation.status == 201
    headers = ("Request-Id", "Cache-Control", *(("Location",) if is_new else ()))
    of_write = () if method in READS else _OF_WRITES
    of_body = _OF_BODIES if operation.body else ()
    refusals = (*_OF_EVERY_OPERATION, *of_write, *of_body, *operation.refusals)
    return {
        "operationId": f"{method.lower()}_{route.name}",
        "summary": operation.summary,
        "description": f"{operation.description} Scope: `{endpoint.scope}`.",
        "parameters": _parameters(operation.query),
        **_body(operation),
        "responses": {
            str(operation.status): {
                "description": "Created" if is_new else "OK",
                "headers": _headers(*headers),
                "content": {JSON: {"schema": answer}},
            },
            **_refusals(dict.fromkeys(refusals)),
        },
    }


def _body(operation: Operation) -> dict[str, Any]:
    if operation.body is None:
        return {}
    schema = {"$ref": _REFERENCES.format(model=operation.body.__name__)}
    content = {each: {"schema": schema} for each in operation.media_types}
    return {"requestBody": {"required": True, "content": content}}


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """Describe the query as one object, whose members are the parameters (`explode`).

    Parameters that are described one by one could not say that exactly one of them is to be sent.
    """
    if not query.model_fields:
        return []
    schema = query.model_json_schema(schema_generator=_WithoutTitles)
    return [
        {
            "name": "query",
            "in": "query",
            "required": not schema.keys().isdisjoint({"required", "oneOf"}),
            "style": "form",
            "explode": True,
            "description": query.__doc__,
            "schema": schema | {"additionalProperties": False},
        }
    ]


def _refusals(errors: Iterable[type[ScimError]]) -> dict[str, Any]:
    """Describe the responses of refusals by status, with the types of problem that each has."""
    by_status: dict[int, list[type[ScimError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _refusal(by_status[status]) for status in sorted(by_status)}


def _refusal(errors: list[type[ScimError]]) -> dict[str, Any]:
    types = {"type": {"enum": [problem_type(error) for error in errors]}}
    problem = {"allOf": [{"$ref": _REFERENCES.format(model="Problem")}, {"properties": types}]}
    headers = ["Request-Id", *(name for error in errors for name in _HEADERS.get(error, ()))]
    return {
        "description": " or ".join(problem_title(error) for error in errors),
        "headers": _headers(*headers),
        "content": {PROBLEM: {"schema": problem}},
    }


_HEADERS: dict[type[ScimError], tuple[str, ...]] = {
    Unauthorized: ("WWW-Authenticate",),
    InsufficientScope: ("WWW-Authenticate",),
    MethodNotAllowed: ("Allow",),
    RateLimited: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    Unavailable: ("Retry-After",),
}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in names}


def _schemas(endpoints: Mapping[str, ApiEndpoint]) -> dict[str, Any]:
    models: set[type[BaseModel]] = {Problem}
    for endpoint in endpoints.values():
        models |= {operation.answer for operation in endpoint.operations.values()}
        models |= {each.body for each in endpoint.operations.values() if each.body}
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in models
    ]
    _, document = models_json_schema(
        wanted, ref_template=_REFERENCES, schema_generator=_WithoutTitles
    )
    schemas: dict[str, Any] = document["$defs"]
    return dict(sorted(schemas.items()))
