"""`/groups/{id}/members` and `/differences`: a group as it was, on the running service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.api_client import KEYS

if TYPE_CHECKING:
    from tests.support.fixtures.api_client import Api
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService


@pytest.fixture
def reading(running_service: RunningService, scim: Scim) -> Api:
    return running_service.api_of(scim)


def now(**later: float) -> str:
    moment = datetime.now(UTC) + timedelta(**later)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def patched(scim: Scim, group: dict[str, Any], operation: dict[str, Any]) -> None:
    response = await scim.patch(f"/Groups/{group['id']}", operation)
    assert response.status_code in {200, 204}, response.text


async def members(reading: Api, group: dict[str, Any], at: str) -> dict[str, str | None]:
    found = (await reading.request("GET", f"/groups/{group['id']}/members?at={at}")).json()
    return {each["id"]: each.get("name") for each in found["members"]}


async def test_a_group_is_shown_as_it_was_at_each_time(reading: Api, scim: Scim) -> None:
    ana, bo = [await scim.create_user(name, displayName=name) for name in ("Ana", "Bo")]
    before = now()
    sales = await scim.create_group("Sales", ana["id"])
    one = now()
    await patched(scim, sales, {"op": "add", "path": "members", "value": [{"value": bo["id"]}]})
    two = now()
    await patched(scim, sales, {"op": "remove", "path": f'members[value eq "{ana["id"]}"]'})
    three = now()
    await scim.delete(f"/Users/{bo['id']}")
    four = now()
    assert await members(reading, sales, one) == {ana["id"]: "Ana"}
    assert await members(reading, sales, two) == {ana["id"]: "Ana", bo["id"]: None}
    assert await members(reading, sales, three) == {bo["id"]: None}
    assert await members(reading, sales, four) == {}
    earlier = await reading.request("GET", f"/groups/{sales['id']}/members?at={before}")
    assert (earlier.json()["existed"], earlier.json()["members"]) == (False, [])

    found = await reading.request(
        "GET", f"/groups/{sales['id']}/differences?since={one}&until={three}"
    )
    assert (found.status_code, found.json()) == (
        200,
        {
            "since": one,
            "until": three,
            "existedSince": True,
            "existedUntil": True,
            "attributes": [],
            "joined": 1,
            "left": 1,
            "members": sorted(
                (
                    {"id": ana["id"], "type": "User", "name": "Ana", "joined": False},
                    {"id": bo["id"], "type": "User", "joined": True},
                ),
                key=lambda each: str(each["id"]),
            ),
        },
    )


async def test_a_deleted_group_is_shown_as_it_was(reading: Api, scim: Scim) -> None:
    ana = await scim.create_user(displayName="Ana")
    sales = await scim.create_group("Sales", ana["id"])
    then = now()
    await patched(scim, sales, {"op": "replace", "path": "displayName", "value": "Sellers"})
    await scim.delete(f"/Groups/{sales['id']}")
    assert await members(reading, sales, then) == {ana["id"]: "Ana"}
    late = await reading.request("GET", f"/groups/{sales['id']}/members?at={now()}")
    assert late.status_code == 404, "no change since then tells of it"
    found = await reading.request("GET", f"/groups/{sales['id']}/differences?since={then}")
    shown = found.json()
    assert (shown["attributes"], shown["left"]) == (["displayName"], 1)
    assert (shown["existedSince"], shown["existedUntil"]) == (True, False)


async def test_members_come_in_pages(reading: Api, scim: Scim) -> None:
    users = [await scim.create_user(f"user{n}") for n in range(5)]
    sales = await scim.create_group("Sales", *(each["id"] for each in users))
    then, gone = now(), users[:2]
    for user in gone:
        await patched(scim, sales, {"op": "remove", "path": f'members[value eq "{user["id"]}"]'})
    found: list[str] = []
    cursor = ""
    for _ in range(3):
        path = f"/groups/{sales['id']}/members?at={then}&limit=2{cursor}"
        page = (await reading.request("GET", path)).json()
        found += [each["id"] for each in page["members"]]
        cursor = f"&after={page.get('cursor')}"
    assert "cursor" not in page
    assert found == sorted(each["id"] for each in users)


@pytest.mark.parametrize("what", ["members", "differences"])
async def test_what_the_history_does_not_reach_is_refused(
    reading: Api, scim: Scim, what: str
) -> None:
    sales = await scim.create_group("Sales")
    name = "at" if what == "members" else "since"
    for moment, said in (
        (now(days=1), "is to come"),
        (now(days=-4_000), "The history can be told from"),
        ("yesterday", "must be a time with its zone"),
    ):
        refused = await reading.request("GET", f"/groups/{sales['id']}/{what}?{name}={moment}")
        assert (refused.status_code, said in refused.json()["detail"]) == (400, True), refused.text
    refused = await reading.request("GET", f"/groups/{'0' * 32}/{what}?{name}={now()}")
    assert refused.status_code == 404


async def test_the_times_must_be_in_their_order(reading: Api, scim: Scim) -> None:
    sales = await scim.create_group("Sales")
    path = f"/groups/{sales['id']}/differences?since={now()}&until={now(minutes=-1)}"
    refused = await reading.request("GET", path)
    assert (refused.status_code, "before the first" in refused.json()["detail"]) == (400, True)


async def test_a_key_of_another_scope_sees_nothing(reading: Api, scim: Scim) -> None:
    sales = await scim.create_group("Sales")
    other = replace(reading, key=KEYS["events"])
    assert (await other.request("GET", f"/groups/{sales['id']}/members")).status_code == 403
