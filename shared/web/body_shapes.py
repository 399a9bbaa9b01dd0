"""What the provisioning log keeps of a body: whom it names, and its shape without its values."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

MOST_LINES = 60
"""Lines that tell of a body."""

MOST_NAME_LENGTH = 256
"""Characters that are kept of a name."""

_NAMES = {"username": "userName", "displayname": "displayName", "externalid": "externalId"}
_MOST_OPERATIONS = 100
_MOST_ELEMENTS = 3
"""Elements of a list whose shapes are told; of the operations of a PATCH all are."""

_IN_BRACKETS = re.compile(r"\[[^\]]*\]")
_PATH = re.compile(r"[A-Za-z$][\w$:.\[\]-]{0,127}", re.ASCII)
_OPERATIONS = frozenset({"add", "remove", "replace"})
_EQUALS = re.compile(r'(userName|displayName|externalId)\s+eq\s+"((?:[^"\\]|\\.)*)"', re.IGNORECASE)


def names_in(body: Any) -> dict[str, str]:
    """Read `userName`, `displayName` and `externalId` out of a resource, or out of a PATCH."""
    if not isinstance(body, dict):
        return {}
    names: dict[str, str] = dict(_named(body))
    operations = next((body[key] for key in body if key.lower() == "operations"), None)
    if isinstance(operations, list):
        for operation in operations[:_MOST_OPERATIONS]:
            names.update(_named_by(operation))
    return names


def names_in_filter(text: str) -> dict[str, str]:
    """Read the same out of a filter that compares one of them by `eq`."""
    found = _EQUALS.findall(text)
    return {_NAMES[name.lower()]: value[:MOST_NAME_LENGTH] for name, value in found if value}


def shape_of(body: Any) -> tuple[str, ...]:
    """Describe a body by names, types and lengths, a line each; nothing of its values.

    Names that are of no form that an attribute has are left out, since they may be anything. Of a
    path, what stands in brackets is.
    """
    return tuple(islice(_lines("", body), MOST_LINES))


def _named(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in resource.items():
        name = _NAMES.get(_last(key))
        if name is not None and isinstance(value, str) and value:
            yield name, value[:MOST_NAME_LENGTH]


def _named_by(operation: Any) -> Iterator[tuple[str, str]]:
    """Yield the names that an operation of a PATCH sets, with a path or without one."""
    if not isinstance(operation, dict):
        return
    folded = {key.lower(): value for key, value in operation.items()}
    path, value = folded.get("path"), folded.get("value")
    if isinstance(path, str) and path:
        yield from _named({path: value})
    elif isinstance(value, dict):
        yield from _named(value)


def _last(key: str) -> str:
    """Return the name at the end of a key, which may bear the URN of a schema."""
    return key.rpartition(":")[2].lower()


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _lines(f"{path}.{_shown(key)}" if path else _shown(key), part)
    elif isinstance(value, list) and value:
        yield f"{path}: list of {len(value):,}"
        is_patch = path.lower() == "operations"
        for index, part in enumerate(value if is_patch else value[:_MOST_ELEMENTS]):
            yield from _operation(index, part) if is_patch else _lines(f"{path}[{index}]", part)
    else:
        yield f"{path}: {_type(value)}" if path else _type(value)


def _operation(index: int, operation: Any) -> Iterator[str]:
    """Describe an operation of a PATCH, whose `op` and `path` say what it was to do."""
    place = f"Operations[{index}]"
    if not isinstance(operation, dict):
        yield f"{place}: {_type(operation)}"
        return
    for key, part in operation.items():
        name = _shown(key)
        if name.lower() == "op" and isinstance(part, str) and part.lower() in _OPERATIONS:
            yield f"{place}.{name}: {part}"
        elif name.lower() == "path" and isinstance(part, str):
            yield f"{place}.{name}: {_shown(part)}"
        else:
            yield from _lines(f"{place}.{name}", part)


def _shown(path: str) -> str:
    bare = _IN_BRACKETS.sub("[]", path)
    return bare if _PATH.fullmatch(bare) else "(not shown)"


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return f"string of {len(value):,}"
    if isinstance(value, list):
        return "empty list"
    return "empty object" if isinstance(value, dict) else "number"
