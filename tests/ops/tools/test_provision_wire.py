"""What the client puts on the wire is what Entra puts there, in both dialects."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.fakes.recording_service import RecordingService
from tools.provision.client import ScimClient
from tools.provision.cycle import Cycle, Match, Settings
from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import ENTERPRISE_SCHEMA, USER_SCHEMA
from tools.provision.report import Silence
from tools.provision.results import Ledger
from tools.provision.state import State
from tools.provision.wire import Dialect, ManagerShape

LEGACY = Settings(dialect=Dialect.LEGACY)
FLAG = Settings(dialect=Dialect.FLAG)
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
WORK_MAIL = 'emails[type eq "work"].value'
DEPARTMENT = f"{ENTERPRISE_SCHEMA}:department"
MANAGER = f"{ENTERPRISE_SCHEMA}:manager"

ANA = User("s-ana", {"externalId": "s-ana", "userName": "ana@x.example", "displayName": "Ana Ruiz"})
BO = User("s-bo", {"externalId": "s-bo", "userName": "bo@x.example"}, manager="s-ana")
SALES = Group("s-sales", "Sales & Söhne", ("s-ana", "s-bo"))


def with_values(user: User, **values: str) -> User:
    return replace(user, values={**user.values, **values})


async def sync(
    service: RecordingService, *states: Directory, settings: Settings = LEGACY
) -> Ledger:
    state, ledger = State(service.url), Ledger()
    async with ScimClient(service.url, "t0ken", ledger) as client:
        for directory in states:
            service.requests.clear()
            await Cycle(client, state, settings, Silence()).run(directory)
    assert ledger.failures == []
    return ledger


async def patched(
    service: RecordingService, before: Directory, after: Directory, settings: Settings
) -> list[list[dict[str, Any]]]:
    await sync(service, before, after, settings=settings)
    return [request.operations for request in service.sent("PATCH")]


async def test_a_cycle_begins_with_a_random_user_and_a_random_group(
    service: RecordingService,
) -> None:
    await sync(service, Directory((), ()))
    user, group = service.requests
    name = user.target.removeprefix("/scim/v2/Users?filter=userName+eq+%22").removesuffix("%22")
    assert len(name) == 36
    assert group.target == (
        f"/scim/v2/Groups?excludedAttributes=members&filter=displayName+eq+%22{name}%22"
    )


async def test_a_get_carries_the_token_and_asks_for_no_media_type(
    service: RecordingService,
) -> None:
    await sync(service, Directory((ANA,), ()))
    for request in service.sent("GET"):
        assert request.headers["Authorization"] == "Bearer t0ken"
        assert "Accept" not in request.headers
        assert "Content-Type" not in request.headers


async def test_a_body_is_scim_json_in_utf_8_with_its_length(service: RecordingService) -> None:
    await sync(service, Directory((ANA, BO), (SALES,)))
    bodies = service.sent("POST") + service.sent("PATCH")
    assert len(bodies) == 5
    for request in bodies:
        assert request.headers["Content-Type"] == "application/scim+json; charset=utf-8"
        assert int(request.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("match", "query"),
    [
        (Match.USER_NAME, "userName+eq+%22ana%40x.example%22"),
        (Match.EXTERNAL_ID, "externalId+eq+%22s-ana%22"),
        (Match.EMAIL, "emails%5Btype+eq+%22work%22%5D.value+eq+%22A%40x.example%22"),
    ],
)
async def test_a_user_is_looked_up_before_it_is_created(
    service: RecordingService, match: Match, query: str
) -> None:
    ana = with_values(ANA, **{WORK_MAIL: "A@x.example"})
    await sync(service, Directory((ana,), ()), settings=Settings(match=(match,)))
    assert service.sent("GET", "/Users")[1].target == f"/scim/v2/Users?filter={query}"


async def test_a_quote_in_a_name_is_escaped_in_the_filter(service: RecordingService) -> None:
    group = Group("g", 'The "Blue" \\ Team')
    await sync(service, Directory((), (group,)))
    assert service.sent("GET", "/Groups")[1].target.endswith(
        "filter=displayName+eq+%22The+%5C%22Blue%5C%22+%5C%5C+Team%22"
    )


async def test_a_user_is_created_in_entras_shape(service: RecordingService) -> None:
    ana = with_values(
        ANA,
        **{
            "name.givenName": "Ana",
            "name.familyName": "Ruiz",
            WORK_MAIL: "Ana@x.example",
            'phoneNumbers[type eq "mobile"].value': "556",
            'phoneNumbers[type eq "fax"].value': "557",
            'addresses[type eq "work"].country': "BE",
            'addresses[type eq "work"].streetAddress': "Rue 1",
            'roles[primary eq "True"].value': "Admin",
            DEPARTMENT: "R&D",
        },
    )
    await sync(service, Directory((ana,), ()))
    (request,) = service.sent("POST")
    assert request.target == "/scim/v2/Users"
    assert request.body == {
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
        "externalId": "s-ana",
        "userName": "ana@x.example",
        "active": True,
        "displayName": "Ana Ruiz",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"type": "work", "primary": True, "value": "Ana@x.example"}],
        "phoneNumbers": [{"type": "mobile", "value": "556"}, {"type": "fax", "value": "557"}],
        "addresses": [{"type": "work", "primary": True, "country": "BE", "streetAddress": "Rue 1"}],
        "roles": [{"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}],
        "meta": {"resourceType": "User"},
        ENTERPRISE_SCHEMA: {"department": "R&D"},
    }


async def test_a_user_without_roles_is_created_with_an_empty_list(
    service: RecordingService,
) -> None:
    await sync(service, Directory((ANA,), ()))
    assert service.sent("POST")[0].body["roles"] == []


async def test_a_manager_is_set_as_bare_text_after_all_users_were_created(
    service: RecordingService,
) -> None:
    await sync(service, Directory((BO, ANA), ()))
    writes = [each for each in service.requests if each.method in {"POST", "PATCH"}]
    assert [each.method for each in writes] == ["POST", "POST", "PATCH"]
    ids = {user["userName"]: user["id"] for user in service.users.values()}
    assert writes[-1].target == f"/scim/v2/Users/{ids['bo@x.example']}"
    assert writes[-1].body == {
        "schemas": [PATCH_SCHEMA],
        "Operations": [{"op": "Add", "path": MANAGER, "value": ids["ana@x.example"]}],
    }


@pytest.mark.parametrize(
    ("settings", "operation"),
    [
        (LEGACY, {"op": "Replace", "path": MANAGER, "value": "u1"}),
        (FLAG, {"op": "replace", "path": MANAGER, "value": "u1"}),
        (
            Settings(manager=ManagerShape.OBJECT),
            {"op": "Replace", "path": MANAGER, "value": {"value": "u1"}},
        ),
    ],
)
async def test_another_manager_replaces_the_first(
    service: RecordingService, settings: Settings, operation: dict[str, Any]
) -> None:
    eve = User("s-eve", {"externalId": "s-eve", "userName": "eve@x.example"})
    bo = replace(BO, manager="s-eve")
    settings = replace(settings)
    before = Directory((ANA, eve, bo), ())
    async with ScimClient(service.url, "t", Ledger()) as client:
        # Created one by one, so that ANA is u1.
        state = State(service.url)
        for users in ((ANA,), (ANA, eve), before.users, (ANA, eve, BO)):
            service.requests.clear()
            await Cycle(client, state, settings, Silence()).run(Directory(users, ()))
    assert [each.operations for each in service.sent("PATCH")] == [[operation]]


@pytest.mark.parametrize(
    ("settings", "operation"),
    [
        (LEGACY, {"op": "Replace", "path": MANAGER, "value": ""}),
        (FLAG, {"op": "remove", "path": MANAGER}),
        (Settings(manager=ManagerShape.OBJECT), {"op": "Remove", "path": MANAGER}),
    ],
)
async def test_a_manager_is_taken_away(
    service: RecordingService, settings: Settings, operation: dict[str, Any]
) -> None:
    before, after = Directory((ANA, BO), ()), Directory((ANA, replace(BO, manager=None)), ())
    assert await patched(service, before, after, settings) == [[operation]]


async def test_legacy_sends_one_operation_an_attribute_add_when_it_is_new(
    service: RecordingService,
) -> None:
    after = with_values(
        ANA, displayName="Ana R", nickName="Ani", **{WORK_MAIL: "a@x.example", DEPARTMENT: "Ops"}
    )
    before, later = Directory((ANA,), ()), Directory((after,), ())
    assert await patched(service, before, later, LEGACY) == [
        [
            {"op": "Replace", "path": "displayName", "value": "Ana R"},
            {"op": "Add", "path": "nickName", "value": "Ani"},
            {"op": "Add", "path": WORK_MAIL, "value": "a@x.example"},
            {"op": "Add", "path": DEPARTMENT, "value": "Ops"},
        ]
    ]


async def test_flag_merges_what_it_replaces_without_a_filter(service: RecordingService) -> None:
    old = with_values(ANA, **{"name.givenName": "An", WORK_MAIL: "a@x.example", DEPARTMENT: "Ops"})
    new = with_values(
        old,
        displayName="Bo",
        nickName="B",
        **{"name.givenName": "Bo", WORK_MAIL: "b@x.example", DEPARTMENT: "R&D"},
    )
    assert await patched(service, Directory((old,), ()), Directory((new,), ()), FLAG) == [
        [
            {"op": "replace", "path": WORK_MAIL, "value": "b@x.example"},
            {"op": "add", "path": "nickName", "value": "B"},
            {
                "op": "replace",
                "value": {"displayName": "Bo", "name.givenName": "Bo", DEPARTMENT: "R&D"},
            },
        ]
    ]


@pytest.mark.parametrize(
    ("settings", "disable", "restore"),
    [
        (
            LEGACY,
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Replace", "path": "active", "value": "True"},
        ),
        (
            FLAG,
            {"op": "replace", "path": "active", "value": False},
            {"op": "replace", "path": "active", "value": True},
        ),
    ],
)
async def test_disable_and_restore(
    service: RecordingService,
    settings: Settings,
    disable: dict[str, Any],
    restore: dict[str, Any],
) -> None:
    on, off = Directory((ANA,), ()), Directory((replace(ANA, active=False),), ())
    assert await patched(service, on, off, settings) == [[disable]]
    service.users.clear()
    ledger = await sync(service, on, off, on, settings=settings)
    assert [each.operations for each in service.sent("PATCH")] == [[restore]]
    assert {"disable user", "restore user"} <= {row.operation for row in ledger.rows()}


async def test_a_group_is_looked_up_and_created_without_members(
    service: RecordingService,
) -> None:
    await sync(service, Directory((ANA, BO), (SALES,)))
    assert service.sent("GET", "/Groups")[1].target == (
        "/scim/v2/Groups?excludedAttributes=members"
        "&filter=displayName+eq+%22Sales+%26+S%C3%B6hne%22"
    )
    (request,) = service.sent("POST", "/Groups")
    assert request.body == {
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ],
        "externalId": "s-sales",
        "displayName": "Sales & Söhne",
        "meta": {"resourceType": "Group"},
    }


@pytest.mark.parametrize(("settings", "op"), [(LEGACY, "Add"), (FLAG, "add")])
async def test_members_are_added_in_batches_with_a_null_reference(
    service: RecordingService, settings: Settings, op: str
) -> None:
    people = tuple(
        User(f"s{n}", {"externalId": f"s{n}", "userName": f"n{n}@x.example"}) for n in range(5)
    )
    group = Group("g", "All", tuple(user.id for user in people))
    await sync(service, Directory(people, (group,)), settings=replace(settings, batch=2))
    patches = service.sent("PATCH", "/Groups/g1")
    assert [len(each.operations[0]["value"]) for each in patches] == [2, 2, 1]
    assert [len(each.operations) for each in patches] == [1, 1, 1]
    ids = {user["externalId"]: user["id"] for user in service.users.values()}
    assert patches[0].operations[0] == {
        "op": op,
        "path": "members",
        "value": [{"$ref": None, "value": ids["s0"]}, {"$ref": None, "value": ids["s1"]}],
    }


async def test_legacy_removes_members_by_a_list_of_values(service: RecordingService) -> None:
    before, after = Directory((ANA,), (Group("g", "G", ("s-ana",)),)), Group("g", "G")
    assert await patched(service, before, Directory((ANA,), (after,)), LEGACY) == [
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1"}]}]
    ]


async def test_flag_removes_members_by_a_filter_path_each(service: RecordingService) -> None:
    before = Directory((ANA, BO), (SALES,))
    after = Directory((ANA, BO), (replace(SALES, members=()),))
    ((first, second),) = await patched(service, before, after, FLAG)
    assert {first["path"], second["path"]} == {
        'members[value eq "u1"]',
        'members[value eq "u2"]',
    }
    assert first["op"] == second["op"] == "remove"
    assert "value" not in first


@pytest.mark.parametrize(("settings", "op"), [(LEGACY, "Replace"), (FLAG, "replace")])
async def test_a_group_is_renamed_in_place(
    service: RecordingService, settings: Settings, op: str
) -> None:
    before, after = Directory((), (Group("g", "Old"),)), Directory((), (Group("g", "New"),))
    assert await patched(service, before, after, settings) == [
        [{"op": op, "path": "displayName", "value": "New"}]
    ]


async def test_what_the_source_purged_is_deleted_before_anything_is_created(
    service: RecordingService,
) -> None:
    before = Directory((ANA,), (Group("g", "G", ("s-ana",)),))
    again = User("s-new", {"externalId": "s-new", "userName": "ana@x.example"})
    await sync(service, before, Directory((again,), ()))
    changes = [each for each in service.requests if each.method != "GET"]
    assert [f"{each.method} {each.target}" for each in changes] == [
        "DELETE /scim/v2/Groups/g1",
        "DELETE /scim/v2/Users/u1",
        "POST /scim/v2/Users",
    ]


async def test_references_are_asked_for_when_wanted(service: RecordingService) -> None:
    settings = Settings(check_references=True)
    state = State(service.url)
    async with ScimClient(service.url, "t", Ledger()) as client:
        for users in ((ANA,), (ANA, BO)):
            service.requests.clear()
            directory = Directory(users, (Group("g", "G", ("s-ana",)),))
            await Cycle(client, state, settings, Silence()).run(directory)
            if len(users) == 1:
                assert service.sent("GET", "/Groups")[-1].target == (
                    "/scim/v2/Groups?filter=id+eq+%22g1%22+and+members+eq+%22u1%22&attributes=id"
                )
    assert service.sent("GET", "/Users")[-1].target == (
        "/scim/v2/Users?filter=id+eq+%22u2%22+and+manager+eq+%22u1%22&attributes=id"
    )


async def test_a_reference_that_is_there_is_not_sent_again(service: RecordingService) -> None:
    service.groups["g1"] = {"id": "g1", "displayName": "G", "members": "u1"}
    directory = Directory((ANA,), (Group("g", "G", ("s-ana",)),))
    await sync(service, directory, settings=Settings(check_references=True))
    assert service.sent("PATCH") == []
