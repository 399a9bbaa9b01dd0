"""Projection: `attributes` and `excludedAttributes` (RFC 7644 section 3.9)."""

from __future__ import annotations

import pytest

from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, GROUP_SCHEMA, USER, USER_SCHEMA
from shared.scim.projection import Projection
from shared.scim.schema import Attribute, Document, ResourceType, Schema

ENTERPRISE = ENTERPRISE_USER_SCHEMA
ANA: Document = {
    "schemas": [USER_SCHEMA, ENTERPRISE],
    "id": "1f",
    "userName": "ana",
    "active": True,
    "name": {"givenName": "Ana", "familyName": "Ruiz"},
    "emails": [{"type": "work", "value": "w@x", "display": "W"}, {"type": "home", "value": "h@x"}],
    ENTERPRISE: {"department": "d", "manager": {"value": "m1", "$ref": "/m1"}},
    "groups": [{"value": "g1"}],
    "meta": {"resourceType": "User", "version": 'W/"1"'},
}
ALWAYS = {"schemas": ANA["schemas"], "id": "1f"}


def shown(attributes: str | None = None, excluded: str | None = None) -> Document:
    return Projection.parse(USER, attributes, excluded).apply(ANA)


def without(*names: str) -> Document:
    return {name: value for name, value in ANA.items() if name not in names}


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_everything_is_shown_by_default(nothing: str | None) -> None:
    assert shown(nothing, nothing) == ANA


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("id", {}),
        ("userName", {"userName": "ana"}),
        (" USERNAME , active ", {"userName": "ana", "active": True}),
        (f"{USER_SCHEMA}:userName", {"userName": "ana"}),
        ("name.givenName", {"name": {"givenName": "Ana"}}),
        ("name.givenName,name.familyName", {"name": ANA["name"]}),
        ("name,name.givenName", {"name": ANA["name"]}),
        ("name.givenName,name", {"name": ANA["name"]}),
        ("emails.value", {"emails": [{"value": "w@x"}, {"value": "h@x"}]}),
        ("emails.display", {"emails": [{"display": "W"}]}),
        ("emails.primary", {}),
        ("meta", {"meta": ANA["meta"]}),
        ("meta.version", {"meta": {"version": 'W/"1"'}}),
        ("groups", {"groups": ANA["groups"]}),
        (ENTERPRISE, {ENTERPRISE: ANA[ENTERPRISE]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "d"}}),
        ("manager.value", {ENTERPRISE: {"manager": {"value": "m1"}}}),
        (f"{ENTERPRISE}:division", {}),
        ("shoeSize", {}),
        ("shoeSize,userName,name.shoe", {"userName": "ana"}),
        (",,", {}),
        ("password", {}),
    ],
)
def test_attributes_show_what_they_name_and_what_is_always_shown(
    attributes: str, expected: Document
) -> None:
    assert shown(attributes) == {**ALWAYS, **expected}


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ("name", without("name")),
        ("NAME, emails", without("name", "emails")),
        ("name.givenName", {**ANA, "name": {"familyName": "Ruiz"}}),
        ("name.givenName,name.familyName", without("name")),
        ("emails.display,emails.type", {**ANA, "emails": [{"value": "w@x"}, {"value": "h@x"}]}),
        ("name,name.givenName", without("name")),
        ("meta", without("meta")),
        (ENTERPRISE, without(ENTERPRISE)),
        ("department", {**ANA, ENTERPRISE: {"manager": ANA[ENTERPRISE]["manager"]}}),
        ("manager.$ref", {**ANA, ENTERPRISE: {"department": "d", "manager": {"value": "m1"}}}),
        ("id,schemas", ANA),
        ("shoeSize", ANA),
        (USER_SCHEMA, {**ALWAYS, ENTERPRISE: ANA[ENTERPRISE]}),
    ],
)
def test_excluded_attributes_are_left_out_unless_they_are_always_shown(
    excluded: str, expected: Document
) -> None:
    assert shown(None, excluded) == expected


def test_attributes_hold_if_both_are_given() -> None:
    assert shown("userName", "userName,name") == {**ALWAYS, "userName": "ana"}


def test_the_schema_decides_what_is_shown_on_request_or_never() -> None:
    parts = (
        Attribute("value"),
        Attribute("key", returned="never"),
        Attribute("note", returned="request"),
        Attribute("kind", returned="always"),
    )
    attributes = (
        Attribute("secret", returned="never"),
        Attribute("photo", returned="request"),
        Attribute("badge", "complex", sub_attributes=parts),
    )
    kind = ResourceType("T", "/Ts", "", Schema("urn:t:2.0:T", "T", "", attributes))
    badge = {"value": "v", "key": "k", "note": "n", "kind": "t"}
    resource: Document = {"id": "1", "secret": "s", "photo": "p", "badge": badge}

    def applied(attributes: str | None, excluded: str | None = None) -> Document:
        return Projection.parse(kind, attributes, excluded).apply(resource)

    plain = {"value": "v", "kind": "t"}
    assert applied(None) == {"id": "1", "badge": plain}
    assert applied("photo,secret") == {"id": "1", "photo": "p"}
    assert applied("badge") == {"id": "1", "badge": plain}
    assert applied("badge.note,badge.key") == {"id": "1", "badge": {"note": "n", "kind": "t"}}
    assert applied(None, "badge.value,badge.kind") == {"id": "1", "badge": {"kind": "t"}}


@pytest.mark.parametrize(
    ("attributes", "excluded", "included"),
    [
        (None, None, True),
        (None, "members", False),
        (None, "Members", False),
        (None, f"{GROUP_SCHEMA}:members", False),
        (None, "members.display", True),
        (None, "members.value,members.$ref,members.type,members.display", False),
        ("id", None, False),
        ("id,MEMBERS", None, True),
        ("members.value", None, True),
    ],
)
def test_it_tells_beforehand_whether_members_are_shown(
    attributes: str | None, excluded: str | None, included: bool
) -> None:
    assert Projection.parse(GROUP, attributes, excluded).includes("members") is included


def test_an_empty_list_is_shown_as_one() -> None:
    group: Document = {"id": "g", "members": []}
    assert Projection.parse(GROUP, None, None).apply(group) == group
    assert Projection.parse(GROUP, "members.value", None).apply(group) == group


def test_what_the_schema_does_not_know_is_never_shown() -> None:
    resource = {"id": "1", "u-row": "x", "password": "p", ENTERPRISE: {"shoe": 1, "division": "v"}}
    assert Projection.parse(USER, None, None).apply(resource)["id"] == "1"
    assert Projection.parse(USER, None, None).apply(resource) == {
        "id": "1",
        ENTERPRISE: {"division": "v"},
    }
