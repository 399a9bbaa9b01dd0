"""What is required: in a type, in an extension, in every value; and when that is looked at.

RFC 7643 section 6: an extension that is required must be there with its required attributes; one
that is not may be left out, and has its required attributes where it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, Mutability, ScimError
from shared.scim import documents
from shared.scim.schema import Attribute, ResourceType, Schema

if TYPE_CHECKING:
    from shared.scim.schema import Document
    from tests.unit.scim.conftest import Patched

EXTENSION = "urn:example:extension:Badge"
SEATS = Attribute(
    "seats",
    "complex",
    multi_valued=True,
    sub_attributes=(Attribute("value", required=True), Attribute("type")),
)
SCHEMA = Schema("urn:example:Thing", "Thing", "", (Attribute("name", required=True), SEATS))
BADGE = Schema(EXTENSION, "Badge", "", (Attribute("number", required=True), Attribute("color")))


def thing(*, extension_is_required: bool) -> ResourceType:
    required = frozenset({EXTENSION} if extension_is_required else ())
    return ResourceType("Thing", "/Things", "", SCHEMA, (BADGE,), required)


OPTIONAL = thing(extension_is_required=False)
REQUIRED = thing(extension_is_required=True)


def refused(of: ResourceType, body: Any) -> str | None:
    with pytest.raises(InvalidValue) as refusal:
        documents.create(of, body)
    return refusal.value.path


def test_an_extension_may_be_left_out_with_all_that_it_requires() -> None:
    assert documents.create(OPTIONAL, {"name": "a"}) == {"name": "a"}


def test_an_extension_that_is_there_has_what_it_requires() -> None:
    body = {"name": "a", EXTENSION: {"color": "red"}}
    assert refused(OPTIONAL, body) == f"{EXTENSION}:number"
    body[EXTENSION] = {"color": "red", "number": "7"}
    assert documents.create(OPTIONAL, body) == body


@pytest.mark.parametrize("empty", [{}, None, {"unknown": 1}], ids=["empty", "null", "unknown"])
def test_an_extension_without_attributes_is_not_there(empty: Any) -> None:
    assert documents.create(OPTIONAL, {"name": "a", EXTENSION: empty}) == {"name": "a"}
    assert refused(REQUIRED, {"name": "a", EXTENSION: empty}) == EXTENSION


def test_an_extension_that_is_required_is_there_with_what_it_requires() -> None:
    assert refused(REQUIRED, {"name": "a"}) == EXTENSION
    assert refused(REQUIRED, {"name": "a", EXTENSION: {"color": "red"}}) == f"{EXTENSION}:number"
    body = {"name": "a", EXTENSION: {"number": "7"}}
    assert documents.create(REQUIRED, body) == body


@pytest.mark.parametrize("value", ["", " ", None, []], ids=str)
def test_a_blank_value_is_none(value: Any) -> None:
    assert refused(OPTIONAL, {"name": value}) == "name"


def test_a_required_part_is_in_every_value() -> None:
    seats = [{"value": "1", "type": "a"}, {"type": "b"}]
    assert refused(OPTIONAL, {"name": "a", "seats": seats}) == "seats.value"
    assert documents.create(OPTIONAL, {"name": "a", "seats": seats[:1]})["seats"] == seats[:1]


def test_a_put_needs_all_that_is_required() -> None:
    with pytest.raises(InvalidValue):
        documents.replace(REQUIRED, {"name": "a"}, {"name": "b"})


def test_operations_may_fill_an_extension_in_any_order(patched: Patched) -> None:
    operations = (
        {"op": "add", "path": f"{EXTENSION}:color", "value": "red"},
        {"op": "add", "path": f"{EXTENSION}:number", "value": "7"},
    )
    filled = {"name": "a", EXTENSION: {"color": "red", "number": "7"}}
    assert patched({"name": "a"}, *operations, of=OPTIONAL) == filled
    assert patched({"name": "a"}, *reversed(operations), of=OPTIONAL) == filled
    removal = {"op": "remove", "path": EXTENSION}
    assert patched(filled, removal, of=OPTIONAL) == {"name": "a"}


@pytest.mark.parametrize(
    ("error", "document", "operation", "path"),
    [
        (Mutability, {"name": "a"}, {"op": "remove", "path": "name"}, "name"),
        (InvalidValue, {"name": "a"}, {"op": "replace", "path": "name", "value": " "}, "name"),
        (
            Mutability,
            {"name": "a", EXTENSION: {"number": "7", "color": "red"}},
            {"op": "remove", "path": f"{EXTENSION}:number"},
            f"{EXTENSION}:number",
        ),
        (
            InvalidValue,
            {"name": "a", "seats": [{"value": "1", "type": "x"}]},
            {"op": "add", "path": "seats", "value": [{"type": "y"}]},
            "seats.value",
        ),
    ],
)
def test_a_patch_that_takes_it_away_is_refused_with_its_operation(
    patched: Patched,
    error: type[ScimError],
    document: Document,
    operation: dict[str, Any],
    path: str,
) -> None:
    """RFC 7644 section 3.5.2.2: what is unassigned is `mutability`, a bad value `invalidValue`."""
    harmless = {"op": "add", "path": "unknown", "value": "x"}
    with pytest.raises(error) as refusal:
        patched(document, harmless, operation, of=OPTIONAL)
    assert (refusal.value.path, refusal.value.operation) == (path, 1)


def test_a_patch_that_begins_an_extension_gives_what_it_requires(patched: Patched) -> None:
    begin = {"op": "add", "path": f"{EXTENSION}:color", "value": "red"}
    with pytest.raises(InvalidValue) as refusal:
        patched({"name": "a"}, begin, of=OPTIONAL)
    assert refusal.value.path == f"{EXTENSION}:number"


def test_what_was_missing_before_does_not_stand_in_the_way_of_other_changes(
    patched: Patched,
) -> None:
    """A resource from the time before the extension was required can still be changed."""
    add = {"op": "add", "path": "seats", "value": [{"value": "1"}]}
    assert patched({"name": "a"}, add, of=REQUIRED)["seats"] == [{"value": "1"}]
    with pytest.raises(Mutability) as refusal:
        patched({"name": "a"}, add, {"op": "remove", "path": "name"}, of=REQUIRED)
    assert refusal.value.path == "name"
