"""What a trace keeps of a request and its answer: the values, without secrets, within a bound.

Headers are no part of it, since they carry the token. A body is kept as the JSON that it was read
as, because what is no JSON may hold a secret that nobody finds in it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

from shared.scim.folding import fold
from shared.scim.schema import Attribute, Schema
from shared.store.trace_content import TraceContent
from shared.telemetry.request_record import RequestRecord

TraceGap = Literal["tooMany", "total", "notWritten"]
"""Why requests are not in a trace: too many in a minute, or waiting; too many in the trace; the
storage did not take them."""

LEFT_OUT: Final = "(left out)"
"""Stands in the place of a secret."""

MOST_TARGET_BYTES: Final = 4_096
"""Bytes that are kept of a path with its query."""

MOST_EXCHANGE_BYTES: Final = 56_000
"""Bytes that are kept of the body of the request and that of the answer together. With the rest and
the seal the entry fits into a property of 64 KiB."""

MOST_UNREAD_BYTES: Final = 65_536
"""Bytes up to which a body is read for the trace that the request itself did not come to read."""

_SECRET_WORDS = ("password", "secret", "assertion", "token")
_BETWEEN_NAMES = re.compile(r"[^\w$-]+")
_EXPRESSIONS = frozenset({"path", "filter"})
_QUOTES = ('"', "'")
_JSON_AS_TEXT = ("{", "[")
_HALF = MOST_EXCHANGE_BYTES // 2

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write_exchange(record: RequestRecord, hidden: frozenset[str] = frozenset()) -> bytes:
    """Write a finished request with its values, and how long a body was that was cut.

    Args:
        record: the request.
        hidden: folded names of attributes that no answer shows; their values are left out.
    """
    body, unread = _body_of(record, hidden)
    answer = _answer_of(record, hidden)
    kept_body = _cut(body, max(_HALF, MOST_EXCHANGE_BYTES - len(answer)))
    kept_answer = _cut(answer, MOST_EXCHANGE_BYTES - len(kept_body))
    told: dict[str, Any] = {
        "request": record.request_id,
        "clientRequest": record.client_request,
        "token": record.token,
        "method": record.method[:20],
        "target": _target_of(record.url),
        "status": record.status,
        "ms": record.milliseconds,
        "unreadBytes": unread,
        "bodyCutFrom": len(body) if len(kept_body) < len(body) else 0,
        "answerCutFrom": len(answer) if len(kept_answer) < len(answer) else 0,
    }
    known = {name: value for name, value in told.items() if value}
    return TraceContent(known, kept_body, kept_answer).pack()


def write_left_out(counted: Mapping[TraceGap, int]) -> bytes:
    """Write how many requests were left out, by reason."""
    return TraceContent({"leftOut": dict(counted)}).pack()


def names_of_hidden(schemas: Iterable[Schema]) -> frozenset[str]:
    """Name, folded, the attributes that no answer shows, or that a client may only write."""
    top = (each for schema in schemas for each in schema.attributes)
    every = (each for whole in top for each in (whole, *whole.sub_attributes))
    return frozenset(fold(each.name) for each in every if _is_hidden(each))


def _is_hidden(attribute: Attribute) -> bool:
    return attribute.returned == "never" or attribute.mutability == "writeOnly"


def names_user(record: RequestRecord, user: str) -> bool:
    """Tell whether a request, or its answer, names a user.

    By its id, or by a value that stands by itself in a body, or in quotation marks in the query; in
    any letter case.
    """
    wanted = fold(user)
    if fold(record.resource_id) == wanted or f'"{wanted}"' in fold(unquote_plus(record.url)):
        return True
    seen = None if record.body is None else record.body.seen
    return any(fold(text) == wanted for whole in (seen, record.answer) for text in _texts(whole))


def without_secrets(value: Any, hidden: frozenset[str] = frozenset()) -> Any:
    """Copy JSON with `LEFT_OUT` in the place of secrets.

    They are the values of attributes whose names tell of a secret, such as `password`, and of those
    that are hidden: as a key, or as what the `path` of an operation names. So are expressions that
    compare with one, and JSON as text that has one.
    """
    if isinstance(value, list):
        return [without_secrets(each, hidden) for each in value]
    if not isinstance(value, dict):
        return LEFT_OUT if _is_secret_text(value, hidden) else value
    sets_secret = any(
        key.lower() == "path" and isinstance(each, str) and _is_secret(each, hidden)
        for key, each in value.items()
    )
    return {key: _shown(key, each, hidden, sets_secret=sets_secret) for key, each in value.items()}


def _shown(key: str, value: Any, hidden: frozenset[str], *, sets_secret: bool) -> Any:
    name = key.lower()
    if name in _EXPRESSIONS and isinstance(value, str):
        is_comparison = any(mark in value for mark in _QUOTES)
        return LEFT_OUT if is_comparison and _is_secret(value, hidden) else value
    if _is_secret(key, hidden) or (sets_secret and name == "value"):
        return LEFT_OUT
    return without_secrets(value, hidden)


def _is_secret(name: str, hidden: frozenset[str]) -> bool:
    folded = fold(name)
    has_word = any(word in folded for word in _SECRET_WORDS)
    return has_word or not hidden.isdisjoint(_BETWEEN_NAMES.split(folded))


def _is_secret_text(value: Any, hidden: frozenset[str]) -> bool:
    """Tell whether a text is JSON that has a secret."""
    if not isinstance(value, str) or not value.lstrip().startswith(_JSON_AS_TEXT):
        return False
    # An escape can spell any name.
    return "\\u" in value or _is_secret(value, hidden)


def _body_of(record: RequestRecord, hidden: frozenset[str]) -> tuple[bytes, int]:
    """Return the body of a request, and how many bytes there are of one that is not kept."""
    if record.body is None:
        return b"", 0
    seen = record.body.seen
    if seen is None and record.body.size <= MOST_UNREAD_BYTES:
        seen = _read(record.body.content)
    return (b"", record.body.size) if seen is None else (_written(seen, hidden), 0)


def _answer_of(record: RequestRecord, hidden: frozenset[str]) -> bytes:
    answer = _read(record.answer) if isinstance(record.answer, bytes) else record.answer
    return b"" if answer is None else _written(answer, hidden)


def _read(content: bytes) -> Any:
    """Read bytes as JSON; None where they are none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _written(value: Any, hidden: frozenset[str]) -> bytes:
    return _encode(without_secrets(value, hidden)).encode("utf-8", "replace")


def _target_of(url: str) -> str:
    """Write path and query as they were sent, with secrets left out."""
    # Not by urlsplit, which fails over a Host header that is none.
    path, mark, query = url.partition("://")[2].partition("?")
    pairs = "&".join(map(_pair, query.split("&")))
    target = f"/{path.partition('/')[2]}{mark}{pairs}"
    return _cut(target.encode("utf-8", "replace"), MOST_TARGET_BYTES).decode()


def _pair(pair: str) -> str:
    """Write a parameter of the query; without its value where it, or the name, tells of a secret.

    The lists of attributes name attributes and hold no values.
    """
    name, mark, _ = pair.partition("=")
    decoded = unquote_plus(pair)
    is_list = unquote_plus(name).lower() in {"attributes", "excludedattributes"}
    is_secret = not is_list and _is_secret(decoded, frozenset())
    return f"{name}{mark}{LEFT_OUT}" if is_secret else pair


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _cut(text: bytes, size: int) -> bytes:
    """Cut UTF-8 to at most so many bytes, at the end of a character."""
    return text[:size].decode("utf-8", "ignore").encode() if len(text) > size else text
