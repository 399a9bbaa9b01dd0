"""Understood or refused: every attribute under two names in one object, with one value or with two.

With two values one of them would be lost, whichever stands first.
"""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue
from shared.scim import documents, patch
from shared.scim.messages import parse_patch
from tests.support.generated import values
from tests.support.generated.types import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scim.schema import AttributePath, Document, ResourceType

pytestmark = pytest.mark.exhaustive

OWN: dict[str, Document] = {
    "User": {"userName": "ana"},
    "Group": {"displayName": "Sales"},
    "Thing": {"label": "L"},
}
WRITABLE = [
    (of, path)
    for of in CATALOGUE.resource_types
    for path in of.attributes
    if not path.is_read_only and path.attribute.stored
]


def named(value: Any) -> str:
    text = getattr(value, "text", None) or value.name
    return str(text).rpartition(":")[2]


def places(of: ResourceType, path: AttributePath, value: Any) -> Iterator[Document]:
    """Yield an attribute with its value under each of its names."""
    urn, name = path.extension or of.schema.id, path.attribute.name
    yield {f"{urn}:{name}": value}
    yield {f"{urn}.{name.upper()}": value}
    yield {urn: {name: value}}
    if of.find(name) == path:
        yield {name: value}
    if path.attribute.type != "complex":
        yield {f"{urn}:{name}.value": value}


def requests(of: ResourceType, body: Document) -> Iterator[Callable[[], Document]]:
    """Yield every way to send an object with attributes."""
    held = OWN[of.name]
    whole = held | body
    yield partial(documents.create, of, whole)
    yield partial(documents.replace, of, held, whole)
    for op in ("add", "replace"):
        operations = parse_patch({"Operations": [{"op": op, "value": body}]})
        yield partial(patch.apply, of, held, operations)


def hold_refused(of: ResourceType, body: Document) -> None:
    for request in requests(of, body):
        with pytest.raises(InvalidValue, match="twice"):
            request()


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_two_values_under_two_names_are_refused(of: ResourceType, path: AttributePath) -> None:
    if path.attribute.name in OWN[of.name]:
        return
    one, other = values.sent(path.attribute), values.stored(path.attribute)
    for first, second in permutations(range(len([*places(of, path, one)])), 2):
        body = [*places(of, path, one)][first] | [*places(of, path, other)][second]
        if len(body) == 2:
            hold_refused(of, body)


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_one_value_under_two_names_is_that_value(of: ResourceType, path: AttributePath) -> None:
    right = values.sent(path.attribute)
    for one, other in permutations(places(of, path, right), 2):
        if path.attribute.name in OWN[of.name] or len(one | other) < 2:
            continue
        for request in requests(of, one | other):
            assert path.read(request()) == right, one | other


PARTS = [
    (of, path, sub)
    for of, path in WRITABLE
    if path.attribute.type == "complex"
    for sub in path.attribute.sub_attributes
    if sub.mutability != "readOnly"
]


@pytest.mark.parametrize(("of", "path", "sub"), PARTS, ids=named)
def test_a_whole_and_a_part_complete_each_other_or_are_refused(
    of: ResourceType, path: AttributePath, sub: Any
) -> None:
    whole = values.sent(path.attribute)
    element = whole[0] if path.attribute.multi_valued else whole
    name = f"{path.text}.{sub.name}"
    other = values.part(sub)
    for body in ({path.text: whole, name: other}, {name: other, path.text: whole}):
        if element[sub.name] == other:
            for request in requests(of, body):
                assert path.read(request()) == whole
        else:
            hold_refused(of, body)
        rest = {part: value for part, value in element.items() if part != sub.name}
        if rest.keys() - {"type", "primary", "display"} and sub.name not in {"$ref", "value"}:
            lacking = {each: rest if each == path.text else other for each in body}
            for request in requests(of, lacking):
                held = path.read(request())
                assert (held[0] if path.attribute.multi_valued else held) == {
                    **rest,
                    sub.name: other,
                }
