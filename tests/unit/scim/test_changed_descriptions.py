"""Resources that were written when the deployer's files described an attribute otherwise.

docs/extending.md advises against it. Who does it all the same must not find lists, or changes of
other attributes, failing over one old value.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import ScimError
from shared.scim import documents, filters, patch
from shared.scim.custom_schemas import read
from shared.scim.messages import parse_patch
from shared.scim.projection import Projection
from shared.scim.schema_documents import SchemaFile
from shared.scim.sorting import sort_paths, sort_value

if TYPE_CHECKING:
    from shared.scim.schema import Document, ResourceType

PARTS = [
    {"name": "value"},
    {"name": "hidden", "returned": "never"},
    {"name": "kept", "mutability": "immutable"},
]
NEEDED = [{"name": "value"}, {"name": "needed", "required": True}]

FORMS: dict[str, tuple[Document, Any]] = {
    "a string": ({}, "A x"),
    "an exact string": ({"caseExact": True}, "Ax"),
    "an immutable string": ({"mutability": "immutable"}, "q"),
    "a number": ({"type": "integer"}, 5),
    "a boolean": ({"type": "boolean"}, True),
    "a moment": ({"type": "dateTime"}, "2030-01-31T12:00:00Z"),
    "parts": ({"type": "complex", "subAttributes": PARTS}, {"value": "v", "kept": "i"}),
    "a needed part": (
        {"type": "complex", "subAttributes": NEEDED},
        {"value": "v", "needed": "r"},
    ),
    "strings": ({"multiValued": True}, ["a", "b"]),
    "several with parts": (
        {"type": "complex", "multiValued": True, "subAttributes": PARTS[:2]},
        [{"value": "v"}],
    ),
}
CHANGES = [
    pytest.param(FORMS[before][1], *FORMS[after], id=f"{before}, then {after}")
    for before, after in permutations(FORMS, 2)
]


def type_with(**attribute: Any) -> ResourceType:
    """A type of two attributes, of which one is described so."""
    schema = {"id": "urn:contoso:Site", "name": "Site"}
    attributes = [{"name": "a", **attribute}, {"name": "b"}]
    site = {"name": "Site", "endpoint": "/Sites", "schema": "urn:contoso:Site"}
    return read([SchemaFile("own.json", [{**schema, "attributes": attributes}, site])]).custom[0]


def changed(resource_type: ResourceType, document: Document, **operation: Any) -> Document:
    return patch.apply(resource_type, document, parse_patch({"Operations": [operation]}))


def presented(resource_type: ResourceType, document: Document) -> Document:
    return documents.present(
        resource_type, document, id="1", created="", modified="", version="", location=""
    )


@pytest.mark.parametrize(("held", "described", "value"), CHANGES)
def test_it_is_shown_compared_and_sorted(held: Any, described: Document, value: Any) -> None:
    del value
    site = type_with(**described)
    resource = presented(site, {"a": held, "b": "b"})
    for attributes, excluded in (
        (None, None),
        ("a,b", None),
        ("a.value,b", None),
        (None, "a.value"),
    ):
        shown = Projection.parse(site, attributes, excluded).apply(resource)
        assert shown["b"] == "b"
    for text in ('a eq "v"', "a pr", 'a.value eq "v"', 'a[value eq "v"]', 'a co "x"', "a gt 3"):
        try:
            condition = filters.parse_filter(f'b eq "b" or {text}', site)
        except ScimError:  # what the attribute is now cannot be compared so
            continue
        assert filters.matches(condition, resource)
    assert sort_value(sort_paths("a", [site])[0], resource) is not None


@pytest.mark.parametrize(("held", "described", "value"), CHANGES)
def test_other_attributes_can_be_changed_and_it_can_be_replaced(
    held: Any, described: Document, value: Any
) -> None:
    site, document = type_with(**described), {"a": held, "b": "b"}
    assert changed(site, document, op="replace", path="b", value="c") == {"a": held, "b": "c"}
    assert changed(site, document, op="remove", path="b") == {"a": held}
    if described.get("mutability") == "immutable" and not isinstance(held, list | dict):
        return  # of one form with what it was, so it is held
    have_parts = isinstance(held, dict) and isinstance(value, dict)
    merged = {**held, **value} if have_parts else value
    assert changed(site, document, op="replace", path="a", value=value)["a"] == merged
    assert documents.replace(site, document, {"a": value})["a"] == value


def test_what_is_added_to_a_value_of_another_form_takes_its_place() -> None:
    site = type_with(**FORMS["several with parts"][0])
    added = changed(site, {"a": ["old"]}, op="add", path="a", value=[{"value": "new"}])
    assert added["a"] == [{"value": "new"}]
