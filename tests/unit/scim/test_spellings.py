"""One attribute under two names in one object: the same is taken once, two values are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.errors import InvalidValue
from shared.scim import documents
from shared.scim.core_schemas import USER, USER_SCHEMA

if TYPE_CHECKING:
    from shared.scim.schema import Document
    from tests.unit.scim.conftest import Patched

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def created(**attributes: object) -> Document:
    return documents.create(USER, {"userName": "ana", **attributes})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"title": "A", f"{USER_SCHEMA}:title": "A"}, {"title": "A"}),
        ({"title": "A", f"{USER_SCHEMA}:TITLE": "A"}, {"title": "A"}),
        (
            {"name": {"givenName": "A", "familyName": "B"}, "name.givenName": "A"},
            {"name": {"givenName": "A", "familyName": "B"}},
        ),
        (
            {"name": {"givenName": "A"}, "name.familyName": "B"},
            {"name": {"givenName": "A", "familyName": "B"}},
        ),
        (
            {
                ENTERPRISE: {"manager": {"value": "m"}},
                f"{ENTERPRISE}:manager.value": "m",
            },
            {ENTERPRISE: {"manager": {"value": "m"}}},
        ),
        (
            {"emails": [{"value": "a@b.test"}], f"{USER_SCHEMA}:emails": [{"value": "a@b.test"}]},
            {"emails": [{"value": "a@b.test"}]},
        ),
    ],
)
def test_the_same_under_two_names_is_said_once(body: Document, expected: Document) -> None:
    read = created(**body)
    assert {name: read[name] for name in expected} == expected


@pytest.mark.parametrize(
    "body",
    [
        {"title": "A", f"{USER_SCHEMA}:title": "B"},
        {"name": {"givenName": "A"}, "name.givenName": "B"},
        {"name": {"givenName": "A"}, f"{USER_SCHEMA}:name": {"givenName": "B"}},
        {ENTERPRISE: {"manager": {"value": "m"}}, f"{ENTERPRISE}:manager.value": "n"},
        {"emails": [{"value": "a@b.test"}], f"{USER_SCHEMA}:emails": [{"value": "c@d.test"}]},
        {"active": True, f"{USER_SCHEMA}:active": False},
    ],
)
def test_two_values_of_one_attribute_are_refused_in_any_order(body: Document) -> None:
    for ordered in (body, dict(reversed(body.items()))):
        with pytest.raises(InvalidValue, match="twice"):
            created(**ordered)


def test_what_is_read_only_may_differ_because_it_is_passed_over() -> None:
    read = created(**{"meta": {"created": "a"}, f"{USER_SCHEMA}:meta": {"created": "b"}})
    assert read["userName"] == "ana"


def test_the_parts_of_elements_that_a_filter_chose_are_held_against_the_whole(
    patched: Patched,
) -> None:
    held: Document = {"userName": "ana", "emails": [{"type": "work", "value": "a@b.test"}]}
    path = 'emails[type eq "work"]'
    same = {path: {"value": "c@d.test"}, f"{path}.value": "c@d.test"}
    read = patched(held, {"op": "replace", "value": same})
    assert read["emails"] == [{"type": "work", "value": "c@d.test"}]
    other = {path: {"value": "c@d.test"}, f"{path}.value": "e@f.test"}
    with pytest.raises(InvalidValue, match="twice"):
        patched(held, {"op": "replace", "value": other})
