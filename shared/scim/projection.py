"""Projection: which attributes an answer shows (RFC 7643 section 2.4, RFC 7644 section 3.9)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidValue
from shared.scim.names import abridged
from shared.scim.unknown import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.scim.schema import Attribute, AttributePath, Document, ResourceType

    Shown = dict[str, "Shown | None"]


@dataclass(frozen=True, slots=True)
class Projection:
    """What to show of the resources of one type.

    Attributes:
        shown: Canonical names of what is shown, those of an extension under its URN. None shows
            all of a value, a mapping some of its parts.
    """

    shown: Shown

    @classmethod
    def parse(
        cls,
        resource_type: ResourceType,
        attributes: str | None,
        excluded: str | None,
        written: Iterable[AttributePath] = (),
    ) -> Projection:
        """Read the parameters `attributes` and `excludedAttributes`.

        Both are lists of attribute paths with commas between; a path may also be the URN of an
        extension. Well-formed paths that name nothing are ignored. The RFC leaves open what holds
        if both are given: `attributes` does, because it says what the client needs.

        Args:
            resource_type: Type of the resources to show.
            attributes: What to show, beside what is always shown.
            excluded: What to leave out of what is shown by default.
            written: What the request has written. The answer to a write shows it by default where
                it is otherwise shown on request alone (RFC 7643 section 7, `returned`).

        Raises:
            InvalidValue: One of them holds what cannot be a path.
        """
        shows_names = bool(attributes and attributes.strip())
        if shows_names or written == ():
            length = len(attributes or "") + len(excluded or "")
            read = _read_again if length <= _MOST_REMEMBERED else _read
            return read(resource_type, attributes if shows_names else None, excluded or "")
        names = _names(resource_type, "excludedAttributes", excluded or "")
        return cls(_without(resource_type, names, written))

    def includes(self, name: str) -> bool:
        """Tell whether something of a core attribute is shown, by its canonical name.

        It costs one look-up: ask before members or groups are read.
        """
        return name in self.shown

    def includes_part(self, name: str, part: str) -> bool:
        """Tell whether a part of a core attribute is shown, by their canonical names."""
        parts = self.shown.get(name, {})
        return parts is None or part in parts

    def apply(self, resource: Document) -> Document:
        """Return of a presented resource what is shown; the two share values."""
        return _pruned(resource, self.shown)


_MOST_REMEMBERED = 256
"""Characters of parameters that are remembered: clients ask for the same with every request."""


def _read(resource_type: ResourceType, attributes: str | None, excluded: str) -> Projection:
    """Read the parameters where nothing was written that would be shown."""
    if attributes is not None:
        return Projection(_only(resource_type, _names(resource_type, "attributes", attributes)))
    names = _names(resource_type, "excludedAttributes", excluded)
    return Projection(_without(resource_type, names, ()))


_read_again = lru_cache(maxsize=128)(_read)


def _names(resource_type: ResourceType, parameter: str, value: str) -> list[str]:
    """Return the names in a list, each once."""
    names = list(dict.fromkeys(name.strip() for name in value.split(",")))
    for name in names:
        if name and resource_type.find(name) is None and not is_name(resource_type, name):
            raise InvalidValue(
                f"{parameter} takes names of attributes with commas between, such as "
                f"userName,name.givenName: {abridged(name)!r} is none.",
                path=parameter,
            )
    return names


def _only(resource_type: ResourceType, names: list[str]) -> Shown:
    """Show what the names call for, and what is always shown."""
    shown: Shown = {}
    for path in resource_type.attributes:
        if path.attribute.returned == "always":
            _show(shown, path)
    for name in names:
        for path in _named(resource_type, name):
            if "never" not in {path.attribute.returned, path.leaf.returned}:
                _show(shown, path)
    return shown


@lru_cache(maxsize=64)
def shows_on_request(resource_type: ResourceType) -> bool:
    """Tell whether a client writes attributes, or parts of them, that are shown on request alone.

    The names of members and of groups are read, and not written.
    """
    attributes = (path for path in resource_type.attributes if path.is_writable)
    return any(map(_is_on_request, attributes))


def _is_on_request(path: AttributePath) -> bool:
    attribute = path.attribute
    return "request" in {attribute.returned, *(sub.returned for sub in attribute.sub_attributes)}


def _without(
    resource_type: ResourceType, names: list[str], written: Iterable[AttributePath]
) -> Shown:
    """Show what is shown by default and what was written, but for what the names leave out."""
    shown: Shown = {}
    for path in resource_type.attributes:
        if path.attribute.returned in {"always", "default"}:
            _show(shown, path)
    for path in written:
        if "request" in {path.attribute.returned, path.leaf.returned}:
            _show(shown, path)
    for name in names:
        for path in _named(resource_type, name):
            if path.leaf.returned != "always":
                _hide(shown, path)
    return shown


def _named(resource_type: ResourceType, name: str) -> list[AttributePath]:
    """Return what a name stands for: one attribute, those of a schema, or nothing."""
    schema = resource_type.schema_of(name)
    if schema is not None:
        urn = None if schema is resource_type.schema else schema.id
        return [path for path in resource_type.attributes if path.extension == urn]
    path = resource_type.find(name)
    return [] if path is None else [path]


def _show(shown: Shown, path: AttributePath) -> None:
    place = _place(shown, path)
    name = path.attribute.name
    if path.sub_attribute is None:
        place[name] = _parts(path.attribute)
        return
    always = (sub for sub in path.attribute.sub_attributes if sub.returned == "always")
    parts = place.setdefault(name, dict.fromkeys(sub.name for sub in always))
    if parts is not None:
        parts[path.sub_attribute.name] = None


def _hide(shown: Shown, path: AttributePath) -> None:
    place = _place(shown, path)
    name = path.attribute.name
    if path.sub_attribute is None:
        place.pop(name, None)
    elif name in place:
        parts = place.pop(name)
        if parts is None:
            parts = dict.fromkeys(sub.name for sub in path.attribute.sub_attributes)
        parts.pop(path.sub_attribute.name, None)
        if parts:
            place[name] = parts


def _place(shown: Shown, path: AttributePath) -> Shown:
    """Return where the attribute stands: at the top, or under the URN of its extension."""
    if path.extension is None:
        return shown
    place = shown.get(path.extension)
    if place is None:
        place = shown[path.extension] = {}
    return place


def _parts(attribute: Attribute) -> Shown | None:
    """Return the parts that are shown of a whole attribute; None for all of them."""
    shown = [sub for sub in attribute.sub_attributes if sub.returned in {"always", "default"}]
    if len(shown) == len(attribute.sub_attributes):
        return None
    return dict.fromkeys(sub.name for sub in shown)


def _pruned(value: Document, shown: Shown) -> Document:
    pruned: Document = {}
    for name, part in value.items():
        if name not in shown:
            continue
        parts = shown[name]
        rest = part if parts is None else _rest(part, parts)
        # What had a value before, and has nothing left, is not shown as empty.
        if parts is None or rest or not part:
            pruned[name] = rest
    return pruned


def _rest(value: Any, shown: Shown) -> Any:
    """Return what is shown of a value: nothing, where it has no parts of which to show some."""
    if isinstance(value, list):
        elements = (_rest(element, shown) for element in value)
        return [element for element in elements if element]
    return _pruned(value, shown) if isinstance(value, dict) else {}
