"""What a cycle does with what it finds: adopt, create, send differences, leave failures behind."""

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.fakes.recording_service import RecordingService, answer, refusal
from tools.provision import state as states
from tools.provision.client import Limits, ScimClient
from tools.provision.cycle import Cycle, Match, Settings
from tools.provision.directory import Directory, Group, User
from tools.provision.report import Silence
from tools.provision.results import Ledger, ServiceError
from tools.provision.state import State, StateFileError, SyncedGroup, SyncedUser


def person(name: str, *, active: bool = True, manager: str | None = None, **values: str) -> User:
    identity = {"externalId": f"s-{name}", "userName": f"{name}@x.example"}
    return User(f"s-{name}", {**identity, **values}, active, manager and f"s-{manager}")


async def cycle(
    service: RecordingService,
    state: State,
    users: tuple[User, ...] = (),
    groups: tuple[Group, ...] = (),
    settings: Settings | None = None,
) -> Ledger:
    """Run one cycle; `service.requests` holds its requests alone."""
    service.requests.clear()
    ledger = Ledger()
    async with ScimClient(service.url, "t", ledger, Limits(connections=1)) as client:
        await Cycle(client, state, settings or Settings(), Silence()).run(Directory(users, groups))
    return ledger


def changes(service: RecordingService) -> list[str]:
    """Return what was written: method and path of each, without the Tenant URL."""
    return [
        f"{each.method} {each.target.removeprefix('/scim/v2')}"
        for each in service.requests
        if each.method != "GET"
    ]


async def test_an_unchanged_directory_sends_nothing(service: RecordingService) -> None:
    state = State(service.url)
    users = (person("ana"), person("bo", manager="ana"), person("off", active=False))
    groups = (Group("g", "G", ("s-ana", "s-bo", "s-off")),)
    await cycle(service, state, users, groups)
    assert len(changes(service)) == 5
    await cycle(service, state, users, groups)
    assert changes(service) == []


async def test_a_user_that_was_never_active_is_not_created(service: RecordingService) -> None:
    state = State(service.url)
    ledger = await cycle(
        service, state, (person("off", active=False),), (Group("g", "G", ("s-off",)),)
    )
    assert changes(service) == ["POST /Groups"]
    assert ledger.failures == []


async def test_an_existing_user_is_adopted_and_brought_up_to_date(
    service: RecordingService,
) -> None:
    service.users["u7"] = {
        "id": "u7",
        "externalId": "s-ana",
        "userName": "ana@x.example",
        "title": "Analyst",
        "nickName": "Annie",
        "active": False,
    }
    state = State(service.url)
    await cycle(service, state, (person("ana", title="Lead"),))
    assert changes(service) == ["PATCH /Users/u7"]
    assert service.sent("PATCH")[0].operations == [
        {"op": "Replace", "path": "title", "value": "Lead"},
        {"op": "Replace", "path": "active", "value": "True"},
    ]


async def test_the_second_matching_attribute_is_tried_when_the_first_finds_nobody(
    service: RecordingService,
) -> None:
    service.users["u7"] = {"id": "u7", "externalId": "s-ana", "userName": "old@x.example"}
    settings = Settings(match=(Match.USER_NAME, Match.EXTERNAL_ID))
    await cycle(service, State(service.url), (person("ana"),), settings=settings)
    assert changes(service) == ["PATCH /Users/u7"]


async def test_two_matches_are_an_error_of_that_user_alone(service: RecordingService) -> None:
    for number in (1, 2):
        service.users[f"u{number}"] = {"id": f"u{number}", "userName": "ana@x.example"}
    ledger = await cycle(service, State(service.url), (person("ana"), person("bo")))
    (failure,) = ledger.failures
    assert (failure.subject, failure.detail) == ("ana@x.example", "userName matches 2 resources")
    assert changes(service) == ["POST /Users"]


async def test_one_resource_is_never_linked_to_two_users(service: RecordingService) -> None:
    service.users["u7"] = {"id": "u7", "externalId": "s-bo", "userName": "ana@x.example"}
    settings = Settings(match=(Match.USER_NAME, Match.EXTERNAL_ID))
    ledger = await cycle(
        service, State(service.url), (person("ana"), person("bo")), settings=settings
    )
    (failure,) = ledger.failures
    assert failure.detail == "u7 is already linked to s-ana"


async def test_an_existing_group_is_adopted_without_reading_its_members(
    service: RecordingService,
) -> None:
    service.groups["g9"] = {"id": "g9", "displayName": "G", "members": [{"value": "x"}]}
    await cycle(service, State(service.url), (person("ana"),), (Group("g", "G", ("s-ana",)),))
    assert changes(service) == ["POST /Users", "PATCH /Groups/g9"]
    assert all("excludedAttributes=members" in each.target for each in service.sent("GET", "/Gr"))


async def test_only_changed_attributes_are_sent(service: RecordingService) -> None:
    state = State(service.url)
    ana = person("ana", title="A")
    await cycle(service, state, (ana, person("bo")))
    await cycle(service, state, (replace(ana, values={**ana.values, "title": "B"}), person("bo")))
    assert changes(service) == ["PATCH /Users/u1"]
    assert service.sent("PATCH")[0].operations == [{"op": "Replace", "path": "title", "value": "B"}]


async def test_a_value_that_the_source_lost_is_left_alone(service: RecordingService) -> None:
    state = State(service.url)
    await cycle(service, state, (person("ana", title="A"),))
    await cycle(service, state, (person("ana"),))
    assert changes(service) == []
    assert state.users["s-ana"].values["title"] == "A"


async def test_a_move_removes_and_adds(service: RecordingService) -> None:
    state = State(service.url)
    ana = person("ana")
    await cycle(service, state, (ana,), (Group("a", "A", ("s-ana",)), Group("b", "B")))
    await cycle(service, state, (ana,), (Group("a", "A"), Group("b", "B", ("s-ana",))))
    operations = {each.target[-2:]: each.operations[0]["op"] for each in service.sent("PATCH")}
    assert operations == {"g1": "Remove", "g2": "Add"}


async def test_a_purged_user_is_deleted_and_not_removed_from_its_groups_as_well(
    service: RecordingService,
) -> None:
    state = State(service.url)
    await cycle(service, state, (person("ana"), person("bo")), (Group("g", "G", ("s-bo",)),))
    await cycle(service, state, (person("ana"),), (Group("g", "G"),))
    assert changes(service) == ["DELETE /Users/u2"]
    assert state.groups["g"].members == set()


async def test_a_manager_that_was_purged_is_cleared(service: RecordingService) -> None:
    state = State(service.url)
    await cycle(service, state, (person("ana"), person("bo", manager="ana")))
    await cycle(service, state, (person("bo"),))
    assert changes(service) == ["DELETE /Users/u1", "PATCH /Users/u2"]


async def test_deleting_what_is_gone_already_is_a_success(service: RecordingService) -> None:
    state = State(service.url)
    await cycle(service, state, (person("ana"),), (Group("g", "G"),))
    service.users.clear()
    service.groups.clear()
    ledger = await cycle(service, state)
    assert ledger.failures == []
    assert (state.users, state.groups) == ({}, {})


async def test_a_refused_object_stops_no_other_and_is_tried_again(
    service: RecordingService,
) -> None:
    state = State(service.url)
    service.tell("POST /Users", refusal(400, "bad userName", "invalidValue"))
    users = (person("ana"), person("bo"))
    ledger = await cycle(service, state, users, (Group("g", "G", ("s-ana", "s-bo")),))
    (failure,) = ledger.failures
    assert (failure.operation, failure.subject, failure.status) == (
        "create user",
        "ana@x.example",
        400,
    )
    assert failure.detail == "HTTP 400: invalidValue: bad userName"
    assert changes(service)[-1] == "PATCH /Groups/g1"
    assert (
        await cycle(service, state, users, (Group("g", "G", ("s-ana", "s-bo")),))
    ).failures == []
    assert changes(service) == ["POST /Users", "PATCH /Groups/g1"]


async def test_a_refused_change_is_sent_again_by_the_next_cycle(service: RecordingService) -> None:
    state = State(service.url)
    await cycle(service, state, (person("ana"),))
    service.tell("PATCH /Users", refusal(500, "oops"))
    for failures in (1, 0):
        ledger = await cycle(service, state, (person("ana", active=False, title="T"),))
        assert len(ledger.failures) == failures
        assert len(service.sent("PATCH")[0].operations) == 2


async def test_batches_that_arrived_are_not_sent_again(service: RecordingService) -> None:
    state = State(service.url)
    users = tuple(person(name) for name in "abc")
    group = Group("g", "G", tuple(user.id for user in users))
    service.tell("PATCH", answer(204, {}), refusal(503, "later", Retry_After="9999"))
    settings = Settings(batch=1)
    assert len((await cycle(service, state, users, (group,), settings)).failures) == 1
    assert state.groups["g"].members == {"s-a"}
    await cycle(service, state, users, (group,), settings)
    assert len(service.sent("PATCH")) == 2


async def test_a_user_deleted_behind_our_back_is_created_again_with_its_memberships(
    service: RecordingService,
) -> None:
    state = State(service.url)
    users, groups = (person("ana"), person("bo", manager="ana")), (Group("g", "G", ("s-ana",)),)
    await cycle(service, state, users, groups)
    del service.users["u1"]
    renamed = (person("ana", title="T"), users[1])
    ledger = await cycle(service, state, renamed, groups)
    assert [failure.status for failure in ledger.failures] == [404]
    service.users["u9"] = {"id": "u9", "userName": "ana@x.example"}
    assert (await cycle(service, state, renamed, groups)).failures == []
    assert changes(service) == ["PATCH /Users/u9", "PATCH /Users/u2", "PATCH /Groups/g1"]


async def test_a_group_deleted_behind_our_back_is_created_again(service: RecordingService) -> None:
    state = State(service.url)
    users = (person("ana"),)
    await cycle(service, state, users, (Group("g", "G"),))
    service.groups.clear()
    group = Group("g", "G", ("s-ana",))
    assert len((await cycle(service, state, users, (group,))).failures) == 1
    await cycle(service, state, users, (group,))
    assert changes(service) == ["POST /Groups", "PATCH /Groups/g2"]


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (refusal(401, "who are you"), "HTTP 401: who are you"),
        (refusal(404, "no such page"), "HTTP 404: no such page"),
        (answer(200, {}), "the answer is no ListResponse"),
        (answer(200, {"totalResults": 3}), "totalResults is 3, but 0 are there"),
        (
            answer(200, {"totalResults": 1, "Resources": [{"id": "x"}]}),
            "a random name finds 1 resources",
        ),
    ],
)
async def test_a_failed_connection_check_ends_the_cycle_before_anything_is_changed(
    service: RecordingService, given: web.Response, detail: str
) -> None:
    service.tell("GET", given)
    with pytest.raises(ServiceError, match=detail):
        await cycle(service, State(service.url), (person("ana"),))
    assert changes(service) == []


async def test_a_created_resource_without_an_id_is_a_failure(service: RecordingService) -> None:
    service.tell("POST", answer(201, {}))
    ledger = await cycle(service, State(service.url), (person("ana"),))
    assert [failure.detail for failure in ledger.failures] == ["the answer has no id"]


def test_the_state_survives_its_file(tmp_path: Path) -> None:
    state = State("https://x.example/scim/v2")
    state.users["s"] = SyncedUser("t", {"userName": "zoë"}, active=False, manager="m")
    state.groups["g"] = SyncedGroup("u", "Größe", {"s"})
    states.save(tmp_path / "state.json", state)
    assert states.load(tmp_path / "state.json", state.url) == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_run_without_a_state_file_begins_anew(tmp_path: Path) -> None:
    assert states.load(tmp_path / "none.json", "https://x.example") == State("https://x.example")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "not a state file"),
        ('{"url": "https://other.example"}', "belongs to https://other.example"),
        ('{"url": "https://x.example", "users": []}', "not a state file"),
    ],
)
def test_a_wrong_state_file_is_refused_in_one_line(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)
    with pytest.raises(StateFileError, match=line) as caught:
        states.load(file, "https://x.example")
    assert "\n" not in str(caught.value)
