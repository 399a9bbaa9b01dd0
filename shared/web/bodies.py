"""Request bodies: bytes that must be JSON, within bounds."""

import json
from dataclasses import dataclass
from typing import Any

from shared.errors import InvalidSyntax, PayloadTooLarge, ScimError, UnsupportedMediaType
from shared.scim import strict_json

MAX_BODY_DEPTH = 32
"""Arrays and objects within each other; SCIM needs five."""

_NOT_JSON = "The body is not JSON: {problem}. Send one JSON object, in UTF-8."


class Body:
    """The body of a request, read as JSON when it is first asked for, once.

    Attributes:
        seen: what it was read as; None where it was not read, or is no JSON.
    """

    def __init__(self, content: bytes, content_type: str | None, limit: int) -> None:
        """Take the body as it came; arguments as of `parse_body`."""
        self._content = content
        self._content_type = content_type
        self._limit = limit
        self.seen: Any = None

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self._content

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self._content)

    def read(self) -> Any:
        """Read the body; see `parse_body` for what it raises."""
        if self.seen is None:
            self.seen = parse_body(self._content, self._content_type, self._limit)
        return self.seen


@dataclass(frozen=True, slots=True)
class PartOfBody:
    """What the body of a bulk request has for one of its operations.

    Attributes:
        seen: the part, as it was read.
        size: 0, since nobody has counted its bytes.
        content: none, for the same reason.
    """

    seen: Any
    size: int = 0
    content: bytes = b""


def parse_body(body: bytes, content_type: str | None, limit: int) -> Any:
    """Read a body as JSON; the content type does not matter where the body is JSON.

    Args:
        body: what the host handed over.
        content_type: of the request.
        limit: bytes that a body may have.

    Raises:
        PayloadTooLarge: the body is over the limit.
        UnsupportedMediaType: the body is not JSON and was not said to be.
        InvalidSyntax: the body is empty, is not JSON in UTF-8, nests too deeply, or has an object
            with a key twice.
    """
    if len(body) > limit:
        raise PayloadTooLarge(
            f"The body has {len(body):,} bytes; at most {limit:,} are allowed. Send less at a time."
        )
    if not body.strip():
        raise InvalidSyntax(
            "The body is empty. Send a JSON object, and a Content-Length header with it: a body "
            "sent in chunks does not reach the service."
        )
    try:
        # Given bytes, the parser would guess at UTF-16 and let encoded surrogates pass.
        value = strict_json.read(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _not_json(error, content_type) from None
    _check_depth(body, value)
    _check_surrogates(body, value)
    return value


def _not_json(error: Exception, content_type: str | None) -> ScimError:
    """Name the problem without quoting the body."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type and "json" not in media_type:
        return UnsupportedMediaType(
            "The body is not JSON. Send application/scim+json or application/json."
        )
    if isinstance(error, json.JSONDecodeError):
        problem = f"{error.msg} at line {error.lineno}, column {error.colno}"
    elif isinstance(error, UnicodeDecodeError):
        problem = f"byte {error.start} is not UTF-8"
    elif isinstance(error, RecursionError):
        problem = "it nests too deeply"
    else:
        problem = "it holds a number or a constant that JSON does not have"
    return InvalidSyntax(_NOT_JSON.format(problem=problem))


def _check_depth(body: bytes, value: Any) -> None:
    """Refuse what would exhaust the stack of whatever walks it."""
    if body.count(b"[") + body.count(b"{") <= MAX_BODY_DEPTH:
        return
    level = _containers([value])
    for _ in range(MAX_BODY_DEPTH):
        level = [part for whole in level for part in _containers(whole)]
        if not level:
            return
    raise InvalidSyntax(
        f"The body nests more than {MAX_BODY_DEPTH} levels deep. Send a flatter one."
    )


def _containers(whole: list[Any] | dict[str, Any]) -> list[Any]:
    parts = whole.values() if isinstance(whole, dict) else whole
    return [part for part in parts if isinstance(part, list | dict)]


def _check_surrogates(body: bytes, value: Any) -> None:
    r"""Refuse half of a surrogate pair (`"\ud800"`), which is no character and cannot be stored."""
    if rb"\ud" in body.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            problem = "it holds an escaped surrogate without its other half"
            raise InvalidSyntax(_NOT_JSON.format(problem=problem)) from None
