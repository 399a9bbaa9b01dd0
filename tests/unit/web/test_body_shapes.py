"""What the provisioning log keeps of a body: whom it names, and names, types and lengths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.web.body_shapes import (
    MOST_LINES,
    MOST_NAME_LENGTH,
    names_in,
    names_in_filter,
    shape_of,
)

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def operations(*each: Any) -> dict[str, Any]:
    return {"Operations": list(each)}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"userName": "Ana", "externalId": "7"}, {"userName": "Ana", "externalId": "7"}),
        ({"USERNAME": "Ana"}, {"userName": "Ana"}),
        ({"displayName": "Sales", "members": []}, {"displayName": "Sales"}),
        (operations({"op": "replace", "path": "userName", "value": "Bo"}), {"userName": "Bo"}),
        (operations({"op": "add", "value": {"externalId": "8"}}), {"externalId": "8"}),
        (
            operations(
                {
                    "op": "Replace",
                    "path": "urn:ietf:params:scim:schemas:core:2.0:User:userName",
                    "value": "Bo",
                }
            ),
            {"userName": "Bo"},
        ),
        ({"userName": ["Ana"]}, {}),
        ({"userName": ""}, {}),
        ({"userName": "a" * 1_000}, {"userName": "a" * MOST_NAME_LENGTH}),
        ({"operations": "x"}, {}),
        (operations("x", 1, None), {}),
        (["x"], {}),
        (None, {}),
    ],
)
def test_whom_a_body_names(body: Any, names: dict[str, str]) -> None:
    assert names_in(body) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "ana@contoso.test"', {"userName": "ana@contoso.test"}),
        ('externalId EQ "7" and active eq true', {"externalId": "7"}),
        ('emails.value eq "ana@contoso.test"', {}),
        ('userName eq "', {}),
        ("", {}),
    ],
)
def test_whom_a_filter_names(text: str, names: dict[str, str]) -> None:
    assert names_in_filter(text) == names


def test_a_resource_is_told_by_names_types_and_lengths() -> None:
    body = {
        "userName": "ana@contoso.test",
        "active": True,
        "emails": [{"value": "ana@contoso.test", "primary": True}],
        "name": {"givenName": "Ana"},
        ENTERPRISE: {"manager": None, "costCenter": 12},
        "roles": [],
    }
    assert shape_of(body) == (
        "userName: string of 16",
        "active: boolean",
        "emails: list of 1",
        "emails[0].value: string of 16",
        "emails[0].primary: boolean",
        "name.givenName: string of 3",
        f"{ENTERPRISE}.manager: null",
        f"{ENTERPRISE}.costCenter: number",
        "roles: empty list",
    )


def test_a_patch_is_told_with_what_it_was_to_do_and_where() -> None:
    patch = operations(
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ana@contoso.test"},
        {"op": "ana@contoso.test", "path": "ana@contoso.test", "value": {"title": "Lead"}},
    )
    assert shape_of(patch) == (
        "Operations: list of 2",
        "Operations[0].op: Replace",
        "Operations[0].path: emails[].value",
        "Operations[0].value: string of 16",
        "Operations[1].op: string of 16",
        "Operations[1].path: (not shown)",
        "Operations[1].value.title: string of 4",
    )


@pytest.mark.parametrize(
    "body",
    [
        {"secret value": "x", "ana@contoso.test": {"Müller": "y"}},
        {"emails": [{"ana@contoso.test": 1}]},
        operations({"ana@contoso.test": "secret value"}),
        ["secret value"],
        "secret value",
    ],
)
def test_no_value_is_in_it_whatever_was_sent(body: Any) -> None:
    told = json.dumps(shape_of(body), ensure_ascii=False)
    assert not any(word in told for word in ("secret", "ana@", "Müller"))


def test_it_is_bounded() -> None:
    assert len(shape_of({f"a{number}": number for number in range(10_000)})) == MOST_LINES
    assert len(shape_of(operations(*({"op": "add"} for _ in range(1_000))))) == MOST_LINES
    assert len(shape_of({"members": [{"value": "x"}] * 5_000})) == 4
