"""Requests that an identity provider could send, generated: resources, changes and filters.

Values come from small pools, so that changes meet what is there and filters find something.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from tests.support.fixtures.scim_client import ENTERPRISE, GROUP, PATCH_OP, USER
from tools.provision import wire
from tools.provision.wire import Change, Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json: TypeAlias = dict[str, Any]

TEXTS = ("Ana", "ana", "Bo Li", "Zoë", "R&D", 'a "b" \\ c', "1")
ADDRESSES = ("ana@x.example.com", "ANA@x.example.com", "bo@y.example.com")
TYPES = ("work", "home", "other")

texts = st.sampled_from(TEXTS)
booleans = st.booleans() | st.sampled_from(["True", "False"])
"""Entra's older jobs send text where the schema has a boolean."""


def elements(value: st.SearchStrategy[str], **more: st.SearchStrategy[Any]) -> Any:
    """Lists of values of which no two have the same type, and the first alone may be primary."""
    one = st.fixed_dictionaries({"value": value}, optional={"type": st.sampled_from(TYPES), **more})
    several = st.lists(one, max_size=3, unique_by=lambda element: element.get("type"))
    return st.builds(_with_primary, several, st.none() | booleans)


def _with_primary(several: list[Json], primary: Any) -> list[Json]:
    if not several or primary is None:
        return several
    return [{**several[0], "primary": primary}, *several[1:]]


names = st.fixed_dictionaries(
    {}, optional={"givenName": texts, "familyName": texts, "formatted": texts}
)
addresses = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(TYPES), "locality": texts},
        optional={"country": st.just("BE"), "streetAddress": texts},
    ),
    max_size=2,
    unique_by=lambda element: element["type"],
)
enterprises = st.fixed_dictionaries(
    {},
    optional={
        "department": texts,
        "employeeNumber": texts,
        "manager": st.fixed_dictionaries({"value": texts}),
    },
)
users = st.fixed_dictionaries(
    {"schemas": st.sampled_from([[USER], [USER, ENTERPRISE]]), "active": booleans},
    optional={
        "displayName": texts,
        "externalId": texts,
        "title": texts | st.none(),
        "nickName": texts,
        "name": names,
        "emails": elements(st.sampled_from(ADDRESSES)),
        "phoneNumbers": elements(texts),
        "roles": elements(texts, display=texts),
        "addresses": addresses | st.none(),
        ENTERPRISE: enterprises,
        "shoeSize": texts,
        "id": texts,
        "meta": st.just({"resourceType": "User"}),
    },
)
"""Bodies of POST and PUT, but for the userName."""

projections = st.builds(
    "{}={}".format,
    st.sampled_from(["attributes", "excludedAttributes"]),
    st.lists(
        st.sampled_from(
            [
                "userName",
                "TITLE",
                "name",
                "name.givenName",
                "emails",
                "emails.value",
                "roles.type",
                "active",
                "id",
                f"{USER}:displayName",
                f"{ENTERPRISE}:department",
                f"{ENTERPRISE}:manager.value",
                ENTERPRISE,
            ]
        ),
        min_size=1,
        max_size=3,
    ).map(",".join),
)
"""Query parameters that choose what is shown."""

# --- Sorted lists -----------------------------------------------------------------------------

_FOLDED = ("Ana", "bo", "Zoë", "R&D", "1", None)
_EXACT = ("Ana", "ana", "bo", "Bo", None)
SORTED = (
    "userName",
    "displayName",
    "externalId",
    "name.familyName",
    "emails",
    "phoneNumbers.value",
    f"{ENTERPRISE}:department",
    "meta.created",
)


def _employee(values: Mapping[str, str | None]) -> Json:
    email, phone = values["email"], values["phone"]
    return {
        "schemas": [USER, ENTERPRISE],
        "active": True,
        **{name: values[name] for name in ("userName", "displayName", "externalId")},
        "name": {"familyName": values["familyName"]},
        "emails": email and [{"value": "c", "type": "home"}, {"value": email, "primary": True}],
        "phoneNumbers": phone and [{"value": phone}, {"value": "c", "type": "home"}],
        ENTERPRISE: {"department": values["department"]},
    }


_FOLDED_ATTRIBUTES = ("displayName", "familyName", "email", "phone", "department")
_columns: dict[str, st.SearchStrategy[Any]] = {
    "userName": st.permutations(["ana", "Bo", "cy", "zoë"]),
    "externalId": st.permutations(_EXACT),
    **dict.fromkeys(_FOLDED_ATTRIBUTES, st.permutations(_FOLDED)),
}
staffs = st.fixed_dictionaries(_columns).map(
    lambda columns: [
        _employee(dict(zip(columns, row, strict=True)))
        for row in zip(*columns.values(), strict=False)
    ]
)
"""Four users. No two have the same value of an attribute, and at most one has none, so that there
is one order by each of `SORTED`."""

# --- Bulk -------------------------------------------------------------------------------------


def bulk(*listed: Json, **members: Any) -> Json:
    """A bulk request."""
    message = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    return {"schemas": [message], "Operations": list(listed), **members}


def bulk_post(path: str, bulk_id: str, **data: Any) -> Json:
    """The operation of a bulk request that creates a resource."""
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def bulk_user(bulk_id: str, user_name: str, **attributes: Any) -> Json:
    """One that creates a user."""
    named = {"schemas": [USER], "userName": user_name, "active": True}
    return bulk_post("/Users", bulk_id, **named, **attributes)


def _bulk_group(bulk_id: str, members: list[str]) -> Json:
    listed = [{"value": f"bulkId:{member}"} for member in members]
    return bulk_post("/Groups", bulk_id, schemas=[GROUP], displayName=bulk_id, members=listed)


def _bulk_patch(bulk_id: str, operation: Json) -> Json:
    data = {"schemas": [PATCH_OP], "Operations": [operation]}
    return {"method": "PATCH", "path": f"/Users/bulkId:{bulk_id}", "data": data}


_created = st.sampled_from(["u0", "u1", "u2"])
_members = st.lists(_created, min_size=1, max_size=3, unique=True)
_bulk_operations = st.one_of(
    st.builds(_bulk_group, st.just("Sales"), _members),
    st.builds(_bulk_group, st.just("Support"), _members),
    st.builds(
        _bulk_patch,
        _created,
        st.sampled_from(
            [
                {"op": "replace", "path": "title", "value": "T"},
                {"op": "replace", "path": "title", "value": {"a": 1}},
            ]
        ),
    ),
    st.sampled_from(
        [
            bulk_user("u3", "ana"),
            bulk_post("/Printers", "p0", name="p"),
            {"method": "DELETE", "path": "/Users/nobody"},
            {
                "method": "PUT",
                "path": "/Users/bulkId:u1",
                "data": {"schemas": [USER], "userName": "di", "active": False},
            },
        ]
    ),
)
_bulk_users = st.sampled_from(["bo", "BO", "cy"]).map(
    lambda name: [bulk_user("u0", "ana"), bulk_user("u1", "bo"), bulk_user("u2", name)]
)
bulks = st.builds(
    lambda users, others, members: bulk(*users, *others, **members),
    _bulk_users,
    st.lists(_bulk_operations, max_size=4, unique_by=lambda each: each.get("bulkId", str(each))),
    st.fixed_dictionaries({}, optional={"failOnErrors": st.integers(1, 3)}),
)
"""Bulk requests that create users and refer to them."""

# --- PATCH ------------------------------------------------------------------------------------

SINGLE_PATHS = (
    "displayName",
    "externalId",
    "title",
    "name.givenName",
    "name.familyName",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:employeeNumber",
)
ELEMENT_PATHS = (
    'emails[type eq "work"].value',
    'emails[type eq "home"].value',
    'phoneNumbers[type eq "mobile"].value',
    'addresses[type eq "work"].locality',
    'addresses[type eq "work"].country',
    'addresses[type eq "other"].streetAddress',
    'roles[primary eq "True"].value',
    'roles[primary eq "True"].display',
)

mapped = st.builds(
    Change,
    st.sampled_from(SINGLE_PATHS + ELEMENT_PATHS),
    st.sampled_from([text for text in TEXTS if text]),
    st.booleans(),
)
changes = mapped | st.builds(Change, st.just("active"), st.booleans())
"""What Entra's attribute mappings write."""


def updates(dialect: Dialect) -> st.SearchStrategy[list[Json]]:
    """Operations that Entra makes of a few changed attributes."""
    several = st.lists(changes, min_size=1, max_size=4, unique_by=lambda change: change.path)
    return several.map(lambda listed: wire.update(dialect, listed))


def operations(dialect: Dialect) -> st.SearchStrategy[list[Json]]:
    """Operations of one PATCH: mostly mapped attributes, and whole values as other clients send."""
    cased: Callable[[str], str] = str.title if dialect is Dialect.LEGACY else str.lower
    writes = st.sampled_from(["add", "replace"]).map(cased)
    whole = st.one_of(
        op(writes, "emails", elements(st.sampled_from(ADDRESSES))),
        op(writes, "roles", elements(texts, display=texts)),
        op(writes, "name", names),
        op(writes, f"{ENTERPRISE}:manager", st.fixed_dictionaries({"value": texts})),
        op(writes, "title", st.just("")),
        st.fixed_dictionaries({"op": writes, "value": _objects}),
    )
    removals = st.fixed_dictionaries(
        {"op": st.just(cased("remove")), "path": st.sampled_from(REMOVED)}
    )
    return updates(dialect) | st.lists(whole | removals, min_size=1, max_size=3)


def op(writes: Any, path: str, values: Any) -> st.SearchStrategy[Json]:
    """Operations on one path."""
    return st.fixed_dictionaries({"op": writes, "path": st.just(path), "value": values})


_objects = st.fixed_dictionaries(
    {},
    optional={
        "displayName": texts,
        "name": names,
        "name.givenName": texts,
        "active": booleans,
        "emails": elements(st.sampled_from(ADDRESSES)),
        f"{ENTERPRISE}:department": texts,
        ENTERPRISE: enterprises,
    },
)
REMOVED = (
    "displayName",
    "name",
    "name.givenName",
    "emails",
    'emails[type eq "work"]',
    'emails[type eq "home"].value',
    'roles[value eq "Ana"]',
    "addresses",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager",
    ENTERPRISE,
    "shoeSize",
)

odd_operations = st.sampled_from(
    [
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": "m"},
        {"op": "replace", "path": "title", "value": [{"$ref": None, "value": "T"}]},
        {"op": "replace", "path": "department", "value": "D"},
        {"op": "replace", "path": "active", "value": "perhaps"},
        {"op": "replace", "path": "active"},
        {"op": "replace", "path": "userName", "value": None},
        {"op": "replace", "path": 'emails[type ne "work"].value', "value": "x"},
        {"op": "replace", "path": "emails[", "value": "x"},
        {"op": "replace", "value": {"id": "x", "title": "T"}},
        {"op": "replace", "value": [{"title": "T"}]},
        {"op": "remove"},
        {"op": "remove", "path": "userName"},
        {"op": "remove", "path": "active"},
        {"op": "remove", "path": "emails", "value": [{"value": ADDRESSES[0]}]},
        {"op": "replace", "path": "title", "value": {"a": 1}},
        {"op": "add", "path": "roles", "value": [{"value": "1", "primary": True}] * 2},
    ]
).map(lambda operation: [operation])
"""An operation that one side or both refuse, or that only one side understands. Of two, each side
might stop at another one."""

patches = st.sampled_from(Dialect).flatmap(
    lambda dialect: st.builds(
        lambda usual, odd: [*usual, odd],
        st.lists(operations(dialect), min_size=1, max_size=4),
        odd_operations,
    )
)
"""Sequences of PATCH requests of one job, each as its operations; the last one is odd."""

# --- Filters ----------------------------------------------------------------------------------

_text_paths = st.sampled_from(
    [
        "userName",
        "displayName",
        "externalId",
        "title",
        "name.familyName",
        "emails.value",
        "emails.type",
        "phoneNumbers.value",
        "roles.value",
        "addresses.locality",
        f"{ENTERPRISE}:department",
        f"{USER}:nickName",
        "DISPLAYNAME",
    ]
)
_parts = st.sampled_from(["a", "A", "an", "Bo", "x.example", "ë", "ana@x.example.com", *TEXTS])
_literals = _parts.map(json.dumps)
_comparisons = st.builds(
    "{} {} {}".format,
    _text_paths,
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ"]),
    _literals,
)
_present = st.sampled_from(
    ["title pr", "name pr", "emails pr", "externalId pr", f"{ENTERPRISE}:manager pr", "roles pr"]
)
_flags = st.sampled_from(
    ["active eq true", "active eq false", "active ne true", 'active eq "True"']
)
_inner = st.builds(
    "{} {} {}".format, st.sampled_from(["type", "value"]), st.sampled_from(["eq", "co"]), _literals
) | st.sampled_from(
    ["primary eq true", 'primary eq "True"', 'type eq "work"', 'type ne "work"', "type pr"]
)
_value_paths = st.builds(
    "{}[{}]".format,
    st.sampled_from(["emails", "phoneNumbers", "roles"]),
    st.recursive(
        _inner,
        lambda inner: (
            st.builds("{} and {}".format, inner, inner)
            | st.builds("({} or {})".format, inner, inner)
            | st.builds("not ({})".format, inner)
        ),
        max_leaves=3,
    ),
)
filters = st.recursive(
    _comparisons | _present | _flags | _value_paths,
    lambda inner: (
        st.builds("{} and {}".format, inner, inner)
        | st.builds("{} or {}".format, inner, inner)
        | st.builds("not ({})".format, inner)
        | st.builds("({})".format, inner)
    ),
    max_leaves=4,
)

sorted_pages = st.fixed_dictionaries(
    {"sortBy": st.sampled_from(SORTED)},
    optional={
        "sortOrder": st.sampled_from(["ascending", "descending"]),
        "startIndex": st.integers(-1, 6),
        "count": st.integers(-1, 5),
        "filter": filters,
    },
)
"""Queries for a page of users in an order."""
