"""Responses: what a handler returns, and how it becomes the response of the host."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import azure.functions as func

from shared.errors import (
    InsufficientScope,
    MethodNotAllowed,
    RateLimited,
    ScimError,
    Unauthorized,
)
from shared.scim.schema import Document
from shared.web.entity_tags import entity_tag

MEDIA_TYPE = "application/scim+json"
"""Of every response below the roots of SCIM, errors and empty ones too: Entra's validator stops at
anything else. What is no SCIM message, as the state of the service, goes out as plain JSON."""

JSON = "application/json"
PROBLEM = "application/problem+json"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class ScimResponse:
    """The response to a request.

    Attributes:
        status: HTTP status.
        body: the resource or message; None for none.
        headers: besides the content type.
        resource_id: id of the one resource that was touched, for the log.
        media_type: of the body.
        content: goes out as it is, in the place of a body.
    """

    status: int
    body: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    resource_id: str = ""
    media_type: str = MEDIA_TYPE
    content: bytes | None = None


def of_resource(status: int, resource: Document, projected: Document) -> ScimResponse:
    """Respond with a resource: its projection in the body, its version and URL in the headers."""
    meta = resource["meta"]
    headers = {"ETag": meta["version"], "Location": meta["location"]}
    return ScimResponse(status, projected, headers, resource["id"])


def no_content(resource_id: str, version: str | None = None) -> ScimResponse:
    """Respond with 204, and with the new version where there is one."""
    headers = {} if version is None else {"ETag": entity_tag(version)}
    return ScimResponse(204, headers=headers, resource_id=resource_id)


def not_modified(resource_id: str, version: str) -> ScimResponse:
    """Respond with 304: the client has this version."""
    return ScimResponse(304, headers={"ETag": entity_tag(version)}, resource_id=resource_id)


def of_error(error: ScimError) -> ScimResponse:
    """Respond with an Error message (RFC 7644 section 3.12) and the headers that go with it."""
    return ScimResponse(error.status, error.message(), headers_of(error))


def of_problem(error: ScimError, request_id: str) -> ScimResponse:
    """Respond with a problem document (RFC 9457) and the headers that go with it.

    The type is named after the error. It is a path, as RFC 9457 section 3.1.1 allows, since the
    service has no address of its own that every deployment could name.
    """
    problem = {
        "type": problem_type(type(error)),
        "title": problem_title(type(error)),
        "status": error.status,
        "detail": error.detail,
        "instance": request_id,
    }
    headers = {"Cache-Control": "no-store", **headers_of(error)}
    return ScimResponse(error.status, problem, headers, media_type=PROBLEM)


def problem_type(error: type[ScimError]) -> str:
    """Name the type of the problem that an error is: `/problems/not-found`."""
    return f"/problems/{'-'.join(_words(error)).lower()}"


def problem_title(error: type[ScimError]) -> str:
    """Write the title of the problem that an error is: `Not found`."""
    return " ".join(_words(error)).capitalize()


def _words(error: type[ScimError]) -> list[str]:
    return re.findall("[A-Z][a-z]*", error.__name__)


def headers_of(error: ScimError) -> dict[str, str]:
    """Return the headers that go with a refusal, whatever its body."""
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, InsufficientScope):
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.scope}"'
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if isinstance(error, RateLimited):
        headers.update(error.headers)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def to_http(response: ScimResponse, request_id: str) -> func.HttpResponse:
    """Write a response as the host's; `Request-Id` is what the log knows the request by."""
    body = response.content
    if response.body is not None:
        body = _encode(response.body).encode()
    return func.HttpResponse(
        body,
        status_code=response.status,
        headers={**response.headers, "Request-Id": request_id},
        mimetype=response.media_type,
    )
