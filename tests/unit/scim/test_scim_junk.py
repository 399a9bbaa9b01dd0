"""What no client should send: it is refused or does no harm, in little time."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidFilter, InvalidValue, ScimError
from shared.scim import documents, members, patch
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER, USER_SCHEMA
from shared.scim.filters import parse_filter
from shared.scim.messages import parse_patch
from shared.scim.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1 << 20


def nested(wrap: Callable[[Any], Any]) -> Any:
    value: Any = "x"
    for _ in range(100_000):
        value = wrap(value)
    return value


JUNK: dict[str, Callable[[], Any]] = {
    "lists without end": lambda: nested(lambda inner: [inner]),
    "objects without end": lambda: nested(lambda inner: {"value": inner}),
    "objects of names without end": lambda: nested(lambda inner: {"name": inner}),
    "core URNs without end": lambda: nested(lambda inner: {USER_SCHEMA: inner}),
    "enterprise URNs without end": lambda: nested(lambda inner: {ENTERPRISE_USER_SCHEMA: inner}),
    "lists of objects without end": lambda: nested(lambda inner: [{"value": inner}]),
    "JSON text without end": lambda: '{"value":' * 100_000,
    "a NUL": lambda: "a\x00b",
    "an unpaired surrogate": lambda: "\udfff",
    "a huge string": lambda: "x" * MEGABYTE,
    "a huge string beyond ASCII": lambda: "\N{PILE OF POO}" * MEGABYTE,
    "a huge number": lambda: 10**4000,
    "not a number": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "a long list": lambda: [{"value": str(number)} for number in range(10_000)],
    "a long list of one value": lambda: [{"value": "x"}] * 50_000,
    "many names": lambda: {f"attribute{number}": number for number in range(10_000)},
    "quotes and OData": lambda: "x' or PartitionKey ne '",
}


def attempt(step: Callable[..., Any], *arguments: Any) -> None:
    """Take a step that may refuse; what it gives must be fit to be stored."""
    with contextlib.suppress(ScimError):
        json.dumps(step(*arguments), ensure_ascii=False).encode()


def joined(body: Any) -> tuple[str, ...]:
    return members.from_document(body).add


def patched(body: Any) -> Any:
    user = {"userName": "a", "active": True, "emails": [{"type": "work", "value": "w"}]}
    return patch.apply(USER, user, parse_patch(body))


def split(body: Any) -> tuple[str, ...]:
    return members.split_members(GROUP, parse_patch(body))[1].add


@pytest.mark.parametrize("make", JUNK.values(), ids=JUNK)
def test_junk_anywhere_in_a_resource(make: Callable[[], Any]) -> None:
    junk = make()
    attempt(documents.create, USER, junk)
    attempt(joined, junk)
    attempt(joined, {"members": junk})
    for path in (*USER.attributes, *GROUP.attributes):
        body = {"userName": "a", "displayName": "a", path.text: junk}
        attempt(documents.create, USER, body)
        attempt(documents.create, GROUP, body)


PATHS = [
    "",
    "userName",
    "name",
    "name.givenName",
    "emails",
    "emails.value",
    'emails[type eq "work"]',
    'emails[type eq "home"].value',
    "roles",
    "manager",
    "members",
    "id",
    USER_SCHEMA,
]


@pytest.mark.parametrize("make", JUNK.values(), ids=JUNK)
def test_junk_anywhere_in_a_patch(make: Callable[[], Any]) -> None:
    junk = make()
    operations = [junk, {"op": junk, "path": "title", "value": "x"}]
    for kind in ("add", "replace", "remove"):
        operations += [{"op": kind, "path": path, "value": junk} for path in PATHS]
        operations += [{"op": kind, "path": junk, "value": "x"}]
    bodies = [junk, {"Operations": junk}, *({"Operations": [one]} for one in operations)]
    for body in bodies:
        attempt(patched, body)
        attempt(split, body)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3_000,
        "[" * 3_000,
        "not(" * 3_000,
        'userName eq "' + "\\" * 3_001,
        'userName eq "' + '\\"' * 3_000,
        "userName eq " + "9" * 5_000,
        "active eq " + "9" * 5_000,
        "meta.created gt " + "9" * 5_000,
        'userName eq "x\x00y"',
        "userName eq x' or PartitionKey ne '",
        "x" * MEGABYTE,
        " " * 8_000,
        "\udfff pr",
        "userName eq \udfff",
    ],
)
def test_junk_as_a_filter_or_a_path(text: str) -> None:
    with contextlib.suppress(InvalidFilter):
        parse_filter(text, USER)
    for path in (text, f"emails[{text}].value", f"{text}[value pr]"):
        attempt(patched, {"Operations": [{"op": "replace", "path": path, "value": "x"}]})


def test_junk_as_a_list_of_attributes() -> None:
    for text in ("x" * MEGABYTE, "," * MEGABYTE, f"name{'.x' * 10_000}"):
        assert Projection.parse(USER, text, text).apply({"id": "1", "userName": "a"}) == {"id": "1"}
    for text in ("\udfff", "name." * 10_000, '"userName"', "user Name", "userName;title", "a[b]"):
        for parameters in ((text, None), (None, text)):
            with pytest.raises(InvalidValue):
                Projection.parse(USER, *parameters)


@pytest.mark.parametrize("head", ["a", "name", "title", ENTERPRISE_USER_SCHEMA, "urn:x"])
def test_a_name_of_many_names_is_read_in_linear_time(head: str) -> None:
    path = head + ".a" * (MEGABYTE // 2)
    for operation in (
        {"op": "add", "path": path, "value": "x"},
        {"op": "add", "value": {path: "x"}},
    ):
        attempt(patched, {"Operations": [operation]})
