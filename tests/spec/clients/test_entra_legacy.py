"""Microsoft Entra ID as it sends by default: without `aadOptscim062020` in the Tenant URL.

Operations begin with a capital, booleans are strings, and each operation has a path. The letters
and numbers in the docstrings are those of `tests/spec/clients/README.md`.
"""

import uuid
from typing import Any

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    LIST_RESPONSE,
    USER,
    Resource,
    Scim,
    created,
    listed,
    own,
    refused,
    shown,
)
from tests.support.fixtures.service import RunningService

ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0"
ADSCIM_USER, ADSCIM_GROUP = f"{ADSCIM}/User", f"{ADSCIM}/Group"
WORK_EMAIL = 'emails[type eq "work"].value'
MANAGER = f"{ENTERPRISE}:manager"

NOTHING = {
    "schemas": [LIST_RESPONSE],
    "totalResults": 0,
    "startIndex": 1,
    "itemsPerPage": 0,
    "Resources": [],
}

ANA: Resource = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "ana@contoso.test",
    "active": True,
    "displayName": "Ana Ruiz",
    "emails": [{"primary": True, "type": "work", "value": "ana@contoso.test"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Ana Ruiz", "familyName": "Ruiz", "givenName": "Ana"},
    "phoneNumbers": [
        {"type": "work", "value": "555 / 1-2 (ext. 3)"},
        {"type": "mobile", "value": "556"},
        {"type": "fax", "value": "557"},
    ],
    "addresses": [
        {"type": "work", "primary": True, "country": "BE", "streetAddress": "Rue 1\nBoîte 2"}
    ],
    "preferredLanguage": "nl-BE",
    "title": "Engineer",
    ENTERPRISE: {"department": "R&D", "employeeNumber": "7"},
    "roles": [],
}


# ---- A0, A1: headers, Test Connection


@pytest.mark.rfc("7644-3.8-accept", "7644-3.8-accept-json")
@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html", "nonsense"])
async def test_a_get_is_served_whatever_it_accepts(entra: Scim, accept: str | None) -> None:
    """A0, E11: Entra's GET asks for no SCIM media type; strict services answered 406."""
    listed(await entra.get("/Users", headers={"Accept": accept}))


@pytest.mark.parametrize(
    "content_type",
    ["application/scim+json; charset=utf-8", "application/json", "APPLICATION/SCIM+JSON", None],
)
async def test_a_post_is_served_in_any_json_media_type(
    entra: Scim, content_type: str | None
) -> None:
    """A0, E11."""
    created(await entra.post("/Users", ANA, headers={"Content-Type": content_type}))


async def test_what_surrounds_a_request_is_ignored(entra: Scim) -> None:
    """A0: the flags of the Tenant URL, an old header, parameters of others."""
    filters = "filter=userName+eq+%22ana@contoso.test%22"
    page = listed(
        await entra.get(
            f"/Users?aadOptscim062020&AzureAdScimPatch2017=1&{filters}&x=%00%27",
            headers={"ADSCIMVersion": "5.0", "User-Agent": ""},
        )
    )
    assert page == NOTHING


@pytest.mark.parametrize(
    "attribute", ["userName", "externalId", "emails[type+eq+%22work%22].value"]
)
async def test_test_connection_looks_for_a_user_who_does_not_exist(
    entra: Scim, attribute: str
) -> None:
    """A1, E12, B1.4: the answer is an empty list, never 404."""
    answer = await entra.get(f"/Users?filter={attribute}+eq+%22{uuid.uuid4()}%22")
    assert shown(answer) == NOTHING


async def test_test_connection_looks_for_a_group_that_does_not_exist(entra: Scim) -> None:
    """A1, A10, E12."""
    answer = await entra.get(
        f"/Groups?excludedAttributes=members&filter=displayName+eq+%22{uuid.uuid4()}%22"
    )
    assert shown(answer) == NOTHING


@pytest.mark.parametrize("path", ["", "/", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes"])
async def test_other_probes_of_the_portal_are_answered(entra: Scim, path: str) -> None:
    """A1, A11: some versions are said to ask for these when the configuration is saved."""
    assert (await entra.get(path)).status_code == 200


async def test_wrong_credentials_are_401_and_nothing_else(entra: Scim) -> None:
    """A1, A13: any other answer would read as a defect of the service."""
    answer = await entra.get(
        f"/Users?filter=userName+eq+%22{uuid.uuid4()}%22",
        headers={"Authorization": "Bearer " + "x" * 43},
    )
    refused(answer, 401)


# ---- A2: looking users up


@pytest.mark.parametrize(
    "condition",
    [
        'userName eq "ana@contoso.test"',
        'userName eq "ANA@Contoso.TEST"',
        'externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"',
        "externalId eq 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        'emails[type eq "work"].value eq "ana@contoso.test"',
        'emails[type eq "work"] eq "ana@contoso.test"',
        'emails[type eq "work"].value eq "Ana@CONTOSO.test"',
    ],
)
async def test_a_user_is_found_by_each_joining_property(entra: Scim, condition: str) -> None:
    """A2, E14, E25, E26, B1.3, B1.5: quoted or not, in any letter case but for externalId."""
    ana = created(await entra.post("/Users", ANA))
    await entra.create_user("bo@contoso.test", externalId="0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF")

    page = await entra.find("/Users", condition)

    assert page["totalResults"] == 1
    assert page["Resources"] == [ana]


@pytest.mark.parametrize(
    "name",
    ["o'neil@contoso.test", "a+b@contoso.test", 'q"uo\\te', "100% ?&=#/", "Zoë Ødegård 名前 🎈"],
)
async def test_a_user_is_found_by_a_name_with_special_characters(entra: Scim, name: str) -> None:
    """A2."""
    user = await entra.create_user(name)
    literal = name.replace("\\", "\\\\").replace('"', '\\"')
    assert await entra.found("/Users", f'userName eq "{literal}"') == [user["id"]]


@pytest.mark.parametrize("condition", ['userName eq "ana@contoso.test"', 'externalId eq "0a21"'])
async def test_a_disabled_user_is_found(entra: Scim, condition: str) -> None:
    """A2, E13: who is hidden would be created again, answered 409, for ever."""
    await entra.create_user(externalId="0a21", active=False)
    page = await entra.find("/Users", condition)
    assert [user["active"] for user in page["Resources"]] == [False]


# ---- A3: creating a user


async def test_a_created_user_is_echoed_whole_and_unchanged(entra: Scim) -> None:
    """A3, E20, E24, B1.1, B2.17."""
    ana = created(await entra.post("/Users", ANA))

    assert own(ana) == {name: value for name, value in own(ANA).items() if name != "roles"}
    assert ana["schemas"] == [USER, ENTERPRISE]
    assert ana["meta"]["resourceType"] == "User"
    assert ana == await entra.user(ana["id"])


async def test_a_second_user_of_that_name_is_a_conflict(entra: Scim) -> None:
    """A3, E24, B1.2, B3: 409 `uniqueness`, in any letter case."""
    created(await entra.post("/Users", ANA))
    async with entra.unchanged():
        for name in ("ana@contoso.test", "ANA@CONTOSO.TEST"):
            answer = await entra.post("/Users", {**ANA, "userName": name})
            assert "userName" in refused(answer, 409, "uniqueness")


async def test_a_disabled_user_keeps_the_name(entra: Scim) -> None:
    """A13, E13."""
    await entra.create_user(active=False)
    refused(await entra.post("/Users", ANA), 409, "uniqueness")


VARIATIONS: dict[str, tuple[Resource, Resource]] = {
    "the extension is announced and absent": ({"schemas": [USER, ENTERPRISE]}, {}),
    "the extension is there and not announced": (
        {"schemas": [USER], ENTERPRISE: {"department": "R"}},
        {ENTERPRISE: {"department": "R"}},
    ),
    "no schemas at all": ({"schemas": None}, {}),
    "no schema of the IETF": ({"schemas": [ADSCIM_USER]}, {}),
    "a schema of nobody": ({"schemas": [USER, "urn:acme:custom:2.0:User"]}, {}),
    "a custom extension": ({"urn:acme:custom:2.0:User": {"tag": "x"}}, {}),
    "no roles": ({"roles": []}, {}),
    "an id and groups of its own": ({"id": "mine", "groups": []}, {}),
    "nulls": (
        {"addresses": None, "title": None, "name": None, "emails": None, ENTERPRISE: None},
        {},
    ),
    "nulls within": (
        {"addresses": [{"type": "work", "country": None, "locality": "Gent"}], "name": {"x": None}},
        {"addresses": [{"type": "work", "locality": "Gent"}]},
    ),
    "a null beside a value": (
        {"name": {"givenName": "Ana", "familyName": None}},
        {"name": {"givenName": "Ana"}},
    ),
    "nothing but a null": ({"addresses": [{"type": "work", "country": None}]}, {}),
    "a number where a text is expected": (
        {ENTERPRISE: {"employeeNumber": 7}},
        {ENTERPRISE: {"employeeNumber": "7"}},
    ),
    "an enterprise attribute at the top": ({"department": "R"}, {ENTERPRISE: {"department": "R"}}),
    "a manager at the top": ({"manager": "m1"}, {ENTERPRISE: {"manager": {"value": "m1"}}}),
    "the URN without its last colon": (
        {"urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "R"}},
        {ENTERPRISE: {"department": "R"}},
    ),
    "the manager as a string": (
        {ENTERPRISE: {"manager": "m1"}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    "the manager as an object": (
        {ENTERPRISE: {"manager": {"value": "m1"}}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    "the manager as a list": (
        {ENTERPRISE: {"manager": [{"$ref": None, "value": "m1"}]}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    "an empty manager": ({ENTERPRISE: {"manager": {"value": ""}}}, {}),
    "primary as a string": (
        {"roles": [{"primary": "True", "value": "Admin"}]},
        {"roles": [{"primary": True, "value": "Admin"}]},
    ),
    "active as a string": ({"active": "False"}, {"active": False}),
    "active as a string in the other case": ({"active": "TRUE"}, {"active": True}),
    "meta of the client": ({"meta": {"resourceType": "Users", "version": "x"}}, {}),
    "an unknown attribute": ({"mispelled": "x", "shoeSize": {"eu": 39}}, {}),
    "an unknown sub-attribute": (
        {"emails": [{"value": "x@y", "verified": True}]},
        {"emails": [{"value": "x@y"}]},
    ),
    "no primary, two types": (
        {"emails": [{"type": "work", "value": "a@b"}, {"type": "home", "value": "c@d"}]},
        {"emails": [{"type": "work", "value": "a@b"}, {"type": "home", "value": "c@d"}]},
    ),
    "formats that are none": (
        {"locale": "RJWNTUNNOHNZ", "timezone": "?", "profileUrl": "not a url", "title": " x "},
        {"locale": "RJWNTUNNOHNZ", "timezone": "?", "profileUrl": "not a url", "title": " x "},
    ),
    "the display of an address": (
        {"emails": [{"value": "a@b", "display": "Ana"}]},
        {"emails": [{"value": "a@b", "display": "Ana"}]},
    ),
    "a password": ({"password": "Secret-1!"}, {}),
    "names in another letter case": (
        {"DISPLAYNAME": "Ana", "Name": {"GIVENNAME": "A"}},
        {"displayName": "Ana", "name": {"givenName": "A"}},
    ),
}


@pytest.mark.parametrize(("sent", "kept"), VARIATIONS.values(), ids=VARIATIONS.keys())
async def test_a_user_is_created_from_every_shape_seen(
    entra: Scim, sent: Resource, kept: Resource
) -> None:
    """A3, E2, E7, E9, E10, E19, E20, E21, E25."""
    body = {"schemas": [USER, ENTERPRISE], "userName": "ana@contoso.test", **sent}

    ana = created(await entra.post("/Users", body))

    assert own(ana) == {"userName": "ana@contoso.test", "active": True, **kept}
    assert ana == await entra.user(ana["id"])


async def test_a_user_who_has_gone_is_404(entra: Scim) -> None:
    """A4."""
    refused(await entra.get(f"/Users/{uuid.uuid4().hex}"), 404)
    refused(await entra.get(f"/Users/{uuid.uuid4()}"), 404)


# ---- A5: changing a user


async def test_an_update_has_one_operation_for_each_attribute(entra: Scim) -> None:
    """A5, E1, E2, E3."""
    ana = created(await entra.post("/Users", ANA))

    changed = await entra.patched_user(
        ana,
        {"op": "Replace", "path": "displayName", "value": "Ana R"},
        {"op": "Replace", "path": WORK_EMAIL, "value": "ana2@contoso.test"},
        {"op": "Replace", "path": "name.givenName", "value": "Anita"},
        {"op": "Add", "path": "nickName", "value": "Ani"},
        {"op": "Replace", "path": "externalId", "value": "0a21"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Retail"},
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Gent"},
        {"op": "Replace", "path": "active", "value": "False"},
    )

    assert changed["displayName"] == "Ana R"
    assert changed["emails"] == [{"primary": True, "type": "work", "value": "ana2@contoso.test"}]
    assert changed["name"] == {**ANA["name"], "givenName": "Anita"}
    assert changed["nickName"] == "Ani"
    assert changed["externalId"] == "0a21"
    assert changed[ENTERPRISE] == {"department": "Retail", "employeeNumber": "7"}
    assert changed["addresses"] == [{**ANA["addresses"][0], "locality": "Gent"}]
    assert changed["active"] is False
    assert changed["phoneNumbers"] == ANA["phoneNumbers"]


@pytest.mark.parametrize("op", ["Add", "Replace", "add", "REPLACE", "rePlace"])
@pytest.mark.parametrize(
    ("path", "created_element"),
    [
        (WORK_EMAIL, {"emails": [{"type": "work", "value": "x"}]}),
        (
            'phoneNumbers[type eq "mobile"].value',
            {"phoneNumbers": [{"type": "mobile", "value": "x"}]},
        ),
        (
            'addresses[type eq "work"].streetAddress',
            {"addresses": [{"type": "work", "streetAddress": "x"}]},
        ),
        ('roles[primary eq "True"].value', {"roles": [{"primary": True, "value": "x"}]}),
        ("roles[primary eq true].value", {"roles": [{"primary": True, "value": "x"}]}),
        (
            'emails[type eq "home" and primary eq "True"].value',
            {"emails": [{"type": "home", "primary": True, "value": "x"}]},
        ),
        (f'{USER}:emails[type eq "work"].value', {"emails": [{"type": "work", "value": "x"}]}),
    ],
    ids=str,
)
async def test_a_filter_that_finds_nothing_creates_the_element(
    entra: Scim, op: str, path: str, created_element: Resource
) -> None:
    """A5, A8, E1, E3, E4: RFC 7644 section 3.5.2.3 would have 400 noTarget (sourcegraph#49200)."""
    user = await entra.create_user()
    changed = await entra.patched_user(user, {"op": op, "path": path, "value": "x"})
    assert own(changed) == {**own(user), **created_element}


async def test_operations_on_one_new_element_make_one_element(entra: Scim) -> None:
    """A5, E3: three operations made three addresses elsewhere (SCIM-SDK#680)."""
    user = await entra.create_user()
    changed = await entra.patched_user(
        user,
        {"op": "Add", "path": 'addresses[type eq "work"].streetAddress', "value": "Rue 1"},
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Gent"},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "BE"},
        {"op": "Add", "path": 'addresses[type eq "home"].country', "value": "FR"},
    )
    assert changed["addresses"] == [
        {"type": "work", "streetAddress": "Rue 1", "locality": "Gent", "country": "BE"},
        {"type": "home", "country": "FR"},
    ]


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("displayName", {"displayName": "X"}),
        ("externalId", {"externalId": "X"}),
        ("name.familyName", {"name": {"familyName": "X"}}),
        (WORK_EMAIL, {"emails": [{"type": "work", "value": "X"}]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "X"}}),
    ],
)
async def test_a_single_value_may_come_in_a_list(entra: Scim, path: str, after: Resource) -> None:
    """A5, E9: the oldest dialect wraps every value."""
    user = await entra.create_user()
    wrapped = [{"$ref": None, "value": "X"}]
    changed = await entra.patched_user(user, {"op": "Replace", "path": path, "value": wrapped})
    assert own(changed) == {**own(user), **after}


async def test_a_user_is_renamed_and_found_by_the_new_name(entra: Scim) -> None:
    """A5, B1.7: the old name is free again."""
    user = await entra.create_user()
    await entra.patched_user(user, {"op": "Replace", "path": "userName", "value": "Bo@x.test"})

    assert await entra.found("/Users", 'userName eq "ana@contoso.test"') == []
    assert await entra.found("/Users", 'userName eq "bo@x.test"') == [user["id"]]
    await entra.create_user()


async def test_a_rename_onto_a_taken_name_changes_nothing(entra: Scim) -> None:
    """A5, E23."""
    await entra.create_user("bo@x.test")
    ana = await entra.create_user()
    async with entra.unchanged():
        answer = await entra.patch(
            f"/Users/{ana['id']}",
            {"op": "Replace", "path": "displayName", "value": "Bo"},
            {"op": "Replace", "path": "userName", "value": "BO@x.test"},
        )
        refused(answer, 409, "uniqueness")


async def test_a_new_letter_case_of_the_name_is_kept(entra: Scim) -> None:
    """A5, E14."""
    user = await entra.create_user()
    rename = {"op": "Replace", "path": "userName", "value": "Ana@Contoso.Test"}
    assert (await entra.patched_user(user, rename))["userName"] == "Ana@Contoso.Test"
    assert await entra.found("/Users", 'userName eq "ana@contoso.test"') == [user["id"]]


async def test_only_the_listed_values_are_removed(entra: Scim) -> None:
    """A5, E6: of any attribute with several values, as of members."""
    emails = [{"type": kind, "value": f"{kind}@x"} for kind in ("work", "home", "other")]
    user = await entra.create_user(emails=emails, roles=[{"value": "a"}, {"value": "b"}])
    changed = await entra.patched_user(
        user,
        {"op": "Remove", "path": "emails", "value": [emails[0], {"value": "OTHER@x"}]},
        {"op": "Remove", "path": "roles", "value": "b"},
        {"op": "Remove", "path": "roles", "value": [{"value": "c"}]},
    )
    assert changed["emails"] == [emails[1]]
    assert changed["roles"] == [{"value": "a"}]


# ---- A9: disabling, restoring, deleting


@pytest.mark.parametrize("op", ["Replace", "Add", "replace"])
@pytest.mark.parametrize(
    ("value", "active"),
    [
        ("False", False),
        ("True", True),
        (False, False),
        (True, True),
        ([{"$ref": None, "value": "False"}], False),
    ],
)
async def test_a_user_is_disabled_and_restored(
    entra: Scim, op: str, value: Any, active: bool
) -> None:
    """A5, A9, E2, B1.8: booleans as strings, with Add too (rancher#54025); GET shows booleans."""
    user = await entra.create_user(active=not active)
    changed = await entra.patched_user(user, {"op": op, "path": "active", "value": value})
    assert changed["active"] is active


async def test_a_disabled_user_stays_in_its_groups(entra: Scim) -> None:
    """A9: memberships are not sent again when the user is restored."""
    ana = await entra.create_user()
    group = await entra.create_group("Sales", ana["id"])

    disabled = await entra.patched_user(ana, {"op": "Replace", "path": "active", "value": "False"})
    assert [entry["value"] for entry in disabled["groups"]] == [group["id"]]
    assert await entra.members(group["id"]) == {ana["id"]}

    restored = await entra.patched_user(ana, {"op": "Replace", "path": "active", "value": "True"})
    assert restored["groups"] == disabled["groups"]


async def test_a_deleted_user_is_gone_for_good(entra: Scim) -> None:
    """A9, B1.13, B1.preview: a second DELETE is 404, and so is that of somebody unknown."""
    ana = created(await entra.post("/Users", ANA))
    group = await entra.create_group("Sales", ana["id"])

    assert (await entra.delete(f"/Users/{ana['id']}")).status_code == 204

    refused(await entra.get(f"/Users/{ana['id']}"), 404)
    refused(await entra.delete(f"/Users/{ana['id']}"), 404)
    refused(await entra.delete(f"/Users/{uuid.uuid4().hex}"), 404)
    assert (await entra.find("/Users", 'userName eq "ana@contoso.test"')) == NOTHING
    assert (await entra.find("/Users", f'externalId eq "{ANA["externalId"]}"')) == NOTHING
    assert await entra.members(group["id"]) == set()
    created(await entra.post("/Users", ANA))


# ---- A7: the manager


SET_MANAGER: dict[str, tuple[str, Any]] = {
    "bare string": (MANAGER, "{id}"),
    "object": (MANAGER, {"value": "{id}"}),
    "list, path without its URN": ("manager", [{"$ref": "https://x/Users/{id}", "value": "{id}"}]),
    "list with a null reference": (MANAGER, [{"$ref": None, "value": "{id}"}]),
    "list of strings": (MANAGER, ["{id}"]),
    "path to the value": (f"{MANAGER}.value", "{id}"),
}


def _filled(shape: Any, manager: str) -> Any:
    match shape:
        case str():
            return shape.replace("{id}", manager)
        case list():
            return [_filled(part, manager) for part in shape]
        case dict():
            return {name: _filled(part, manager) for name, part in shape.items()}
        case _:
            return shape


@pytest.mark.parametrize("op", ["Add", "add", "Replace", "replace"])
@pytest.mark.parametrize(("path", "shape"), SET_MANAGER.values(), ids=SET_MANAGER.keys())
async def test_a_manager_is_set_in_any_shape(entra: Scim, op: str, path: str, shape: Any) -> None:
    """A7, E7, B1.10, B1.11, B2.5, B2.25: what is read back is an object with the id."""
    old, new = await entra.create_user("m1@x.test"), await entra.create_user("m2@x.test")
    ana = await entra.create_user(**{ENTERPRISE: {"manager": {"value": old["id"]}}})

    value = _filled(shape, new["id"])
    changed = await entra.patched_user(ana, {"op": op, "path": path, "value": value})

    assert changed[ENTERPRISE]["manager"]["value"] == new["id"]
    assert changed[ENTERPRISE]["manager"].keys() <= {"value", "$ref"}


CLEAR_MANAGER: dict[str, Resource] = {
    "empty string": {"op": "Replace", "path": MANAGER, "value": ""},
    "object with an empty value": {"op": "Replace", "path": MANAGER, "value": {"value": ""}},
    "null": {"op": "Replace", "path": MANAGER, "value": None},
    "object with null": {"op": "replace", "path": MANAGER, "value": {"value": None}},
    "empty list": {"op": "Replace", "path": MANAGER, "value": []},
    "list with an empty value": {"op": "Replace", "path": "manager", "value": [{"value": ""}]},
    "empty value": {"op": "Replace", "path": f"{MANAGER}.value", "value": ""},
    "remove": {"op": "Remove", "path": MANAGER},
    "remove without the URN": {"op": "Remove", "path": "manager"},
    "remove with a value": {"op": "Remove", "path": MANAGER, "value": "m1"},
    "empty string, without a path": {"op": "replace", "value": {MANAGER: ""}},
    "null in the extension, without a path": {
        "op": "replace",
        "value": {ENTERPRISE: {"manager": None}},
    },
}


@pytest.mark.parametrize("operation", CLEAR_MANAGER.values(), ids=CLEAR_MANAGER.keys())
async def test_a_manager_is_cleared_in_any_shape(entra: Scim, operation: Resource) -> None:
    """A7, E7, E22, B1.12, B2.25: the attribute is absent afterwards, or Entra sends it again."""
    ana = await entra.create_user(**{ENTERPRISE: {"manager": {"value": "m1"}, "department": "R"}})
    changed = await entra.patched_user(ana, operation)
    assert changed[ENTERPRISE] == {"department": "R"}


async def test_the_last_attribute_of_the_extension_takes_the_extension_along(entra: Scim) -> None:
    """A7: nothing is left that would have to be announced in `schemas`."""
    ana = await entra.create_user(**{ENTERPRISE: {"manager": {"value": "m1"}}})
    changed = await entra.patched_user(ana, {"op": "Remove", "path": MANAGER})
    assert ENTERPRISE not in changed
    assert changed["schemas"] == [USER]


@pytest.mark.parametrize(
    "condition",
    [
        'id eq "{user}" and manager eq "{manager}"',
        'manager eq "{manager}" and id eq "{user}"',
        f'id eq "{{user}}" and {MANAGER} eq "{{manager}}"',
        'id eq "{user}" and manager.value eq "{manager}"',
    ],
)
async def test_a_manager_is_checked_before_it_is_set(entra: Scim, condition: str) -> None:
    """A7: the two terms come in either order, and only the id is asked for."""
    ana = await entra.create_user(**{ENTERPRISE: {"manager": {"value": "m1"}}})
    await entra.create_user("bo@x.test", **{ENTERPRISE: {"manager": {"value": "m1"}}})

    hit = condition.format(user=ana["id"], manager="m1")
    miss = condition.format(user=ana["id"], manager="m2")

    page = await entra.find("/Users", hit, attributes="id")
    assert page["Resources"] == [{"schemas": ana["schemas"], "id": ana["id"]}]
    assert await entra.find("/Users", miss, attributes="id") == NOTHING


# ---- A8: roles


PACKED = '{"id":"06b0","value":"25","displayName":"Role1234"}'

ROLES: dict[str, tuple[Resource, list[Resource]]] = {
    "single, by filter": (
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"},
        [{"primary": True, "value": "Admin"}],
    ),
    "single, as JSON in a string": (
        {"op": "Add", "path": "roles", "value": [{"value": PACKED}]},
        [{"value": "25", "display": "Role1234"}],
    ),
    "assertive: a full replace": (
        {
            "op": "replace",
            "path": "roles",
            "value": [
                {
                    "primary": False,
                    "type": "WindowsAzureActiveDirectoryRole",
                    "display": "User",
                    "value": "User",
                },
                {
                    "primary": "False",
                    "type": "WindowsAzureActiveDirectoryRole",
                    "display": "Admin",
                    "value": "Admin",
                },
            ],
        },
        [
            {
                "primary": False,
                "type": "WindowsAzureActiveDirectoryRole",
                "display": name,
                "value": name,
            }
            for name in ("User", "Admin")
        ],
    ),
    "a string that is no JSON": (
        {"op": "Add", "path": "roles", "value": [{"value": "{Admin}"}]},
        [{"value": "{Admin}"}],
    ),
}


@pytest.mark.parametrize(("operation", "roles"), ROLES.values(), ids=ROLES.keys())
async def test_roles_are_set_in_any_shape(
    entra: Scim, operation: Resource, roles: list[Resource]
) -> None:
    """A8, E4, E8."""
    user = await entra.create_user()
    assert (await entra.patched_user(user, operation))["roles"] == roles


async def test_the_parts_of_a_single_role_meet_in_one_role(entra: Scim) -> None:
    """A8, E3, E4, B1.6: three operations on `roles[primary eq "True"]`."""
    user = await entra.create_user()
    path = 'roles[primary eq "True"]'
    changed = await entra.patched_user(
        user,
        {"op": "Add", "path": f"{path}.display", "value": "Admin"},
        {"op": "Add", "path": f"{path}.value", "value": "A"},
        {"op": "Add", "path": f"{path}.type", "value": "WindowsAzureActiveDirectoryRole"},
    )
    assert changed["roles"] == [
        {
            "primary": True,
            "display": "Admin",
            "value": "A",
            "type": "WindowsAzureActiveDirectoryRole",
        }
    ]


async def test_a_role_that_is_there_already_is_taken_up(entra: Scim) -> None:
    """A8, E4: a part of it changes, or it comes once more as JSON; it stays one role."""
    role = {"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}
    user = await entra.create_user(roles=[role])
    changed = await entra.patched_user(
        user, {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "25"}
    )
    assert changed["roles"] == [{**role, "value": "25"}]
    again = {"op": "Add", "path": "roles", "value": [{"value": PACKED}]}
    changed = await entra.patched_user(user, again, again)
    assert changed["roles"] == [{**role, "value": "25", "display": "Role1234"}]


@pytest.mark.parametrize(
    "condition",
    [
        'roles[primary eq "True"].value eq "Admin"',
        'active eq "True"',
        f'{ENTERPRISE}:department eq "R&D"',
    ],
)
async def test_a_filter_compares_as_a_mapping_writes(entra: Scim, condition: str) -> None:
    """A2, A8, E2, E4: booleans as strings, paths with a URN."""
    ana = await entra.create_user(
        roles=[{"primary": "True", "value": "Admin"}], **{ENTERPRISE: {"department": "R&D"}}
    )
    await entra.create_user("bo@x.test", active=False, roles=[{"value": "Admin"}])
    assert await entra.found("/Users", condition) == [ana["id"]]


async def test_several_roles_come_with_display_name_and_again_as_json(entra: Scim) -> None:
    """A8, E8: POST sends no id and PATCH does; the value tells that it is the same role."""
    role = {"primary": False, "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}
    user = await entra.create_user(roles=[{**role, "displayName": "Administrator"}])
    assert user["roles"] == [{**role, "display": "Administrator"}]

    packed = '{"id":"06b0","value":"Admin","displayName":"Administrator"}'
    other = '{"id":"06b1","value":"User","displayName":"User"}'
    changed = await entra.patched_user(
        user, {"op": "Add", "path": "roles", "value": [{"value": packed}, {"value": other}]}
    )
    assert changed["roles"] == [
        {**role, "display": "Administrator"},
        {"value": "User", "display": "User"},
    ]


# ---- A10: groups


async def test_a_group_is_created_empty_with_a_foreign_schema(entra: Scim) -> None:
    """A10, E10, B1.19, B2.19."""
    body = {
        "schemas": [GROUP, ADSCIM_GROUP],
        "externalId": "8aa1",
        "displayName": "Sales",
        "meta": {"resourceType": "Group"},
        "members": [],
    }
    group = created(await entra.post("/Groups", body))
    assert group["schemas"] == [GROUP]
    assert own(group) == {"externalId": "8aa1", "displayName": "Sales", "members": []}


async def test_a_second_group_of_that_name_is_a_conflict(entra: Scim) -> None:
    """A10, B1.20: Entra needs unique names of groups; the RFC does not."""
    await entra.create_group("Sales")
    async with entra.unchanged():
        answer = await entra.post("/Groups", {"schemas": [GROUP], "displayName": "SALES"})
        assert "displayName" in refused(answer, 409, "uniqueness")


@pytest.mark.parametrize(
    "condition",
    ['displayName eq "Sales"', 'displayName eq "sALES"', 'externalId eq "8aa1"'],
)
async def test_a_group_is_looked_up_without_its_members(entra: Scim, condition: str) -> None:
    """A10, E14, E15, B1.15, B1.18: shown members would make Entra replace the list."""
    user = await entra.create_user()
    group = await entra.create_group("Sales", user["id"], externalId="8aa1")
    await entra.create_group("Support", externalId="8AA1")

    page = await entra.find("/Groups", condition, excludedAttributes="members")

    assert page["totalResults"] == 1
    expected = {name: value for name, value in group.items() if name != "members"}
    assert page["Resources"] == [expected]


async def test_a_group_is_read_without_its_members(entra: Scim) -> None:
    """A10, E15, B1.14."""
    user = await entra.create_user()
    group = await entra.create_group("Sales", user["id"])
    answer = shown(await entra.get(f"/Groups/{group['id']}?excludedAttributes=members"))
    assert answer == {name: value for name, value in group.items() if name != "members"}


async def test_excluded_members_are_not_even_read(
    entra: Scim, running_service: RunningService
) -> None:
    """E15: the log says what a request has cost in calls to the storage."""
    user = await entra.create_user()
    group = await entra.create_group("Sales", user["id"])
    calls = {
        f"/Groups/{group['id']}?excludedAttributes=members": 1,
        f"/Groups/{group['id']}": 2,
        "/Groups?excludedAttributes=members&filter=displayName+eq+%22Sales%22": 2,
        "/Groups?excludedAttributes=members&filter=displayName+eq+%22None%22": 1,
    }
    for path, expected in calls.items():
        answer = await entra.get(path)
        assert (await running_service.log_line(answer))["calls"] == expected


@pytest.mark.parametrize("op", ["Replace", "Add"])
async def test_a_group_is_renamed(entra: Scim, op: str) -> None:
    """A10, B1.22: 204, and the members stay."""
    user = await entra.create_user()
    group = await entra.create_group("Sales", user["id"])

    answer = await entra.patch(
        f"/Groups/{group['id']}", {"op": op, "path": "displayName", "value": "New"}
    )

    assert answer.status_code == 204
    assert await entra.found("/Groups", 'displayName eq "sales"') == []
    assert await entra.found("/Groups", 'displayName eq "new"') == [group["id"]]
    assert await entra.members(group["id"]) == {user["id"]}


async def test_the_external_id_of_a_group_can_be_changed(entra: Scim) -> None:
    """A10, B1.22, B3: it could not in Microsoft's reference code (SCIMReferenceCode#59)."""
    group = await entra.create_group("Sales", externalId="8aa1")
    operation = {"op": "Replace", "path": "externalId", "value": "9bb2"}
    assert (await entra.patch(f"/Groups/{group['id']}", operation)).status_code == 204
    assert await entra.found("/Groups", 'externalId eq "8aa1"') == []
    assert await entra.found("/Groups", 'externalId eq "9bb2"') == [group["id"]]


async def _group_of_three(entra: Scim) -> tuple[str, list[str]]:
    users = [(await entra.create_user(f"u{n}@x.test"))["id"] for n in range(3)]
    return (await entra.create_group("Sales", *users))["id"], users


async def test_members_are_added_with_a_null_reference(entra: Scim) -> None:
    """A10, E9, E17, B1.23: several in one operation, answered 204 without a body."""
    users = [(await entra.create_user(f"u{n}@x.test"))["id"] for n in range(3)]
    group = await entra.create_group("Sales")
    value = [{"$ref": None, "value": user} for user in users]

    answer = await entra.patch(
        f"/Groups/{group['id']}", {"op": "Add", "path": "members", "value": value}
    )

    assert answer.status_code == 204
    assert await entra.members(group["id"]) == set(users)
    for user in users:
        shown_groups = (await entra.user(user))["groups"]
        assert [entry["value"] for entry in shown_groups] == [group["id"]]


async def test_only_the_listed_members_are_removed(entra: Scim) -> None:
    """A10, E6, B1.24: the RFC would empty the group, and did (azure-docs#30826)."""
    group, users = await _group_of_three(entra)
    value = [{"$ref": None, "value": users[0]}, {"$ref": None, "value": users[2]}]
    answer = await entra.patch(
        f"/Groups/{group}", {"op": "Remove", "path": "members", "value": value}
    )
    assert answer.status_code == 204
    assert await entra.members(group) == {users[1]}


REMOVALS: dict[str, Any] = {
    "list of objects": [{"value": "{id}"}],
    "one object": {"value": "{id}"},
    "bare string": "{id}",
    "list of strings": ["{id}"],
    "with a type": [{"value": "{id}", "type": "User", "display": "Ana"}],
}


@pytest.mark.parametrize("shape", REMOVALS.values(), ids=REMOVALS.keys())
async def test_a_member_is_named_in_any_shape(entra: Scim, shape: Any) -> None:
    """A10, B3: removed and added again."""
    group, users = await _group_of_three(entra)
    value = _filled(shape, users[0])

    await entra.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": value})
    assert await entra.members(group) == set(users[1:])

    await entra.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": value})
    assert await entra.members(group) == set(users)


async def test_a_remove_without_a_value_empties_the_group(entra: Scim) -> None:
    """A10, E6: as the RFC has it."""
    group, _ = await _group_of_three(entra)
    answer = await entra.patch(f"/Groups/{group}", {"op": "Remove", "path": "members"})
    assert answer.status_code == 204
    assert await entra.members(group) == set()


async def test_a_remove_of_an_empty_list_removes_nobody(entra: Scim) -> None:
    """A10, E6."""
    group, users = await _group_of_three(entra)
    answer = await entra.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": []})
    assert answer.status_code == 204
    assert await entra.members(group) == set(users)


async def test_members_can_be_replaced(entra: Scim) -> None:
    """A10: sent with a partial list when a service shows members unasked."""
    group, users = await _group_of_three(entra)
    value = [{"value": users[1]}]
    await entra.patch(f"/Groups/{group}", {"op": "Replace", "path": "members", "value": value})
    assert await entra.members(group) == {users[1]}


async def test_adding_again_and_removing_again_succeed(entra: Scim) -> None:
    """E18: retries happen; nothing is listed twice."""
    group, users = await _group_of_three(entra)
    again = {"op": "Add", "path": "members", "value": [{"value": users[0]}, {"value": users[0]}]}
    assert (await entra.patch(f"/Groups/{group}", again)).status_code == 204
    assert await entra.members(group) == set(users)

    remove = {"op": "Remove", "path": "members", "value": [{"value": users[0]}]}
    for _ in range(2):
        assert (await entra.patch(f"/Groups/{group}", remove)).status_code == 204
        assert await entra.members(group) == set(users[1:])


async def test_a_member_who_does_not_exist_does_not_block_the_others(entra: Scim) -> None:
    """A10: whoever is out of scope or gone is skipped."""
    group, users = await _group_of_three(entra)
    dora = await entra.create_user("dora@x.test")
    value = [{"value": uuid.uuid4().hex}, {"value": dora["id"]}, {"value": "nobody"}]
    answer = await entra.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": value})
    assert answer.status_code == 204
    assert await entra.members(group) == {*users, dora["id"]}


@pytest.mark.parametrize(
    "condition",
    [
        'id eq "{group}" and members eq "{user}"',
        'members eq "{user}" and id eq "{group}"',
        'id eq "{group}" and members.value eq "{user}"',
        'id eq "{group}" and members[value eq "{user}"]',
    ],
)
async def test_a_membership_is_checked_by_a_filter(entra: Scim, condition: str) -> None:
    """A10."""
    group, users = await _group_of_three(entra)
    stranger = (await entra.create_user("dora@x.test"))["id"]

    hit = await entra.find("/Groups", condition.format(group=group, user=users[1]), attributes="id")
    assert [found["id"] for found in hit["Resources"]] == [group]
    assert hit["Resources"][0].keys() == {"schemas", "id"}
    miss = condition.format(group=group, user=stranger)
    assert await entra.find("/Groups", miss, attributes="id") == NOTHING


async def test_a_deleted_group_is_gone_for_good(entra: Scim) -> None:
    """A10, B1.25, B1.preview."""
    group, users = await _group_of_three(entra)

    assert (await entra.delete(f"/Groups/{group}")).status_code == 204

    refused(await entra.get(f"/Groups/{group}"), 404)
    refused(await entra.delete(f"/Groups/{group}"), 404)
    add = {"op": "Add", "path": "members", "value": [{"value": users[0]}]}
    refused(await entra.patch(f"/Groups/{group}", add), 404)
    assert await entra.find("/Groups", 'displayName eq "Sales"') == NOTHING
    for user in users:
        assert "groups" not in await entra.user(user)
    await entra.create_group("Sales")
