"""Every way to send a value of an attribute: POST, PUT, PATCH with a path and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.support.generated import values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scim.schema import Attribute, AttributePath, Document

_HOLE: Final = object()
"""Stands in a request where the value is to be."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One way to send a value.

    Attributes:
        by: `POST`, `PUT`, or the `op` of a PATCH.
        request: The body of a POST or PUT, or an operation of a PATCH, with a hole for the value.
        has_path: Whether the attribute is named in a path.
        is_filtered: Whether one element of a list is meant.
    """

    by: str
    request: Document
    has_path: bool = False
    is_filtered: bool = False

    @property
    def names_value(self) -> bool:
        """Whether the filter says more of the element than its type."""
        return "[type " not in self.request.get("path", "[type ")

    @property
    def is_patch(self) -> bool:
        return self.by not in {"POST", "PUT"}

    def with_value(self, value: Any) -> Document:
        """Return the request with a value in its hole."""
        filled: Document = _filled(self.request, value)
        return filled


def _filled(whole: Any, value: Any) -> Any:
    if whole is _HOLE:
        return value
    if isinstance(whole, dict):
        return {name: _filled(part, value) for name, part in whole.items()}
    return whole


def sendings(path: AttributePath) -> Iterator[Sending]:
    """Yield every way to send a value of a whole attribute, or of one of its elements."""
    places: list[Document] = [{path.text: _HOLE}]
    if path.extension is not None:
        places.append({path.extension: {path.attribute.name: _HOLE}})
        places.append({f"{path.extension}.{path.attribute.name}": _HOLE})
    for place in places:
        yield from (Sending(method, place) for method in ("POST", "PUT"))
        yield from (Sending(op, {"op": op, "value": place}) for op in ("add", "replace"))
    yield from _by_path(path.text)
    if path.extension is not None:
        for op in ("add", "replace", "remove"):
            value = {path.attribute.name: _HOLE}
            yield Sending(op, {"op": op, "path": path.extension, "value": value})
    if path.attribute.multi_valued:
        for text in _elements_of(path):
            yield from _by_path(text)


def sendings_of_part(path: AttributePath, sub: Attribute) -> Iterator[Sending]:
    """Yield every way to send a value of a part of an attribute."""
    texts = [f"{path.text}.{sub.name}"]
    yield from (Sending(method, {texts[0]: _HOLE}) for method in ("POST", "PUT"))
    if path.attribute.multi_valued:
        texts += [f"{text}.{sub.name}" for text in _elements_of(path)]
    for text in texts:
        yield from _by_path(text)
        for op in ("add", "replace"):
            yield Sending(op, {"op": op, "value": {text: _HOLE}}, is_filtered="[" in text)


def _by_path(text: str) -> Iterator[Sending]:
    for op in ("add", "replace", "remove"):
        request = {"op": op, "path": text, "value": _HOLE}
        yield Sending(op, request, has_path=True, is_filtered="[" in text)


def _elements_of(path: AttributePath) -> Iterator[str]:
    """Yield the paths of the first of the elements that are held, by a part and by its type."""
    first = values.stored(path.attribute)[0]
    parts = first if isinstance(first, dict) else {"value": first}
    for name in dict.fromkeys((next(iter(parts)), "type")):
        if name in parts:
            value = parts[name]
            text = str(value).lower() if isinstance(value, bool) else value
            yield f'{path.text}[{name} eq "{text}"]'
