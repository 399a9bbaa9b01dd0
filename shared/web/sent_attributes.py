"""Which attributes a body of a write carries: their names, and nothing of their values."""

import re
from collections.abc import Iterator
from typing import Any

_MOST_OPERATIONS = 100
_MOST_ELEMENTS = 10
_IN_BRACKETS = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"(?:urn:[\w:.-]{1,100}:)?[A-Za-z$][\w$-]{0,60}(?:\.[\w$-]{1,60})?", re.ASCII)
_OF_THE_MESSAGE = frozenset({"schemas", "id", "meta"})
_UNASSIGNED: tuple[Any, ...] = (None, "", [], {})


def attributes_sent(body: Any) -> frozenset[str]:
    """Name the attributes to which a resource, or a PATCH, gives a value.

    A part of a complex attribute is named with it: `emails.value`. An attribute of an extension has
    the URN of its schema before it. What is of no form that a name has is left out, since it may be
    anything, and so is what a path selects by.
    """
    if not isinstance(body, dict):
        return frozenset()
    operations = next((body[key] for key in body if key.lower() == "operations"), None)
    if not isinstance(operations, list):
        return frozenset(_of_resource(body))
    found = (_of_operation(each) for each in operations[:_MOST_OPERATIONS])
    return frozenset(name for names in found for name in names)


def _of_operation(operation: Any) -> Iterator[str]:
    if not isinstance(operation, dict):
        return
    folded = {key.lower(): value for key, value in operation.items()}
    path, value = folded.get("path"), folded.get("value")
    if str(folded.get("op", "")).lower() == "remove":
        return
    if isinstance(path, str) and path:
        yield from _of_resource({path: value})
    elif isinstance(value, dict):
        yield from _of_resource(value)


def _of_resource(resource: dict[str, Any]) -> Iterator[str]:
    for key, value in resource.items():
        name = _IN_BRACKETS.sub("", key)
        if value in _UNASSIGNED or name.lower() in _OF_THE_MESSAGE:
            continue
        yield from filter(_NAME.fullmatch, _parts(name, value))


def _parts(name: str, value: Any) -> Iterator[str]:
    elements = value[:_MOST_ELEMENTS] if isinstance(value, list) else [value]
    is_schema = name.lower().startswith("urn:") and isinstance(value, dict)
    for element in elements:
        if isinstance(element, dict):
            named = {part for part, each in element.items() if each not in _UNASSIGNED}
            yield from (f"{name}{':' if is_schema else '.'}{part}" for part in named)
        else:
            yield name
