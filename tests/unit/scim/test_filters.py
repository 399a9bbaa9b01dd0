"""Filters: the grammar of RFC 7644 section 3.4.2.2, its meaning, and what clients write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidFilter
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER, USER_SCHEMA
from shared.scim.filters import (
    MAX_FILTER_DEPTH,
    MAX_LENGTH,
    And,
    Comparison,
    Not,
    Or,
    Unknown,
    ValuePath,
    matches,
    parse_filter,
)
from shared.scim.schema import Attribute, ResourceType, Schema
from tests.support.filter_text import to_text

if TYPE_CHECKING:
    from shared.scim.schema import Document

ANA: Document = {
    "id": "1F",
    "userName": "Ana@Contoso.test",
    "externalId": "jYoung",
    "active": True,
    "title": "Tour Guide",
    "name": {"familyName": "Ruiz", "givenName": "Ana"},
    "emails": [
        {"type": "work", "primary": True, "value": "ana@contoso.test"},
        {"type": "home", "value": "ana@home.test"},
    ],
    ENTERPRISE_USER_SCHEMA: {"employeeNumber": "0701", "manager": {"value": "m1"}},
    "groups": [{"value": "g1", "type": "direct"}],
    "schemas": [USER_SCHEMA],
    "meta": {
        "resourceType": "User",
        "created": "2030-01-31T12:00:00.000Z",
        "lastModified": "2030-02-28T12:00:00.000Z",
    },
}


def holds(text: str, resource: Document = ANA, of: ResourceType = USER) -> bool:
    condition = parse_filter(text, of)
    assert parse_filter(to_text(condition), of) == condition
    return matches(condition, resource)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ana@contoso.test"',
        'USERNAME EQ "ANA@CONTOSO.TEST"',
        'userName ne "bo@contoso.test"',
        'userName co "@CONTOSO"',
        'userName sw "ana"',
        'userName ew ".TEST"',
        'userName gt "ANA"',
        'userName ge "ana@contoso.test"',
        'userName lt "b"',
        'userName le "ana@contoso.test"',
        "title pr",
        "Title PR",
        f'{USER_SCHEMA}:userName eq "ana@contoso.test"',
        f'{USER_SCHEMA.upper()}:name.givenName eq "ana"',
        f'{ENTERPRISE_USER_SCHEMA}:employeeNumber eq "0701"',
        "employeeNumber eq 0701",
        'externalId eq "jYoung"',
        'id eq "1F"',
        'active eq "True"',
        "active eq true",
        "active eq TRUE",
        "active ne false",
        "name pr",
        'name.familyName sw "ru"',
        "emails pr",
        'emails co "@home"',
        'emails.value eq "ana@home.test"',
        'emails.type eq "home"',
        'emails[type eq "work"]',
        'emails[type eq "work" and value co "contoso"]',
        'emails[type eq "work" or type eq "other"]',
        'emails[not (type eq "work")]',
        'emails[type eq "work"].value eq "ANA@contoso.test"',
        'emails[type eq "work"].primary eq "true"',
        'emails[type eq "work"] eq "ana@contoso.test"',
        'emails[type eq "work"].value pr',
        'emails [ type eq "work" ] and active eq true',
        'emails.value ne "ana@home.test"',
        'manager eq "m1"',
        'manager.value eq "m1"',
        f'{ENTERPRISE_USER_SCHEMA}:manager eq "m1"',
        'groups eq "g1"',
        f'schemas eq "{USER_SCHEMA}"',
        'id eq "1F" and manager eq "m1"',
        "externalId eq jYoung",
        "nickName eq null",
        "nickName NE x",
        'nickName ne "x"',
        "title ne null",
        "addresses eq null",
        "not (nickName pr)",
        "NOT(nickName pr)",
        'meta.created eq "2030-01-31T13:00:00+01:00"',
        'meta.created lt "2030-01-31T12:00:01Z"',
        "meta.lastModified gt 2030-01-31T12:00:00Z",
        'meta.lastModified ge "2030-02-28T00:00:00"',
        'meta.created sw "2030-01"',
        'title eq "tour\\u0020guide"',
        "  title   pr  ",
        '(title pr)and(emails[type eq "work"])',
    ],
)
def test_a_filter_that_ana_satisfies(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "bo@contoso.test"',
        'userName gt "ana@contoso.test"',
        'externalId eq "jyoung"',
        'id eq "1f"',
        "active eq false",
        'active ne "True"',
        "nickName pr",
        "title eq null",
        "nickName ne null",
        'nickName eq "x"',
        'nickName co ""',
        'nickName lt "z"',
        'emails[type eq "work" and value co "home"]',
        'emails[type eq "home"].value eq "ana@contoso.test"',
        'emails[type eq "other"].value ne "x"',
        'emails[type eq "other"]',
        'emails[type eq "home"].primary pr',
        'addresses[type eq "work"]',
        'meta.created gt "2030-01-31T12:00:00Z"',
        "not (title pr)",
        'manager eq "m2"',
    ],
)
def test_a_filter_that_ana_does_not_satisfy(text: str) -> None:
    assert not holds(text)


@pytest.mark.rfc("7644-3.4.2.1-undefined-attribute")
@pytest.mark.parametrize(
    "text",
    [
        'shoeSize eq "9"',
        'shoeSize ne "9"',
        "shoeSize pr",
        "not (title pr) or name.shoeSize pr",
        'urn:acme:2.0:User:title eq "x"',
        'shoes[size eq "9"]',
        'shoes[size eq "9"].colour eq "red"',
        'emails[colour eq "red"]',
        'emails[type eq "work"].colour eq "red"',
        'emails[type eq "work"].colour pr',
        'members eq "u1"',
    ],
)
def test_nothing_satisfies_a_term_on_an_unknown_attribute(text: str) -> None:
    assert not holds(text)


def test_an_unknown_term_keeps_its_text() -> None:
    text = 'shoes[size eq "9" and (a pr)].colour eq  "red"'
    assert parse_filter(f" {text} ", USER) == Unknown(text)


def test_members_are_compared_by_their_id() -> None:
    group = {"id": "g1", "displayName": "Sales", "members": [{"value": "u1"}, {"value": "u2"}]}
    assert holds('id eq "g1" and members eq "u2"', group, GROUP)
    assert holds('members[value eq "u1"]', group, GROUP)
    assert not holds('members.value eq "u3"', group, GROUP)


def test_and_binds_more_than_or() -> None:
    condition = parse_filter("a.b pr or title pr and active eq true or not (userType pr)", USER)
    assert isinstance(condition, Or)
    assert [type(part) for part in condition.filters] == [Unknown, And, Not]


def test_parentheses_bind_most() -> None:
    condition = parse_filter('userType eq x and (title co "y" or title co "z")', USER)
    assert isinstance(condition, And)
    assert [type(part) for part in condition.filters] == [Comparison, Or]
    assert to_text(condition) == 'userType eq "x" and (title co "y" or title co "z")'


def test_the_tree_tells_what_is_looked_up() -> None:
    condition = parse_filter('EMAILS[Type eq "work"].Value eq "a@x"', USER)
    assert isinstance(condition, ValuePath)
    assert condition.path is USER.find("emails")
    assert isinstance(condition.filter, And)
    terms = [part for part in condition.filter.filters if isinstance(part, Comparison)]
    assert [(term.path.text, term.operator, term.value) for term in terms] == [
        ("type", "eq", "work"),
        ("value", "eq", "a@x"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ('active eq "False"', "active", False),
        ("employeeNumber eq 007", f"{ENTERPRISE_USER_SCHEMA}:employeeNumber", "007"),
        ("title eq true", "title", "true"),
        ('title eq "null"', "title", "null"),
        ("title eq NULL", "title", None),
        ('title eq ""', "title", ""),
        ('title eq "say \\"hi\\" \\\\ \\u00e9"', "title", 'say "hi" \\ é'),
        ('title eq "line\nfeed\x00"', "title", "line\nfeed\x00"),
        ("emails sw ana", "emails.value", "ana"),
    ],
)
def test_a_literal_is_of_the_type_of_what_it_is_compared_with(
    text: str, path: str, value: Any
) -> None:
    condition = parse_filter(text, USER)
    assert isinstance(condition, Comparison)
    assert (condition.path.text, condition.value) == (path, value)
    assert parse_filter(to_text(condition), USER) == condition


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the end at character 1, where the name of an attribute"),
        ("   ", "the end at character 4, where the name of an attribute"),
        ("userName", "the end at character 9, where an operator"),
        ("userName is x", '"is" at character 10, where an operator'),
        ("userName eq", "the end at character 12, where a value"),
        ("userName eq and title pr", '"and" at character 13, where a value'),
        ('userName eq "x', "a quote that is not closed at character 13"),
        ('userName eq "x" title pr', '"title" at character 17, where "and", "or" or the end'),
        ('userName eq "x" "y"', "a quoted value at character 17"),
        ("title pr and", "the end at character 13"),
        ("or title pr", '"title" at character 4, where an operator'),
        ('"userName" eq x', "a quoted value at character 1, where the name"),
        ("(title pr", 'the end at character 10, where "and", "or" or ")"'),
        ("title pr)", '")" at character 9'),
        ("()", '")" at character 2'),
        ("not title pr", '"title" at character 5, where an operator'),
        ("emails[]", '"]" at character 8'),
        ('emails[type eq "work"', 'the end at character 22, where "and", "or" or "]"'),
        ('emails[type eq "work"].', 'the name of a sub-attribute after "."'),
        ('emails[type eq "work"].value', "the end at character 29, where an operator"),
        ('emails[type eq "work"] .value eq "x"', '".value" at character 24'),
        ('userName[a eq "x"]', "userName has no sub-attributes"),
        ('emails.value[a eq "x"]', "emails.value has no sub-attributes"),
        ("active gt true", '"gt" does not apply to active'),
        ('active co "tr"', '"co" does not apply to active'),
        ('x509Certificates.value gt "x"', '"gt" does not apply to x509Certificates.value'),
        ('active eq "banana"', "active is compared with a boolean"),
        (
            'name eq "Ana"',
            "name has parts, of which one is to be compared: name.formatted, name.familyName",
        ),
        ('addresses gt "Ana"', "addresses has parts"),
        ("title gt null", '"gt" does not compare with null'),
        ('meta.created gt "yesterday"', "meta.created is compared with a date and time"),
        ('title eq "\\ud800"', "title is compared with a string"),
        ('title eq "\\q"', "the value at character 10 is not"),
        ("title eq '\\q'", "the value at character 10 is not"),
        ('meta.lastModified ge "2030-02-28"', "meta.lastModified is compared with a date and time"),
        ('meta.lastModified gt "20301128022500Z"', "compared with a date and time"),
        ('meta.lastModified gt "2030-W05-1T00:00:00Z"', "compared with a date and time"),
        ('x509Certificates eq "%HELLO%"', "x509Certificates.value is compared with base64"),
        (f"{ENTERPRISE_USER_SCHEMA} eq x", "A schema is not compared"),
        ("title eq 'x", "a quotation mark at character 10"),
        ("{title} eq x", '"{title}" at character 1, where the name of an attribute'),
    ],
)
def test_a_broken_filter_is_refused_with_the_place_and_what_is_expected(
    text: str, why: str
) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(text, USER)
    assert why in refusal.value.detail


def test_a_refusal_does_not_repeat_a_quoted_value() -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter('userName "my secret"', USER)
    assert "secret" not in refusal.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3_000 + "title pr" + ")" * 3_000,
        "not (" * 1_000 + "title pr" + ")" * 1_000,
        "emails[" * 1_000,
    ],
)
def test_nesting_without_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match="nested more than 40 levels"):
        parse_filter(text, USER)


def test_nesting_up_to_the_bound_is_read() -> None:
    text = "(" * MAX_FILTER_DEPTH + "title pr" + ")" * MAX_FILTER_DEPTH
    assert parse_filter(text, USER) == parse_filter("title pr", USER)
    deep = "not (" * MAX_FILTER_DEPTH + "title pr" + ")" * MAX_FILTER_DEPTH
    assert to_text(parse_filter(deep, USER)) == deep
    assert matches(parse_filter(deep, USER), ANA)


def test_a_filter_has_a_bounded_length() -> None:
    text = " or ".join(['title eq "x"'] * (MAX_LENGTH // 16))
    assert isinstance(parse_filter(text, USER), Or)
    with pytest.raises(InvalidFilter, match="at most 8192"):
        parse_filter(f'title eq "{"x" * MAX_LENGTH}"', USER)


def test_numbers_are_compared_as_numbers() -> None:
    schema = Schema("urn:t:2.0:T", "T", "", (Attribute("n", "integer"), Attribute("d", "decimal")))
    numbered = ResourceType("T", "/Ts", "", schema)
    resource: Document = {"n": 10, "d": 2.5}
    for text in ("n gt 9", "n le 10", 'n eq "10"', "d lt 2.6", "d ne 3"):
        assert holds(text, resource, numbered)
    for text in ("n gt 10", "d eq 2.6"):
        assert not holds(text, resource, numbered)
    with pytest.raises(InvalidFilter, match='"sw" does not apply to n'):
        parse_filter("n sw 1", numbered)


def test_moments_at_the_ends_of_the_calendar_are_compared() -> None:
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        holds(f'meta.created lt "{text}"')
