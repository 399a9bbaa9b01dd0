"""Every member of every body of `/api/v1` with every wrong value.

What is said is said of JSON, and what is taken is what `/openapi.json` describes.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator

from endpoints import API
from shared.errors import InvalidValue
from shared.tenant_settings import TenantSettings, patched
from shared.validation import OTHERWISE
from vendor_api.models import read_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

BODIES: set[type[BaseModel]] = {
    operation.body
    for endpoint in API.values()
    for operation in endpoint.operations.values()
    if operation.body is not None
}
EVENT = f"{'0' * 32}-deactivated"
ENDPOINT = {
    "url": "https://hooks.example.com/scim",
    "description": "For the CRM",
    "tenants": ["acme"],
    "types": ["user.created"],
    "state": "paused",
}
MOMENT = "2026-11-29T13:45:00Z"
GUARD = {"users": 20, "percent": 5, "hold": True, "releaseAfterHours": 24}
ENTRY = {"group": {"displayName": "Admins"}, "role": "admin", "priority": 1}
RIGHT: dict[str, dict[str, Any]] = {
    "EndpointPatch": ENDPOINT,
    "EndpointToCreate": ENDPOINT,
    "NewSetupLink": {"rights": ["watch"], "days": 7, "returnUrl": "https://example.com"},
    "RedeliveryWanted": {
        "tenant": "acme",
        "ids": [EVENT],
        "since": MOMENT,
        "until": MOMENT,
        "dead": True,
    },
    "RotationWanted": {"overlapHours": 24},
    "TenantSettings": {
        "roleMap": [ENTRY],
        "requestsPerSecond": 50,
        "unknownMembers": "skip",
        "profile": "interop",
        "groupNames": "unique",
        "guard": GUARD,
    },
    "TenantToCreate": {"name": "acme", "validDays": 7, "existingData": False},
    "TokenToDraw": {"validDays": 7},
}
"""A body of each model that has all of its members."""

WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    " ",
    "x" * 2_000,
    [],
    [None],
    ["x"],
    {},
    {"x": 1},
)
PYTHON = re.compile(
    r"(?i:\b(input|instance|sequence|validation|validator|valid|items?|tuple|dict\w*|str|int|bool"
    r"|python|pydantic|argument|field|extra|literal|type)\b)|\bNone\b|'"
)


NAME = re.compile(r"\w*[^\W\d]\w*")


def path_in(said: str) -> str:
    """The path before what is said of it; empty where it is of the whole body."""
    path, colon, _ = said.partition(": ")
    return path if colon and " " not in path else ""


def names_in(body: Any) -> set[str]:
    """The names of all members of a body that has all, with those that were put there."""
    members = {*body} if isinstance(body, dict) else set()
    inner = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return members.union(*map(names_in, inner))


def places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of everything in a body, and of a member that it does not have."""
    members = [*value.items()] if isinstance(value, dict) else []
    members = [*enumerate(value)] if isinstance(value, list) else members
    if isinstance(value, dict):
        yield (*above, "more")
    for step, inner in members:
        yield (*above, step)
        yield from places(inner, *above, step)


def variants(right: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield a body with each wrong value at each of its places, and with the place left out."""
    for place in places(right):
        yield place, without(right, place)
        for value in WRONG:
            yield place, put(right, place, value)


def put(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    changed = deepcopy(body)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return changed


def without(body: Any, place: tuple[str | int, ...]) -> Any:
    changed = deepcopy(body)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    if isinstance(holder, dict):
        holder.pop(place[-1], None)
    return changed


def refusal(model: type[BaseModel], body: Any) -> str | None:
    """What is said of a body; None if it is taken."""
    try:
        patched({}, body) if model is TenantSettings else read_body(model, body)
    except InvalidValue as error:
        return error.detail
    return None


def test_every_body_is_tried() -> None:
    assert {model.__name__ for model in BODIES} == RIGHT.keys()
    assert all(refusal(model, RIGHT[model.__name__]) is None for model in BODIES)


@pytest.mark.parametrize("model", sorted(BODIES, key=str))
def test_what_is_wrong_with_a_body_is_said_in_the_words_of_json(model: type[BaseModel]) -> None:
    right = RIGHT[model.__name__]
    tried = 0
    for place, body in variants(right):
        said = refusal(model, body)
        if said is None:
            continue
        tried += 1
        names = [step for step in place if isinstance(step, str) and step != "more"]
        assert OTHERWISE not in said, (said, json.dumps(body)[:200])
        assert not PYTHON.search(said), said
        assert {*NAME.findall(path_in(said))} <= names_in(right) | {"x", "more"}, said
        assert not names or names[0] in said, said
        assert "xxx" not in said
    assert tried > len(WRONG)


@pytest.mark.parametrize("model", sorted(BODIES, key=str))
def test_what_is_taken_is_what_the_description_describes(model: type[BaseModel]) -> None:
    described = OAS31Validator(model.model_json_schema())
    right = RIGHT[model.__name__]
    for _, body in variants(right):
        if refusal(model, body) is None:
            assert names_in(body) <= names_in(right), json.dumps(body)
            # In a merge patch null unsets, also inside of a setting.
            whole = patched({}, body) if model is TenantSettings else body
            assert described.is_valid(whole), json.dumps(body)


@pytest.mark.parametrize("model", sorted(BODIES, key=str))
def test_bounds_that_are_refused_are_described(model: type[BaseModel]) -> None:
    described = OAS31Validator(model.model_json_schema())
    for _, body in variants(RIGHT[model.__name__]):
        said = refusal(model, body) or ""
        if "should be at least" in said or "should be at most" in said:
            assert not described.is_valid(body), json.dumps(body)
