"""The one family of errors: every refusal of a request is a `ScimError` with its HTTP status.

RFC 7644 section 3.12 gives the shape of the answer and the values of `scimType`. The classes have
those names, or that of the HTTP status where the RFC has no `scimType`.
"""
# ruff: noqa: N818 - the names are the terms of RFC 7644, which do not end in "Error"

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """A request that was refused, or that could not be served.

    Attributes:
        status: HTTP status of the answer.
        scim_type: `scimType` of RFC 7644 table 9, or None where the RFC defines none.
        detail: What is wrong and what to change, for the person who operates the client.
        operation: 0-based index of the PATCH operation that was refused.
        path: Attribute path of what was refused. It never holds a value, so it may be logged.
        retry_after: Seconds after which the client may try again.
    """

    status: ClassVar[int] = 500
    scim_type: ClassVar[str | None] = None

    def __init__(
        self,
        detail: str,
        *,
        operation: int | None = None,
        path: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.operation = operation
        self.path = path
        self.retry_after = retry_after

    def locate(self, *, operation: int | None = None, path: str | None = None) -> None:
        """Say where it happened, as far as that is not known yet: what knows best speaks first."""
        if self.operation is None:
            self.operation = operation
        if self.path is None:
            self.path = path

    def message(self) -> dict[str, Any]:
        """Return the body of the answer (RFC 7644 section 3.12); `status` is a string there."""
        body: dict[str, Any] = {"schemas": [ERROR_SCHEMA], "status": str(self.status)}
        if self.scim_type is not None:
            body["scimType"] = self.scim_type
        body["detail"] = self.detail
        return body


class InvalidFilter(ScimError):
    """The filter is not of the grammar, or compares what cannot be compared."""

    status = 400
    scim_type = "invalidFilter"


class TooMany(ScimError):
    """The filter would have to look at more resources than a request may read."""

    status = 400
    scim_type = "tooMany"


class InvalidCursor(ScimError):
    """The cursor was not given out for this query (RFC 9865 section 2.1)."""

    status = 400
    scim_type = "invalidCursor"


class ExpiredCursor(ScimError):
    """The cursor was given out too long ago (RFC 9865 section 2.1)."""

    status = 400
    scim_type = "expiredCursor"


class InvalidCount(ScimError):
    """`count` is out of bounds, or not that of the first page (RFC 9865 section 2.1)."""

    status = 400
    scim_type = "invalidCount"


class InvalidSyntax(ScimError):
    """The body is not JSON, or not the message that this request takes."""

    status = 400
    scim_type = "invalidSyntax"


class InvalidPath(ScimError):
    """The `path` of a PATCH operation is malformed, or of a form that is not supported."""

    status = 400
    scim_type = "invalidPath"


class NoTarget(ScimError):
    """The PATCH operation names nothing that it could change."""

    status = 400
    scim_type = "noTarget"


class InvalidValue(ScimError):
    """A required value is missing, or a value is not of the type of its attribute."""

    status = 400
    scim_type = "invalidValue"


class Mutability(ScimError):
    """The change is not compatible with the mutability of the attribute."""

    status = 400
    scim_type = "mutability"


class Unauthorized(ScimError):
    """The bearer token is missing or wrong.

    Attributes:
        challenge: What `WWW-Authenticate` asks for (RFC 6750 section 3).
    """

    status = 401

    def __init__(
        self,
        detail: str,
        *,
        challenge: str = "Bearer",
        operation: int | None = None,
        path: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail, operation=operation, path=path, retry_after=retry_after)
        self.challenge = challenge


class Forbidden(ScimError):
    """The caller is known, and may not do this."""

    status = 403


class InsufficientScope(Forbidden):
    """The API key has not the scope that this takes (RFC 6750 section 3.1).

    Attributes:
        scope: The scope.
    """

    def __init__(self, detail: str, *, scope: str) -> None:
        super().__init__(detail)
        self.scope = scope


class OAuthError(ScimError):
    """A request to the token endpoint that was refused (RFC 6749 section 5.2).

    Attributes:
        code: `error` of the answer.
    """

    status = 400
    code: ClassVar[str] = "invalid_request"


class InvalidTokenRequest(OAuthError):
    """A parameter is missing, malformed, or there twice, or two contradict each other."""


class InvalidClient(OAuthError):
    """The client is not known by what it has sent.

    Attributes:
        failed: The check that failed, for the log; the answer never tells it.
    """

    status = 401
    code = "invalid_client"

    def __init__(self, detail: str, *, failed: str = "") -> None:
        super().__init__(detail)
        self.failed = failed


class UnsupportedGrantType(OAuthError):
    """The grant is not that of client credentials."""

    code = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """Another scope is asked for than there is."""

    code = "invalid_scope"


class InvalidTarget(OAuthError):
    """The token is asked for another resource than the tenant (RFC 8707 section 2)."""

    code = "invalid_target"


class NotFound(ScimError):
    """There is no such resource or endpoint."""

    status = 404


class Gone(ScimError):
    """What was asked for is no longer kept, and never will be again."""

    status = 410


class MethodNotAllowed(ScimError):
    """The endpoint exists and does not take this method.

    Attributes:
        allow: The methods that it takes, for the `Allow` header (RFC 9110 section 15.5.6).
    """

    status = 405

    def __init__(self, detail: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allow = allow


class Uniqueness(ScimError):
    """Another resource owns the value of a unique attribute."""

    status = 409
    scim_type = "uniqueness"


class Conflict(ScimError):
    """The request does not fit what is there; RFC 7644 has no `scimType` for it."""

    status = 409


class PreconditionFailed(ScimError):
    """The resource has changed since the version that `If-Match` names."""

    status = 412


class PayloadTooLarge(ScimError):
    """The body, or the resource that it makes, is larger than can be stored."""

    status = 413


class UnsupportedMediaType(ScimError):
    """The body is declared to be something other than JSON."""

    status = 415


class TooManyRequests(ScimError):
    """The client sends faster than it is served."""

    status = 429


class RateLimited(TooManyRequests):
    """The tenant sends more requests than its rate limit allows.

    Attributes:
        headers: Of the answer, which tell the limit and what is left of it.
    """

    def __init__(self, detail: str, *, retry_after: int, headers: Mapping[str, str]) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.headers = headers


class InternalError(ScimError):
    """A fault of this service."""

    status = 500


class NotServed(ScimError):
    """The protocol has it and this service does not (RFC 7644 section 3.11, 501)."""

    status = 501


class Unavailable(ScimError):
    """Something that the service depends on does not answer; to be tried again."""

    status = 503
