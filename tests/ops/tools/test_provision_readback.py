"""The read-back finds what is not as the source says."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fakes.recording_service import RecordingService, answer, refusal
from tools.provision import readback
from tools.provision.client import ScimClient
from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import ENTERPRISE_SCHEMA, build_user
from tools.provision.readback import Difference, ReadBack, Verification, expect
from tools.provision.report import Silence
from tools.provision.results import Ledger
from tools.provision.state import State, SyncedGroup, SyncedUser

VALUES = {
    "displayName": "Ana Ruiz",
    "name.familyName": "Ruiz",
    'emails[type eq "work"].value': "a@x.example",
    'phoneNumbers[type eq "mobile"].value': "1",
    'phoneNumbers[type eq "fax"].value': "2",
    f"{ENTERPRISE_SCHEMA}:department": "Ops",
}
ANA = User("s-ana", {"externalId": "s-ana", "userName": "ana", **VALUES}, manager="s-bo")
BO = User("s-bo", {"externalId": "s-bo", "userName": "bo"}, active=False)
SALES = Group("s-sales", "Sales", ("s-ana", "s-bo"))
DIRECTORY = Directory((ANA, BO), (SALES, Group("s-empty", "Empty")))


def known() -> State:
    """Say what the client has sent."""
    users = {
        "s-ana": SyncedUser("u1", dict(ANA.values), manager="u2"),
        "s-bo": SyncedUser("u2", dict(BO.values), active=False),
    }
    groups = {
        "s-sales": SyncedGroup("g1", "Sales", {"s-ana", "s-bo"}),
        "s-empty": SyncedGroup("g2", "Empty"),
    }
    return State("https://x.example", users, groups)


@pytest.fixture
def filled(service: RecordingService) -> RecordingService:
    """A service that holds exactly what the source says."""
    in_sales = {"value": "g1", "type": "direct"}
    ana = {"id": "u1", "active": True, "groups": [in_sales], **build_user(ANA.values)}
    ana[ENTERPRISE_SCHEMA]["manager"] = {"value": "u2", "$ref": "../Users/u2"}
    bo = {"id": "u2", "active": False, "groups": [in_sales], **build_user(BO.values)}
    service.users |= {"u1": ana, "u2": bo}
    service.groups["g1"] = {
        "id": "g1",
        "externalId": "s-sales",
        "displayName": "Sales",
        "members": [{"value": "u2", "type": "User"}, {"value": "u1"}],
    }
    service.groups["g2"] = {"id": "g2", "externalId": "s-empty", "displayName": "Empty"}
    return service


async def differences(
    service: RecordingService,
    directory: Directory = DIRECTORY,
    state: State | None = None,
    verification: Verification | None = None,
) -> list[Difference]:
    async with ScimClient(service.url, "t", Ledger()) as client:
        expectation = expect(directory, state or known())
        reader = ReadBack(client, expectation, Silence(), verification or Verification(samples=0))
        return await reader.compare()


async def test_a_faithful_service_shows_no_difference(filled: RecordingService) -> None:
    assert await differences(filled, verification=Verification(samples=20)) == []


Plant = Callable[[RecordingService], object]


@pytest.mark.parametrize(
    ("plant", "difference"),
    [
        pytest.param(
            lambda s: s.users["u1"].pop("displayName"),
            Difference("user ana", "displayName", "Ana Ruiz", "absent"),
            id="an attribute is missing",
        ),
        pytest.param(
            lambda s: s.users["u1"]["name"].update(familyName="ruiz"),
            Difference("user ana", "name.familyName", "Ruiz", "ruiz"),
            id="a letter has another case",
        ),
        pytest.param(
            lambda s: s.users["u2"].update(title="Boss"),
            Difference("user bo", "title", "absent", "Boss"),
            id="an attribute is too many",
        ),
        pytest.param(
            lambda s: s.users["u2"].update(active=True),
            Difference("user bo", "active", "false", "true"),
            id="a disabled user is active",
        ),
        pytest.param(
            lambda s: s.users["u1"].update(active="True"),
            Difference("user ana", "active", "true", '"True"'),
            id="active is text",
        ),
        pytest.param(
            lambda s: s.users["u1"][ENTERPRISE_SCHEMA].pop("manager"),
            Difference("user ana", "manager", "u2", "absent"),
            id="the manager is missing",
        ),
        pytest.param(
            lambda s: s.users["u2"].update({ENTERPRISE_SCHEMA: {"manager": {"value": "u1"}}}),
            Difference("user bo", "manager", "absent", "u1"),
            id="a manager is too many",
        ),
        pytest.param(
            lambda s: s.users["u1"]["emails"].append({"type": "home", "value": "h"}),
            Difference(
                "user ana", "emails", "no other elements", '[{"type": "home", "value": "h"}]'
            ),
            id="an element is too many",
        ),
        pytest.param(
            lambda s: s.users["u1"]["phoneNumbers"].append({"type": "fax", "value": "2"}),
            Difference("user ana", 'phoneNumbers[type eq "fax"].value', "2", "2, 2"),
            id="an element is there twice",
        ),
        pytest.param(
            lambda s: s.users.update(u3={"id": "u3", "userName": "eve"}),
            Difference("user eve", "list of users", "absent", "present"),
            id="a user is too many",
        ),
        pytest.param(
            lambda s: s.groups.update(g3={"id": "g3", "displayName": "Ghosts"}),
            Difference("group Ghosts", "list of groups", "absent", "present"),
            id="a group is too many",
        ),
        pytest.param(
            lambda s: s.groups["g2"].update(members=[{"value": "u1"}]),
            Difference("group Empty", "members", "absent", "u1"),
            id="a member is too many",
        ),
        pytest.param(
            lambda s: s.groups["g1"]["members"].pop(),
            Difference("group Sales", "members", "u1", "absent"),
            id="a member is missing",
        ),
        pytest.param(
            lambda s: s.groups["g1"]["members"].append({"value": "u1"}),
            Difference("group Sales", "members", "each once", "several times: u1"),
            id="a member is there twice",
        ),
        pytest.param(
            lambda s: s.groups["g1"].update(externalId="other"),
            Difference("group Sales", "externalId", "s-sales", "other"),
            id="a group has another externalId",
        ),
        pytest.param(
            lambda s: s.users["u2"]["groups"].clear(),
            Difference("user bo", "groups", "g1", "absent"),
            id="a user does not show its group",
        ),
        pytest.param(
            lambda s: s.users["u2"]["groups"].append({"value": "g2"}),
            Difference("user bo", "groups", "absent", "g2"),
            id="a user shows a group that it is not in",
        ),
    ],
)
async def test_a_planted_fault_is_the_one_difference(
    filled: RecordingService, plant: Plant, difference: Difference
) -> None:
    plant(filled)
    assert await differences(filled) == [difference]


async def test_a_renamed_group_differs_by_its_name(filled: RecordingService) -> None:
    filled.groups["g1"]["displayName"] = "Selling"
    assert await differences(filled) == [
        Difference("group Sales", "displayName", "Sales", "Selling")
    ]


async def test_a_lost_user_differs_in_the_list_and_as_a_sample(filled: RecordingService) -> None:
    del filled.users["u1"]
    found = await differences(filled, verification=Verification(samples=2))
    assert found == [
        Difference("user ana", "list of users", "present", "absent"),
        Difference("user ana", "read", "present", "HTTP 404: no such resource"),
    ]


async def test_a_lost_group_differs_in_the_list_and_when_it_is_read(
    filled: RecordingService,
) -> None:
    del filled.groups["g2"]
    assert [each.what for each in await differences(filled)] == ["list of groups", "read"]


async def test_a_user_that_is_listed_but_not_found_by_name_differs(
    filled: RecordingService,
) -> None:
    filled.tell("GET /Users?filter", answer(200, {"totalResults": 0, "Resources": []}))
    (found,) = await differences(filled, verification=Verification(samples=1))
    assert found == Difference("user ana", 'userName eq "ana"', "['u1']", "[]")


async def test_a_sample_is_spread_over_all_users(filled: RecordingService) -> None:
    await differences(filled, verification=Verification(samples=1))
    assert len(filled.sent("GET", "/Users/")) == 1


async def test_members_in_a_list_that_excludes_them_are_a_difference(
    filled: RecordingService,
) -> None:
    page = {"totalResults": 2, "Resources": list(filled.groups.values())}
    filled.tell("GET /Groups?excludedAttributes", answer(200, page))
    assert await differences(filled) == [
        Difference("group Sales", "excludedAttributes=members", "absent", "members")
    ]


async def test_all_pages_are_read(
    filled: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback, "PAGE", 1)
    assert await differences(filled) == []
    pages = [each.target.rpartition("/")[2] for each in filled.sent("GET", "/Users?")]
    assert pages == ["Users?startIndex=1&count=1", "Users?startIndex=2&count=1"]


async def test_a_page_that_ends_early_is_followed_by_the_next(filled: RecordingService) -> None:
    first = {"totalResults": 2, "Resources": [filled.users["u1"]]}
    filled.tell("GET /Users?startIndex=1", answer(200, first))
    assert await differences(filled) == []


@pytest.mark.parametrize(
    ("total", "resources", "found"),
    [(3, ["u1", "u2"], "2 resources with 2 ids"), (2, ["u1", "u1"], "2 resources with 1 ids")],
)
async def test_pages_that_do_not_add_up_are_a_difference(
    filled: RecordingService, total: int, resources: list[str], found: str
) -> None:
    page = {"totalResults": total, "Resources": [filled.users[each] for each in resources]}
    empty: dict[str, Any] = {"totalResults": total, "Resources": []}
    filled.tell("GET /Users?startIndex", answer(200, page), answer(200, empty))
    paging = [each for each in await differences(filled) if each.what == "paging"]
    assert paging == [Difference("/Users?", "paging", f"totalResults {total}", found)]


async def test_groups_of_users_are_not_expected_from_a_service_that_shows_none(
    filled: RecordingService,
) -> None:
    for user in filled.users.values():
        del user["groups"]
    assert len(await differences(filled)) == 2
    without = Verification(samples=0, user_groups=False)
    assert await differences(filled, verification=without) == []


async def test_what_was_never_created_is_missing(filled: RecordingService) -> None:
    state = known()
    eve = User("s-eve", {"externalId": "s-eve", "userName": "eve"})
    off = User("s-off", {"externalId": "s-off", "userName": "off"}, active=False)
    directory = Directory((*DIRECTORY.users, eve, off), (*DIRECTORY.groups, Group("s-g", "New")))
    assert await differences(filled, directory, state) == [
        Difference("group New", "group", "present", "never created"),
        Difference("user eve", "user", "present", "never created"),
    ]


async def test_a_value_that_the_source_lost_is_still_expected(filled: RecordingService) -> None:
    values = {path: value for path, value in ANA.values.items() if path != "displayName"}
    directory = Directory((User("s-ana", values, manager="s-bo"), BO), DIRECTORY.groups)
    assert await differences(filled, directory) == []


async def test_a_failing_read_is_a_difference_and_stops_nothing(
    filled: RecordingService,
) -> None:
    filled.tell("GET /Groups/g1", refusal(500, "oops"))
    assert await differences(filled) == [
        Difference("group Sales", "read", "present", "HTTP 500: oops")
    ]
