"""Understood or refused: every attribute, every kind of wrong value, every way to send it.

A request that succeeds has done all that it carried, and lost nothing else; what cannot be
understood is refused (`tests/support/generated/`).
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidPath, ScimError
from shared.scim import documents, patch
from shared.scim.messages import parse_patch
from tests.support.generated import values
from tests.support.generated.judgement import Done, DonePart
from tests.support.generated.sendings import sendings, sendings_of_part
from tests.support.generated.types import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scim.schema import Attribute, AttributePath, Document, ResourceType
    from tests.support.generated.sendings import Sending

pytestmark = pytest.mark.exhaustive

KEPT_ELSEWHERE = {"members", "password"}
BARE: dict[str, Document] = {
    "User": {"userName": "ana", "active": True, "title": "T"},
    "Group": {"displayName": "Sales"},
    "Thing": {"label": "L"},
}
IDENTIFYING = {"userName", "displayName", "label"}

EVERY_ATTRIBUTE = [
    (of, path)
    for of in CATALOGUE.resource_types
    for path in of.attributes
    if path.attribute.name not in KEPT_ELSEWHERE
]
WRITABLE = [each for each in EVERY_ATTRIBUTE if not each[1].is_read_only]
READ_ONLY = [each for each in EVERY_ATTRIBUTE if each[1].is_read_only]
PARTS = [(of, path, sub) for of, path in WRITABLE for sub in path.attribute.sub_attributes]


def named(value: Any) -> str:
    """Name a case after the attribute."""
    text = getattr(value, "text", None) or value.name
    return str(text).rpartition(":")[2]


def held_by(of: ResourceType, path: AttributePath, *, is_held: bool) -> Document:
    """Return a stored resource with a value of an attribute, or without one."""
    if path.is_read_only:
        return BARE[of.name]
    return documents.put(BARE[of.name], path, values.stored(path.attribute) if is_held else None)


def done(of: ResourceType, held: Document, sending: Sending, value: Any) -> Document | None:
    """Return what becomes of a resource; None if the request is refused."""
    request = sending.with_value(value)
    own = {name: held[name] for name in IDENTIFYING & held.keys()}
    try:
        if sending.by == "POST":
            return documents.create(of, own | request)
        if sending.by == "PUT":
            return documents.replace(of, held, own | request)
        return patch.apply(of, held, parse_patch({"Operations": [request]}))
    except ScimError:
        return None


def shown(faults: list[Any]) -> str:
    return f"{len(faults)} faults:\n" + "\n".join(map(repr, faults[:60]))


@pytest.mark.parametrize(("of", "path"), EVERY_ATTRIBUTE, ids=named)
def test_what_succeeds_has_lost_nothing(of: ResourceType, path: AttributePath) -> None:
    faults = []
    names = tuple(dict.fromkeys((path.attribute.name, path.text)))
    sent = [*values.VALUES, *values.shaped(path.attribute, names)]
    for is_held in (True, False):
        held = held_by(of, path, is_held=is_held)
        kept = copy.deepcopy(held)
        for sending in sendings(path):
            was = None if sending.by == "POST" else path.read(held)
            for value in sent:
                after = done(of, held, sending, value)
                if after is None:
                    continue
                fault = Done(path, sending, value, was, path.read(after)).fault()
                if sending.is_patch and _rest(path, held) != _rest(path, after):
                    fault = "something else has changed"
                if fault:
                    faults.append((sending.with_value(value), is_held, fault))
        assert held == kept, "the stored document was written into"
    assert not faults, shown(faults)


def _rest(path: AttributePath, document: Document) -> Document:
    return documents.put(document, path, None)


@pytest.mark.parametrize(("of", "path", "sub"), PARTS, ids=named)
def test_what_succeeds_for_a_part_has_lost_nothing(
    of: ResourceType, path: AttributePath, sub: Attribute
) -> None:
    faults = []
    right = values.part(sub)
    for is_held in (True, False):
        held = held_by(of, path, is_held=is_held)
        for sending in sendings_of_part(path, sub):
            was = path.read(held) if sending.is_patch else None
            for value in (*values.VALUES, right, {sub.name: right}, {sub.name.upper(): right}):
                after = done(of, held, sending, value)
                if after is not None:
                    fault = DonePart(path, sub, sending, value, was, path.read(after)).fault()
                    if fault:
                        faults.append((sending.with_value(value), is_held, fault))
    assert not faults, shown(faults)


JSON_THAT_WENT_WRONG = (
    *("[5]", "[true]", "[1, 2]", '[{"value":"a"},5]', '["a",false]', "[null,1.5]"),
    *('{"value":NaN}', '[{"value":"a"},Infinity]', '{"value":"a","value":"b"}'),
    *('[{"value":"a","type":"x","type":"y"}]', '{"value":"a","foo":1,"foo":1}'),
    *('\ufeff{"value":"a"}', '\u200b[{"value":"a"}]', '\u00a0{"value":"a"}'),
)


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_json_as_text_that_went_wrong_is_refused(of: ResourceType, path: AttributePath) -> None:
    if path.attribute.type != "complex":
        return
    held = held_by(of, path, is_held=True)
    for text in JSON_THAT_WENT_WRONG:
        sent: list[Any] = [text, [text]]
        if path.attribute.sub_attribute("value") is not None:
            sent += [{"value": text}, [{"value": text}]]
        for sending in sendings(path):
            for value in sent:
                assert done(of, held, sending, value) is None, sending.with_value(value)


@pytest.mark.parametrize(("of", "path", "sub"), PARTS, ids=named)
def test_no_element_is_made_of_which_a_part_is_empty(
    of: ResourceType, path: AttributePath, sub: Attribute
) -> None:
    if not path.attribute.multi_valued or sub.type not in {"string", "reference"}:
        return
    held = held_by(of, path, is_held=True)
    for literal in ("", " "):
        for other in path.attribute.sub_attributes:
            if other.mutability != "readOnly" and other is not sub:
                for op in ("add", "replace"):
                    text = f'{path.text}[{sub.name} eq "{literal}"].{other.name}'
                    operation = {"op": op, "path": text, "value": values.part(other)}
                    with pytest.raises(InvalidPath):
                        patch.apply(of, held, parse_patch({"Operations": [operation]}))


# --- What is equal ----------------------------------------------------------------------------


OTHERWISE = {
    "dateTime": ("2031-01-31T13:00:00+01:00", "2031-01-31T12:00:00.000Z", "2031-01-31T12:00:00"),
    "binary": ("b25lIQ", "b25l\nIQ=="),
}
"""Other ways to write the value that is held, which are equal to it in a filter."""


def written_otherwise(attribute: Attribute, value: Any) -> Iterator[Any]:
    """Yield a value, or an element, with other texts that mean the same."""
    if attribute.type == "complex":
        for sub in attribute.sub_attributes:
            for text in written_otherwise(sub, value.get(sub.name)):
                yield {**value, sub.name: text}
    elif value == values.SAMPLES[attribute.type][0]:
        yield from OTHERWISE.get(attribute.type, ())


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_what_is_equal_in_a_filter_is_equal_as_a_value(
    of: ResourceType, path: AttributePath
) -> None:
    stored = values.stored(path.attribute)
    held = documents.put(BARE[of.name], path, stored)
    element = stored[0] if path.attribute.multi_valued else stored

    def patched(op: str, value: Any) -> Any:
        operation = {"op": op, "path": path.text, "value": value}
        return path.read(patch.apply(of, held, parse_patch({"Operations": [operation]})))

    for same in written_otherwise(path.attribute, element):
        if path.attribute.multi_valued:
            assert len(patched("add", [same])) == len(stored), same
            assert patched("remove", [same]) == stored[1:], same
            created = documents.create(of, BARE[of.name] | {path.text: [element, same]})
            assert len(path.read(created)) == 1, same
        elif path.attribute.type != "complex":
            assert patched("remove", same) is None, same
        else:
            parts = {name: part for name, part in same.items() if part != element[name]}
            assert parts.keys() & (patched("remove", parts) or {}).keys() == set(), same


# --- What must be understood ------------------------------------------------------------------


def understood(attribute: Attribute) -> Iterator[Any]:
    """Yield the shapes in which clients are known to send a right value."""
    right = values.sent(attribute)
    yield right
    element = right[0] if attribute.multi_valued else right
    if attribute.type == "complex":
        yield from (json.dumps(right), [element], [json.dumps(element)], [{**element, "foo": None}])
        yield {**element, "foo": "passed over"}
        yield {name.upper(): part for name, part in element.items()}
    else:
        yield from (element, [element], str(element), [str(element)])
        yield from ({"value": element}, [{"$ref": None, "value": element}])


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_a_right_value_is_understood_in_every_shape(of: ResourceType, path: AttributePath) -> None:
    expected = values.sent(path.attribute)
    held = held_by(of, path, is_held=False)
    for sending in sendings(path):
        if sending.by != "remove" and not sending.is_filtered:
            for value in understood(path.attribute):
                after = done(of, held, sending, value)
                assert after is not None, sending.with_value(value)
                assert path.read(after) == expected, sending.with_value(value)


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_the_name_of_an_attribute_may_stand_around_its_value(
    of: ResourceType, path: AttributePath
) -> None:
    right = values.sent(path.attribute)
    held = held_by(of, path, is_held=True)
    for sending in sendings(path):
        if sending.has_path and sending.by != "remove":
            for name in (path.attribute.name, path.attribute.name.upper(), path.text):
                plain = right[0] if sending.is_filtered else right
                wrapped = done(of, held, sending, {name: plain})
                assert wrapped is not None, sending.with_value({name: plain})
                assert wrapped == done(of, held, sending, plain)


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_null_and_what_is_empty_unassign(of: ResourceType, path: AttributePath) -> None:
    held = held_by(of, path, is_held=True)
    for sending in sendings(path):
        if sending.by == "replace" and not sending.is_filtered and not path.attribute.required:
            for value in values.UNASSIGNED:
                after = done(of, held, sending, value)
                assert after is not None, sending.with_value(value)
                kept = None if path.attribute.default is None else path.read(held)
                assert path.read(after) == kept, sending.with_value(value)


@pytest.mark.parametrize(("of", "path"), READ_ONLY, ids=named)
def test_a_path_to_what_is_read_only_is_refused(of: ResourceType, path: AttributePath) -> None:
    for sending in sendings(path):
        if sending.has_path:
            for value in (*values.UNASSIGNED, "x", {"value": "x"}):
                assert done(of, BARE[of.name], sending, value) is None
