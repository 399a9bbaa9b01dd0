"""Generated bodies, filters and paths: the rules of `test_bad_input.py` hold for any input."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fixtures.scim_client import ENTERPRISE, USER, Scim
from tests.support.fixtures.service import RunningService

NAMES = [
    "userName",
    "displayName",
    "active",
    "name",
    "name.givenName",
    "emails",
    "emails.value",
    'emails[type eq "work"]',
    'emails[type eq "work"].value',
    "roles",
    'roles[primary eq "True"].value',
    "addresses",
    "x509Certificates",
    "members",
    'members[value eq "x"]',
    "members.value",
    "externalId",
    "meta",
    "id",
    "schemas",
    "groups",
    "password",
    "value",
    "type",
    "primary",
    "manager",
    "$ref",
    f"{ENTERPRISE}:manager",
    f"{ENTERPRISE}:department",
    ENTERPRISE,
    USER,
    f"{USER}:{USER}:name",
    "",
]

names = st.sampled_from(NAMES) | st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["True", "False", "", " ", '{"value":"x"}', '{"value":{}}', "{", "x" * 1_100])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=6)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "Add"]) | values},
    optional={"path": names | values, "value": values},
)
tokens = st.sampled_from(
    [
        *NAMES,
        *("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "and", "or", "not"),
        *("(", ")", "[", "]", ".", '"', '"x"', "true", "null", "7", "\\", ".value", "not (", "'"),
        *('"2030-01-01T00:00:00Z"', '"True"', "meta.created", "active", ":", ",", "\x00", "🎈"),
    ]
)
PARAMETERS = [
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "count",
    "cursor",
    "attributes",
    "excludedAttributes",
]
filters = st.lists(tokens, max_size=12).map(" ".join) | st.text(max_size=30)

fuzzed = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
async def target(running_service: RunningService) -> tuple[Scim, str, str]:
    """A tenant, and the paths of its user and its group."""
    scim = next(running_service.tenants)
    user = await scim.create_user()
    group = await scim.create_group("Sales", user["id"])
    return scim, f"/Users/{user['id']}", f"/Groups/{group['id']}"


async def _send(scim: Scim, method: str, path: str, body: Any) -> None:
    """Sends a body that may be taken or refused; what is refused has changed nothing.

    The client holds the answer to its rules: no 5xx, a SCIM body.
    """
    before = await scim.get(path) if method != "POST" else None
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    answer = await scim.request(method, path, content=content)
    assert answer.status_code in {200, 201, 204, 400, 409, 413}
    if answer.status_code >= 400 and before is not None:
        assert (await scim.get(path)).json() == before.json()


@fuzzed
@given(body=objects)
async def test_any_object_creates_or_is_refused(target: tuple[Scim, str, str], body: Any) -> None:
    scim, _, _ = target
    for endpoint in ("/Users", "/Groups"):
        await _send(scim, "POST", endpoint, body)


@fuzzed
@given(body=objects)
async def test_any_object_replaces_or_is_refused(target: tuple[Scim, str, str], body: Any) -> None:
    scim, user, group = target
    for path in (user, group):
        await _send(scim, "PUT", path, {"userName": "kept", "displayName": "kept", **body})


@fuzzed
@given(message=st.lists(operations, min_size=1, max_size=4) | values)
async def test_any_operations_apply_or_are_refused(
    target: tuple[Scim, str, str], message: Any
) -> None:
    scim, user, group = target
    for path in (user, group):
        await _send(scim, "PATCH", path, {"Operations": message})


@fuzzed
@given(path=filters, value=values)
async def test_any_path_applies_or_is_refused(
    target: tuple[Scim, str, str], path: str, value: Any
) -> None:
    scim, user, group = target
    for place in (user, group):
        operation = {"op": "replace", "path": path, "value": value}
        await _send(scim, "PATCH", place, {"Operations": [operation]})


@fuzzed
@given(condition=filters)
async def test_any_filter_is_answered_or_refused(
    target: tuple[Scim, str, str], condition: str
) -> None:
    scim, _, _ = target
    for endpoint in ("/Users", "/Groups"):
        text = quote(condition, errors="surrogatepass")
        answer = await scim.get(f"{endpoint}?filter={text}")
        assert answer.status_code in {200, 400}


@fuzzed
@given(asked=st.dictionaries(st.sampled_from(PARAMETERS), values | filters, max_size=4))
async def test_any_search_is_answered_or_refused(
    target: tuple[Scim, str, str], asked: dict[str, Any]
) -> None:
    scim, _, _ = target
    for endpoint in ("", "/Users", "/Groups"):
        content = json.dumps(asked).encode("utf-8", "surrogatepass")
        answer = await scim.request("POST", f"{endpoint}/.search", content=content)
        assert answer.status_code in {200, 400}


@fuzzed
@given(asked=st.dictionaries(st.sampled_from(PARAMETERS), filters, max_size=4))
async def test_any_parameters_are_answered_or_refused(
    target: tuple[Scim, str, str], asked: dict[str, str]
) -> None:
    scim, _, _ = target
    text = "&".join(
        f"{name}={quote(value, errors='surrogatepass')}" for name, value in asked.items()
    )
    for endpoint in ("", "/Users", "/Groups"):
        assert (await scim.get(f"{endpoint}?{text}")).status_code in {200, 400}
