"""Answers: what a handler returns, and how it becomes the host's response."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import azure.functions as func

from shared.errors import MethodNotAllowed, ScimError, Unauthorized
from shared.scim.schema import Document
from shared.web.entity_tags import entity_tag

MEDIA_TYPE = "application/scim+json"
"""Of every answer, errors and empty ones too: Entra's validator stops at anything else. Only what
is no SCIM message, the state of the service, goes out as plain JSON."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler has to say.

    Attributes:
        status: HTTP status.
        body: the resource or message; None for none.
        headers: besides the content type.
        resource_id: id of the one resource that was touched, for the log.
        media_type: of the body.
    """

    status: int
    body: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    resource_id: str = ""
    media_type: str = MEDIA_TYPE


def of_resource(status: int, resource: Document, projected: Document) -> Answer:
    """Answer with a resource: its projection in the body, its version and place in the headers."""
    meta = resource["meta"]
    headers = {"ETag": meta["version"], "Location": meta["location"]}
    return Answer(status, projected, headers, resource["id"])


def no_content(resource_id: str, version: str | None = None) -> Answer:
    """Answer 204, with the new version where there is one."""
    headers = {} if version is None else {"ETag": entity_tag(version)}
    return Answer(204, headers=headers, resource_id=resource_id)


def not_modified(resource_id: str, version: str) -> Answer:
    """Answer 304: the client has this version."""
    return Answer(304, headers={"ETag": entity_tag(version)}, resource_id=resource_id)


def of_error(error: ScimError) -> Answer:
    """Answer with an Error message (RFC 7644 section 3.12) and the headers that go with it."""
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Answer(error.status, error.message(), headers)


def to_response(answer: Answer, request_id: str) -> func.HttpResponse:
    """Write an answer as the host's response; `Request-Id` is what the log knows the request by."""
    body = None
    if answer.body is not None:
        body = _encode(answer.body).encode()
    return func.HttpResponse(
        body,
        status_code=answer.status,
        headers={**answer.headers, "Request-Id": request_id},
        mimetype=answer.media_type,
    )
