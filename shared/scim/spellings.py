"""Spellings: an attribute that one object names twice, under two names that mean the same.

`{"title": "a", "urn:...:User:title": "b"}` says two things of one attribute, and so does
`{"name": {"givenName": "a"}, "name.givenName": "b"}`: the first would be lost. What two keys say
may be the same, or complete each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.errors import InvalidValue
from shared.scim.values import coerce, coerce_parts, elements, is_unassigned, single

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.scim.schema import Attribute, AttributePath, Document

_WHOLE: Final = ""
"""Stands among the names of parts for the whole attribute."""


def check_spellings(named: Sequence[tuple[AttributePath, Any]], *, of_one: bool = False) -> bool:
    """Tell whether two keys of an object are about one attribute; they must say the same of it.

    Args:
        named: What each key names, with the value as it was sent.
        of_one: Whether paths of multi-valued attributes mean one element, as with a [filter].

    Raises:
        InvalidValue: Two keys do, or a value of such a key cannot be read.
    """
    if len({path.attribute for path, _ in named}) == len(named) or _are_different_parts(named):
        return False
    said: dict[tuple[Attribute, str], Any] = {}
    for path, value in named:
        if path.is_read_only:
            continue
        for name, part in _claims(path, value, of_one=of_one):
            if said.setdefault((path.attribute, name), part) != part:
                raise InvalidValue(
                    f"{path.whole} is there twice, under two names or whole and in part, with two "
                    "values: send it once.",
                    path=path.whole,
                )
    return True


def _are_different_parts(named: Sequence[tuple[AttributePath, Any]]) -> bool:
    """Tell whether what is named is different, and no part is one of a whole: most often so."""
    wholes = {path.attribute for path, _ in named if path.sub_attribute is None}
    parts = [path for path, _ in named if path.sub_attribute is not None]
    different = {(path.attribute, path.sub_attribute) for path in parts}
    is_each_once = len(wholes) + len(different) == len(named)
    return is_each_once and all(path.attribute not in wholes for path in parts)


def _claims(path: AttributePath, value: Any, *, of_one: bool) -> Iterator[tuple[str, Any]]:
    """Yield what a key says of an attribute: of the whole, and of each part."""
    attribute = path.attribute
    if not attribute.stored:
        yield _WHOLE, value
    elif path.sub_attribute is not None:
        yield from coerce_parts(attribute, {path.leaf.name: value}, path.whole).items()
    elif attribute.type == "complex" and (of_one or not attribute.multi_valued):
        if not is_unassigned(value):
            inner = single(attribute, value, path.text)
            yield from coerce_parts(attribute, inner, path.text).items()
    else:
        held = coerce(attribute, [value] if of_one else value, path.text)
        yield _WHOLE, held
        if attribute.type == "complex":
            yield from _shared(elements(held))


def _shared(held: Sequence[Document]) -> Iterator[tuple[str, Any]]:
    """Yield the parts of some elements; one in which they differ equals nothing."""
    for name in {name: None for element in held for name in element}:
        values = [element[name] for element in held if name in element]
        yield name, values[0] if values.count(values[0]) == len(values) else object()
