"""The feed: what the product is told of each request of the identity provider, and when."""

import asyncio
import time
from dataclasses import replace
from statistics import median
from typing import Any

import httpx
import pytest

from shared.events.cursor import write_cursor
from shared.events.feed import FeedPosition
from shared.store.layout import change_number
from tests.support.fixtures.api_client import KEYS, Api, hold_problem
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import Clients, RunningService
from vendor_api.events import Events

DEVICE = {"schemas": ["urn:ietf:params:scim:schemas:contoso:2.0:Device"], "serialNumber": "X1"}
ACTIVE = "urn:ietf:params:scim:event:prov:activate"


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return replace(running_service.api_of(scim), key=KEYS["product"])


async def page(api: Api, **query: object) -> dict[str, Any]:
    """A page of the feed, which is what its description says."""
    url = httpx.URL("/events", params={name: str(value) for name, value in query.items()})
    response = await api.request("GET", str(url))
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    Events.model_validate(body)
    return body


async def told(api: Api, **query: object) -> list[str]:
    return [event["type"] for event in (await page(api, **query))["events"]]


async def test_each_request_is_told_as_what_it_did(scim: Scim, api: Api) -> None:
    ana = await scim.create_user(externalId="7")
    for active in (False, True, False):
        ana = await scim.patched_user(ana, {"op": "replace", "path": "active", "value": active})
    sales = await scim.create_group("Sales", ana["id"])
    await scim.delete(f"/Groups/{sales['id']}")
    await scim.delete(f"/Users/{ana['id']}")
    events = (await page(api))["events"]
    assert [event["type"] for event in events] == [
        "user.created",
        "user.deactivated",
        "user.activated",
        "user.deactivated",
        "group.created",
        "group.member_added",
        "group.deleted",
        "user.deleted",
    ]
    assert [event.get("active") for event in events[:4]] == [True, False, True, False]
    assert [event["resource"]["version"] for event in events[:4]] == [1, 2, 3, 4]
    assert events[2]["event"] == ACTIVE
    assert events[5]["members"]["added"] == [{"id": ana["id"], "type": "User", "version": 5}]
    assert events[7]["resource"]["externalId"] == "7"
    assert len({event["id"] for event in events}) == len(events)


async def test_the_request_that_caused_an_event_is_named(scim: Scim, api: Api) -> None:
    response = await scim.request("POST", "/Users", {"userName": "ana"})
    (event,) = (await page(api))["events"]
    assert event["txn"] == response.headers["request-id"]


async def test_a_group_in_a_group_is_told_apart_from_a_user(scim: Scim, api: Api) -> None:
    child = await scim.create_group("Child")
    cursor = (await page(api))["cursor"]
    await scim.create_group("Parent", child["id"])
    event = (await page(api, after=cursor, types="group.member_added"))["events"][-1]
    assert event["members"]["added"] == [{"id": child["id"], "type": "Group"}]


async def test_a_large_group_is_told_from_behind_in_the_parts_in_which_it_was_written(
    scim: Scim, api: Api
) -> None:
    users = [(await scim.create_user(userName=f"user{n}"))["id"] for n in range(45)]
    cursor = (await page(api))["cursor"]
    group = await scim.create_group("Everyone", *users)
    events = [
        event
        for event in (await page(api, after=cursor))["events"]
        if event["resource"]["id"] == group["id"]
    ]
    assert [event["type"] for event in events] == ["group.member_added"] * 2 + ["group.created"]
    parts = [[member["id"] for member in each["members"]["added"]] for each in events]
    assert [len(part) for part in parts] == [40, 5, 0]
    assert {*parts[0], *parts[1]} == {*users}


async def test_a_reader_goes_on_where_it_was(scim: Scim, api: Api) -> None:
    for name in ("a", "b", "c"):
        await scim.create_user(userName=name)
    first = await page(api, limit=2)
    assert (len(first["events"]), first["more"]) == (2, True)
    second = await page(api, after=first["cursor"], limit=2)
    assert (len(second["events"]), second["more"]) == (1, False)
    assert await told(api, after=second["cursor"]) == []
    await scim.create_user(userName="d")
    assert await told(api, after=second["cursor"]) == ["user.created"]


async def test_who_begins_now_is_told_what_comes(scim: Scim, api: Api) -> None:
    beginning = await page(api, after="now")
    assert (beginning["events"], beginning["more"]) == ([], True)
    await scim.create_user()
    assert await told(api, after=beginning["cursor"]) == ["user.created"]


async def test_only_the_types_that_are_wanted_are_told(scim: Scim, api: Api) -> None:
    ana = await scim.create_user()
    await scim.create_group("Sales", ana["id"])
    wanted = "group.member_added, user.created"
    assert await told(api, types=wanted) == ["user.created", "group.member_added"]


async def test_who_waits_is_told_as_soon_as_something_happens(scim: Scim, api: Api) -> None:
    cursor = (await page(api))["cursor"]
    waiting = asyncio.create_task(page(api, after=cursor, wait=20))
    await page(api)  # by the time this one is answered, the one before is with the service
    await scim.create_user()
    assert [event["type"] for event in (await waiting)["events"]] == ["user.created"]


async def test_an_event_is_with_who_waits_within_two_seconds_of_the_commit(
    scim: Scim, api: Api
) -> None:
    """In the median, whenever between two looks at the storage the commit comes."""
    delays = []
    for name in "abcde":
        cursor = (await page(api))["cursor"]
        waiting = asyncio.create_task(page(api, after=cursor, wait=20))
        await page(api)  # by the time this one is answered, the one before is with the service
        await scim.create_user(userName=name)
        committed = time.monotonic()
        assert (await waiting)["events"]
        delays.append(time.monotonic() - committed)
    assert median(delays) < 2


async def test_who_waits_in_vain_is_answered_after_that_time(
    running_service: RunningService, api: Api
) -> None:
    cursor = (await page(api))["cursor"]
    url = httpx.URL("/events", params={"after": cursor, "wait": "1"})
    response = await api.request("GET", str(url))
    assert response.json()["events"] == []
    line = await running_service.log_line(response)
    assert 1_000 <= line["ms"] < 10_000


async def test_of_one_tenant_three_wait_and_others_are_answered_at_once(api: Api) -> None:
    cursor = (await page(api))["cursor"]
    waiting = [asyncio.create_task(page(api, after=cursor, wait=20)) for _ in range(4)]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (1, 3)
    for task in pending:
        task.cancel()


async def test_reading_the_end_costs_one_call(running_service: RunningService, api: Api) -> None:
    response = await api.request("GET", "/events")
    assert (await running_service.log_line(response))["calls"] == 1


# The documents of what events are about


async def test_each_event_has_the_document_of_what_it_is_about_as_it_is_now(
    scim: Scim, api: Api
) -> None:
    ana = await scim.create_user(title="Engineer")
    sales = await scim.create_group("Sales", ana["id"])
    await scim.patched_user(ana, {"op": "replace", "path": "title", "value": "Director"})
    events = (await page(api, expand="resource"))["events"]
    shown = {event["type"]: event["resource"]["document"] for event in events}
    now = await scim.user(ana["id"])
    assert shown["user.created"] == shown["user.updated"] == now
    assert now["groups"][0]["value"] == sales["id"]
    group = (await scim.get(f"/Groups/{sales['id']}?excludedAttributes=members")).json()
    assert shown["group.created"] == shown["group.member_added"] == group


async def test_what_is_gone_has_no_document_and_nobody_who_does_not_ask_has_one(
    scim: Scim, api: Api
) -> None:
    ana = await scim.create_user()
    assert "document" not in (await page(api))["events"][0]["resource"]
    await scim.delete(f"/Users/{ana['id']}")
    events = (await page(api, expand="resource"))["events"]
    assert [event["type"] for event in events] == ["user.created", "user.deleted"]
    assert not [event for event in events if "document" in event["resource"]]


async def test_a_document_of_a_custom_type_is_shown_too(
    extended_service: RunningService, extended: Scim
) -> None:
    api = replace(extended_service.api_of(extended), key=KEYS["product"])
    created = (await extended.request("POST", "/Devices", DEVICE)).json()
    (event,) = (await page(api, expand="resource", types="device.created"))["events"]
    assert event["resource"]["document"] == created


async def test_each_resource_is_read_once(
    running_service: RunningService, scim: Scim, api: Api
) -> None:
    ana = await scim.create_user()
    for title in ("a", "b", "c"):
        await scim.patched_user(ana, {"op": "replace", "path": "title", "value": title})
    await scim.create_group("Sales")
    response = await api.request("GET", "/events?expand=resource")
    assert len(response.json()["events"]) == 5
    assert (await running_service.log_line(response))["calls"] == 3, "the rows, a user, a group"


async def test_a_key_that_may_not_read_identities_is_shown_none(api: Api) -> None:
    response = await replace(api, key=KEYS["events"]).request("GET", "/events?expand=resource")
    assert response.status_code == 403
    assert 'scope="identities.read"' in response.headers["www-authenticate"]


async def test_100_events_may_have_documents(api: Api) -> None:
    await page(api, expand="resource", limit=100)
    response = await api.request("GET", "/events?expand=resource&limit=101")
    assert response.status_code == 400
    assert "100 at most" in response.json()["detail"]


HUGE = "9" * 400
AHEAD = change_number(int(time.time() * 1000) + 3_600_000)
REFUSED = {
    "a forged cursor": {"after": "AAAA"},
    "an empty cursor": {"after": ""},
    "a cursor of SCIM": {"after": "eyJpZCI6IjEifQ"},
    "a huge cursor": {"after": "A" * 6_000},
    "no cursor but a time": {"after": "2026-01-01T00:00:00Z"},
    "now in capitals": {"after": "NOW"},
    "letters that no cursor has": {"after": "\u00e9\u0000"},
    "a cursor of another tenant": {"after": write_cursor(FeedPosition(), "another")},
    "no limit": {"limit": ""},
    "a part of a limit": {"limit": "1.5"},
    "a limit of 0": {"limit": "0"},
    "a limit of a billion": {"limit": "1000000000"},
    "a huge limit": {"limit": HUGE},
    "a limit of a million behind zeros": {"limit": "00000001000000"},
    "a negative limit": {"limit": "-1"},
    "no number": {"limit": "ten"},
    "other digits": {"limit": "\u0661"},
    "a wait of a day": {"wait": "86400"},
    "a wait that ended before": {"wait": "-1"},
    "no wait": {"wait": ""},
    "a wait in words": {"wait": "20s"},
    "an unknown type": {"types": "user.renamed"},
    "an empty type": {"types": "user.created,"},
    "no type": {"types": ""},
    "a type in capitals": {"types": "USER.CREATED"},
    "all types": {"types": "*"},
    "a type that users have not": {"types": "user.member_added"},
    "a type that groups have not": {"types": "group.deactivated"},
    "a type that there is not yet": {"types": "user.restored"},
    "an event that no change row tells of": {"types": "tenant.connected"},
    "a type of a type that is not served": {"types": "device.created"},
    "a thousand types": {"types": ",".join(f"user.t{n}" for n in range(400))},
    "nothing to expand": {"expand": ""},
    "what cannot be expanded": {"expand": "members"},
    "several to expand": {"expand": "resource,actor"},
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
async def test_what_is_not_understood_is_refused(api: Api, query: dict[str, str]) -> None:
    response = await api.request("GET", str(httpx.URL("/events", params=query)))
    assert response.status_code == 400, response.text
    hold_problem(response)
    detail = response.json()["detail"]
    assert len(detail) < 500
    assert {"after": "cursor", "types": "types are"}.get(name := next(iter(query)), name) in detail


async def test_a_cursor_of_the_future_is_refused(api: Api) -> None:
    cursor = write_cursor(FeedPosition(AHEAD, AHEAD), api.tenant)
    response = await api.request("GET", str(httpx.URL("/events", params={"after": cursor})))
    assert response.status_code == 400
    assert "after=now" in response.json()["detail"]


async def test_whatever_is_changed_in_a_cursor_it_opens_no_other_feed(
    new_scim: Clients, running_service: RunningService
) -> None:
    """And fails nothing: it is refused, or it is a place in the feed of the tenant that asks."""
    others, own = new_scim(), new_scim()
    await others.create_user()
    api = replace(running_service.api_of(own), key=KEYS["product"])
    cursor = (await page(api))["cursor"]
    for at in range(0, len(cursor), 3):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        response = await api.request("GET", f"/events?after={changed}")
        assert response.status_code in {200, 400, 410}, changed
        assert response.json().get("events", []) == []


async def test_a_cursor_past_what_is_kept_is_gone_with_the_way_to_begin_anew(api: Api) -> None:
    old = change_number(1_000_000_000_000)  # in 2001
    cursor = write_cursor(FeedPosition(old, old), api.tenant)
    response = await api.request("GET", str(httpx.URL("/events", params={"after": cursor})))
    assert response.status_code == 410
    assert response.json()["type"] == "/problems/gone"
    assert "after=now" in response.json()["detail"]


async def test_a_parameter_that_comes_twice_is_refused(api: Api) -> None:
    assert (await api.request("GET", "/events?limit=1&limit=2")).status_code == 400


@pytest.mark.parametrize("key", ["reader", "even", "idle"])
async def test_a_key_without_the_scope_reads_no_events(
    running_service: RunningService, scim: Scim, key: str
) -> None:
    response = await replace(running_service.api_of(scim), key=KEYS[key]).request("GET", "/events")
    assert response.status_code == 403
    assert response.json()["type"] == "/problems/insufficient-scope"
