"""The elements of a multi-valued attribute: which two are one, and which of them is preferred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from shared.errors import InvalidValue
from shared.scim.equality import comparable, is_written_in_one_way
from shared.scim.schema import REF, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scim.schema import Attribute, Document

Elements: TypeAlias = list[Any]

_PRIMARY = "primary"
_TYPE = "type"
_DESCRIPTIVE = frozenset({_PRIMARY, "display", REF})
"""Parts by which two values do not differ (RFC 7643 section 2.4)."""

_LABELS_ALONE = frozenset({_PRIMARY, _TYPE})
"""Parts that say nothing without a value."""


def is_primary(element: Any) -> bool:
    """Tell whether an element of a multi-valued attribute is marked as the preferred one."""
    return isinstance(element, dict) and element.get(_PRIMARY) is True


def with_one_primary(values: Elements, chosen: Any) -> Elements:
    """Return the values with `chosen` as the only one marked (RFC 7643 section 2.4)."""
    return [
        {**value, _PRIMARY: False} if is_primary(value) and value is not chosen else value
        for value in values
    ]


def is_blank(attribute: Attribute, element: Any, held: Sequence[Any]) -> bool:
    """Tell whether an element has nothing but labels: `{"type": "work"}` is no address.

    One that is held already, because an operation has named its part, is not.
    """
    is_label = isinstance(element, dict) and element.keys() <= attribute.labels
    return is_label and element not in held


def named(attribute: Attribute, elements: Elements, held: Elements, path: str) -> Elements:
    """Return the elements that name a value.

    Raises:
        InvalidValue: One that names none has a text that would be lost, such as its `display`.
    """
    kept: Elements = []
    for element in elements:
        if not is_blank(attribute, element, held):
            kept.append(element)
        elif not element.keys() <= _LABELS_ALONE:
            raise InvalidValue(
                f"{path} has an element with {', '.join(element)} and without what that describes: "
                "send its value as well.",
                path=path,
            )
    return kept


def replacement(attribute: Attribute, held: Elements, new: Elements | None, path: str) -> Elements:
    """Return the elements that take the place of those that are held.

    Args:
        attribute: The attribute.
        held: Its elements before.
        new: What was sent, coerced; None if the client unassigns the attribute.
        path: Attribute path, for the error.

    Raises:
        InvalidValue: All values would be lost by a list that is not empty and names none.
    """
    elements = named(attribute, new or [], held, path)
    if held and new is not None and not elements:
        raise InvalidValue(
            f"{path} would lose its values: no element of the list that was sent has one. Send the "
            "values that it shall have, or an empty list to remove all.",
            path=path,
        )
    return elements


def distinct(attribute: Attribute, elements: Elements) -> Elements:
    """Return the elements of an attribute, each once.

    Two elements are one if their `value` and `type` are the same, and whatever else does not only
    describe them; the first is completed by the second. Those without a `value` are one if all
    their parts but `primary` are the same. A client that lists two texts which differ in letter
    case gets both back.
    """
    if len(elements) < 2:
        return elements
    is_plain = is_written_in_one_way(attribute)
    found: dict[Any, Any] = {}
    for element in elements:
        key = _identity(element if is_plain else comparable(attribute, element))
        found[key] = _completed(found[key], element) if key in found else element
    return list(found.values())


def contradict(attribute: Attribute, element: Any, other: Any) -> bool:
    """Tell whether two elements of one `value` differ in what does not only describe them."""
    if not isinstance(element, dict):
        return False
    one, two = comparable(attribute, element), comparable(attribute, other)
    shared = one.keys() & two.keys() - _DESCRIPTIVE
    return any(one[name] != two[name] for name in shared)


class Parts:
    """The parts of the elements of a list: whether an element is named by some of them alone."""

    def __init__(self, attribute: Attribute, elements: Elements) -> None:
        self._attribute = attribute
        self._parts = {part for element in elements for part in self._of(element)}

    def name(self, element: Any) -> bool:
        """Tell whether an element has no `value`, and its parts are those of the list."""
        parts = self._of(element)
        return bool(parts) and VALUE not in element and parts <= self._parts

    def _of(self, element: Any) -> set[tuple[str, Any]]:
        if not isinstance(element, dict):
            return set()
        return {
            (name, part)
            for name, part in comparable(self._attribute, element).items()
            if name != _PRIMARY
        }


class Places:
    """Where each value stands in a list, found without a walk through the list.

    Two elements are the same if their `value` is, and their `type` where both have one: Entra
    creates a role with a type and adds it again without. Elements that have no `value`, such as
    addresses, are the same if all their parts but `primary` are.
    """

    def __init__(self, attribute: Attribute, elements: Elements) -> None:
        self._attribute = attribute
        self._places: dict[Any, dict[Any, int]] = {}
        self._count = 0
        for element in elements:
            self.note(element)

    def note(self, element: Any) -> None:
        """Take the next element in."""
        value, label = self._key(element)
        self._places.setdefault(value, {}).setdefault(label, self._count)
        self._count += 1

    def find(self, element: Any) -> int | None:
        """Return the place of the element that is the same; None if there is none."""
        value, label = self._key(element)
        by_label = self._places.get(value, {})
        if label is None:
            return next(iter(by_label.values()), None)
        return by_label.get(label, by_label.get(None))

    def _key(self, element: Any) -> tuple[Any, Any]:
        if not isinstance(element, dict):
            return comparable(self._attribute, element), None
        parts = comparable(self._attribute, element)
        if VALUE in parts:
            return parts[VALUE], parts.get(_TYPE)
        return _parts_but(parts, _PRIMARY), None


def _identity(element: Any) -> Any:
    """Return what two elements have in common that are one and the same."""
    if not isinstance(element, dict):
        return element
    return _parts_but(element, *(_DESCRIPTIVE if VALUE in element else (_PRIMARY,)))


def _parts_but(element: Document, *left_out: str) -> str:
    """Return the parts of an element, but for some, in a form that can be compared.

    `primary` is never among them: a list has one primary element, so to add another one changes it.
    """
    return repr(sorted((name, part) for name, part in element.items() if name not in left_out))


def _completed(element: Any, other: Any) -> Any:
    if not isinstance(element, dict):
        return element
    completed = {**other, **element}
    if is_primary(other):
        completed[_PRIMARY] = True
    return completed
