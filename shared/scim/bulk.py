"""Bulk operations: what they refer to, and the order in which they can be done (RFC 7644 3.7)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from shared.errors import Conflict, InvalidValue
from shared.scim import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_BULK_OPERATIONS = 1_000
"""Operations of one bulk request; more are answered 413."""

Method = Literal["POST", "PUT", "PATCH", "DELETE"]

_REFERENCE = re.compile(r"\s*bulkId:(.*\S)\s*", re.DOTALL | re.IGNORECASE)
_IN_URL = re.compile(r"(?<=/)bulkId(?::|%3a)([^/]+)", re.IGNORECASE)
_URL = re.compile(r"\s*[^\s{}\[\]\"]*/bulkId(?::|%3a)[^/\s]+/?\s*", re.IGNORECASE)
"""A text that is a URL, absolute or not, which ends in a reference: the `$ref` of a resource."""

_IN_FILTER = re.compile(
    r"""(?<=")\s*bulkId:([^"]+)(?=")
      | (?<=')\s*bulkId:([^']+)(?=')
      | (?<=\s)bulkId:([^\s"'()\[\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_JSON = re.compile(r"\s*[{\[].*bulkId:", re.DOTALL | re.IGNORECASE)
"""Begins a text that may be JSON with a reference in it."""


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation of a bulk request (RFC 7644 section 3.7).

    Attributes:
        index: 0-based place in the request.
        method: HTTP method in capitals.
        path: Below the base URL: `/Users`, `/Users/<id>`, `/Users/bulkId:<bulkId>`.
        bulk_id: The client's name of the operation; a POST has one.
        version: The version that the resource must have, as `If-Match` names it.
        data: The body; None for DELETE.
    """

    index: int
    method: Method
    path: str
    bulk_id: str | None = None
    version: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class BulkStep:
    """One thing to do for a bulk request.

    Attributes:
        operation: What is done.
        later: Bulk ids that it names and that cannot be known yet, since their resources refer to
            this one in turn. Their values are left out, and another step replaces the resource.
        completes: Whether this is that other step: the operation created its resource before.
    """

    operation: BulkOperation
    later: frozenset[str] = frozenset()
    completes: bool = False


def steps(operations: Sequence[BulkOperation]) -> list[BulkStep]:
    """Put operations into an order in which everything they refer to is there.

    It is the order of the request, but for operations that others refer to: they come before those
    (RFC 7644 section 3.7.2). Resources that refer to each other in a circle are created without the
    reference that closes it, and replaced by what was meant once the circle is there
    (section 3.7.1).

    Raises:
        InvalidValue: An operation refers to a bulk id that no POST of the request has.
    """
    return _Planner(operations).plan()


def references(operation: BulkOperation) -> frozenset[str]:
    """Return the bulk ids that an operation refers to, in its path and anywhere in its data."""
    return frozenset(_named(operation))


def resolve_references(operation: BulkOperation, ids: Mapping[str, str]) -> BulkOperation:
    """Put ids in the place of references.

    Args:
        operation: Refers to bulk ids.
        ids: Ids of resources by the bulk id of the POST that created them.

    Raises:
        Conflict: The POST that a reference names has failed.
    """

    def id_of(match: re.Match[str]) -> str:
        bulk_id = _bulk_id(match)
        if bulk_id not in ids:
            raise Conflict(
                f"The resource of bulkId {bulk_id[:64]!r} was not created, so nothing can refer "
                "to it. Correct that operation and send both again."
            )
        return ids[bulk_id]

    path = _IN_URL.sub(id_of, operation.path)
    return replace(operation, path=path, data=_mapped(operation.data, id_of))


def without(operation: BulkOperation, bulk_ids: frozenset[str]) -> BulkOperation:
    """Leave out of an operation's data every value that refers to one of some bulk ids."""
    return replace(operation, data=_pruned(operation.data, bulk_ids))


class _Planner:
    """Walks the references depth first; on a stack of its own, for a chain may be a thousand long.

    An operation is on the stack while what it refers to is being put before it, so a reference to
    one that is on the stack closes a circle.
    """

    def __init__(self, operations: Sequence[BulkOperation]) -> None:
        self._operations = operations
        self._posts = {each.bulk_id: each for each in operations if each.method == "POST"}
        self._steps: list[BulkStep] = []
        self._seen: set[int] = set()
        self._open: dict[int, set[str]] = {}
        self._waiting: list[tuple[BulkOperation, set[str]]] = []

    def plan(self) -> list[BulkStep]:
        for operation in self._operations:
            self._place(operation)
        return self._steps

    def _place(self, first: BulkOperation) -> None:
        if first.index in self._seen:
            return
        stack = [(first, self._enter(first))]
        while stack:
            operation, left = stack[-1]
            needed = next(left, None)
            if needed is None:
                stack.pop()
                self._leave(operation)
            elif needed.index in self._open:
                self._open[operation.index].add(str(needed.bulk_id))
            elif needed.index not in self._seen:
                stack.append((needed, self._enter(needed)))

    def _enter(self, operation: BulkOperation) -> Iterator[BulkOperation]:
        self._seen.add(operation.index)
        self._open[operation.index] = set()
        return iter([self._post(operation, name) for name in sorted(references(operation))])

    def _leave(self, operation: BulkOperation) -> None:
        later = self._open.pop(operation.index)
        self._steps.append(BulkStep(operation, frozenset(later)))
        if later:
            self._waiting.append((operation, later))
        for waiting, missing in self._waiting:
            missing.discard(str(operation.bulk_id))
            if not missing:
                self._steps.append(BulkStep(waiting, completes=True))
        self._waiting = [pair for pair in self._waiting if pair[1]]

    def _post(self, operation: BulkOperation, bulk_id: str) -> BulkOperation:
        found = self._posts.get(bulk_id)
        if found is None:
            raise InvalidValue(
                f"Operation {operation.index} (the first is 0) refers to bulkId {bulk_id[:64]!r}, "
                "which no POST of this request has.",
                operation=operation.index,
            )
        return found


def _named(operation: BulkOperation) -> Iterator[str]:
    yield from map(unquote, _IN_URL.findall(operation.path))
    yield from _names_in(operation.data)


def _names_in(value: Any) -> list[str]:
    """Return the bulk ids that a JSON value refers to."""
    found: list[str] = []

    def note(match: re.Match[str]) -> str:
        found.append(_bulk_id(match))
        return ""

    _mapped(value, note)
    return found


def _bulk_id(match: re.Match[str]) -> str:
    name = next(group for group in match.groups() if group is not None)
    return unquote(name) if match.re is _IN_URL else name.rstrip()


def _mapped(value: Any, id_of: Callable[[re.Match[str]], str]) -> Any:
    """Copy a JSON value with its references replaced.

    A reference is a whole string, the end of a URL, or a literal, in whatever quotes, in the path
    of a PATCH operation or in a key of its value: `members[value eq "bulkId:ana"]`. It may stand
    in JSON that is sent as text.
    """
    if isinstance(value, str):
        return _mapped_text(value, id_of)
    if isinstance(value, list):
        return [_mapped(part, id_of) for part in value]
    if isinstance(value, dict):
        return {
            _IN_FILTER.sub(id_of, name): _mapped_part(name, part, id_of)
            for name, part in value.items()
        }
    return value


def _mapped_text(text: str, id_of: Callable[[re.Match[str]], str]) -> str:
    whole = _REFERENCE.fullmatch(text)
    if whole:
        return id_of(whole)
    if _URL.fullmatch(text):
        return _IN_URL.sub(id_of, text.strip())
    if _IN_JSON.match(text):
        with suppress(ValueError, RecursionError):
            return json.dumps(_mapped(strict_json.read(text), id_of))
    return text


def _mapped_part(name: str, part: Any, id_of: Callable[[re.Match[str]], str]) -> Any:
    if name.lower() == "path" and isinstance(part, str):
        return _IN_FILTER.sub(id_of, part)
    return _mapped(part, id_of)


def _pruned(value: Any, bulk_ids: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_pruned(part, bulk_ids) for part in value if not _refers(part, bulk_ids)]
    if isinstance(value, dict):
        return {
            name: _pruned(part, bulk_ids)
            for name, part in value.items()
            if not _refers(part, bulk_ids)
        }
    return value


def _refers(value: Any, bulk_ids: frozenset[str]) -> bool:
    """Tell whether a value is a reference, or a complex value with one: `{"value": "bulkId:x"}`."""
    parts = value.values() if isinstance(value, dict) else [value]
    texts = [part for part in parts if isinstance(part, str)]
    return any(name in bulk_ids for text in texts for name in _names_in(text))
