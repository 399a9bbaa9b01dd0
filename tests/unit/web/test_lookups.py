"""Which terms of a filter an index may answer, and which compare an attribute at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.scim.core_schemas import GROUP, USER
from shared.scim.filters import parse_filter
from shared.web.lookups import Term, comparisons, is_impossible, required_terms

if TYPE_CHECKING:
    from shared.scim.schema import ResourceType

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ('userName eq "ana"', [("userName", "ana")]),
        ('USERNAME EQ "ana"', [("userName", "ana")]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ana"', [("userName", "ana")]),
        ("externalId eq 42", [("externalId", "42")]),
        ('emails eq "a@x"', [("emails.value", "a@x")]),
        ('emails.value eq "a@x"', [("emails.value", "a@x")]),
        ('emails[value eq "a@x"]', [("emails.value", "a@x")]),
        (
            'emails[type eq "work" and value eq "a@x"]',
            [("emails.type", "work"), ("emails.value", "a@x")],
        ),
        (
            'emails[type eq "work"].value eq "a@x"',
            [("emails.type", "work"), ("emails.value", "a@x")],
        ),
        (f'{ENTERPRISE}:department eq "R"', [(f"{ENTERPRISE}:department", "R")]),
        (
            'userName eq "ana" and (active eq true and externalId eq "7")',
            [("userName", "ana"), ("externalId", "7")],
        ),
        ('userName eq "ana" and favouriteColour eq "red"', [("userName", "ana")]),
        ('userName eq "ana" and not (externalId eq "7")', [("userName", "ana")]),
        ('userName eq "ana" and (externalId eq "7" or id pr)', [("userName", "ana")]),
    ],
)
def test_terms_that_every_match_must_satisfy(text: str, terms: list[tuple[str, str]]) -> None:
    assert list(required_terms(parse_filter(text, USER))) == [Term(*term) for term in terms]


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ana" or externalId eq "7"',
        'not (userName eq "ana")',
        'not (not (userName eq "ana"))',
        'emails[value eq "a@x" or value eq "b@x"]',
        'emails[not (value eq "a@x")]',
        'userName ne "ana"',
        'userName sw "ana"',
        "userName pr",
        "userName eq null",
        "active eq true",
        'favouriteColour eq "red"',
    ],
)
def test_filters_that_can_be_matched_without_any_one_term(text: str) -> None:
    assert list(required_terms(parse_filter(text, USER))) == []


@pytest.mark.parametrize(
    ("resource_type", "text", "compared"),
    [
        (GROUP, 'members eq "u"', ["members.value"]),
        (GROUP, 'members.value eq "u"', ["members.value"]),
        (GROUP, 'MEMBERS[value eq "u" and not (type eq "User")]', ["value", "type"]),
        (GROUP, 'members[value eq "u" or display eq "a"]', ["value", "display"]),
        (GROUP, 'members[colour eq "red" and value eq "u"]', ["value"]),
        (GROUP, 'id eq "g" and members eq "u"', ["members.value"]),
        (GROUP, 'not (displayName eq "x" or members eq "u")', ["members.value"]),
        (GROUP, "members pr", ["members"]),
        (GROUP, 'displayName eq "members"', []),
        (GROUP, 'colour eq "members"', []),
        (USER, 'emails[value eq "members"]', []),
        (USER, 'groups.value eq "members"', []),
    ],
)
def test_comparisons_with_an_attribute_are_found_wherever_they_stand(
    resource_type: ResourceType, text: str, compared: list[str]
) -> None:
    found = comparisons(parse_filter(text, resource_type), "members")
    assert [comparison.path.text for comparison in found] == compared


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ana"',
        'userName eq "ana" and displayName eq "x"',
        'meta.resourceType eq "User"',
        'meta.resourceType eq "user"',
        f'schemas eq "{USER.schema.id}"',
        'emails[type eq "work"]',
        "active eq true or title pr",
        "title ne null",
        "shoeSize pr",
        'shoeSize ne "39" and displayName pr',
        'members[shoeSize eq "39"] and shoeSize pr',
    ],
)
def test_what_no_group_can_satisfy(text: str) -> None:
    assert is_impossible(parse_filter(text, GROUP, USER), GROUP)


@pytest.mark.parametrize(
    "text",
    [
        'displayName eq "x"',
        'userName ne "ana"',
        "userName eq null",
        'not (userName eq "ana")',
        'userName eq "ana" or displayName eq "x"',
        'meta.resourceType eq "Group"',
        'meta.resourceType ne "User"',
        'meta.resourceType sw "U"',
        f'schemas eq "{GROUP.schema.id}"',
        'members[value eq "x"]',
        "not (shoeSize pr)",
    ],
)
def test_what_a_group_may_satisfy(text: str) -> None:
    assert not is_impossible(parse_filter(text, GROUP, USER), GROUP)
