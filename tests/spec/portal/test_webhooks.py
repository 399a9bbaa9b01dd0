"""The pages of webhooks, for staff alone: what arrives, what waits, what is dead, sent again."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from shared.store.webhook_checkpoints import Checkpoint, WebhookCheckpoints
from shared.store.webhook_deliveries import Delivery, DeliveryState
from shared.webhooks.positions import position_at, write_position
from tests.support.fixtures.portal_visitor import form_in, hold_page, text_of
from tests.support.fixtures.staff import staff_at
from tests.support.fixtures.webhook_receiver import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.support.fixtures.office import Office
    from tests.support.fixtures.portal_visitor import Visitor
    from tests.support.fixtures.scim_client import Scim
    from tests.support.production import Deployed

ALL = "/portal/webhooks"
NOWHERE = "https://hooks.example.com/scim/in?key=hidden"
DAY = 86_400_000


@pytest.fixture
async def hooks(office: Office) -> AsyncIterator[Office]:
    """The office; endpoints that a test leaves are deleted."""
    yield office
    for each in (await office.webhooks("GET"))["webhooks"]:
        await office.webhooks("DELETE", f"/{each['id']}")


@pytest.fixture
async def staff(office: Office) -> AsyncIterator[Visitor]:
    async with office.staff() as member:
        yield member


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
def scim(office: Office) -> Scim:
    return office.new_tenant()


def name_of(scim: Scim) -> str:
    return scim.tenant_url.split("/")[4]


async def created(office: Office, url: str = NOWHERE, **more: Any) -> dict[str, Any]:
    return await office.webhooks("POST", "", {"url": url, **more})


async def paused(office: Office, scim: Scim, url: str = NOWHERE) -> str:
    """The id of an endpoint that is sent nothing, so that what lies there stays."""
    more = {"tenants": [name_of(scim)], "state": "paused"}
    endpoint: str = (await created(office, url, **more))["id"]
    return endpoint


async def put(
    office: Office, scim: Scim, endpoint: str, state: DeliveryState, number: int = 1, **of: Any
) -> list[str]:
    """Leave deliveries, as days of attempts would; their ids, the newest event first."""
    now = time.time_ns() // 1_000_000
    tried = {"attempts": 10, "last_attempt": now, "status": 500, "latency_ms": 1_234}
    rows = [
        Delivery(
            id=f"{now - age:012x}{secrets.token_hex(10)}",
            endpoint=endpoint,
            tenant=name_of(scim),
            type="user.updated",
            state=state,
            body="{}",
            **{**tried, **of},
        )
        for age in range(number)
    ]
    context = office.context(name_of(scim))
    checkpoints = WebhookCheckpoints(office.store.table)
    known = await checkpoints.read(context, endpoint)
    checkpoint = known or Checkpoint(write_position(position_at(now)))
    await checkpoints.write(context, endpoint, checkpoint, [each.insertion() for each in rows])
    return [each.id for each in rows]


async def until(staff: Visitor, path: str, text: str) -> str:
    """What a page says once a text is in it."""
    async with asyncio.timeout(30):
        while text not in (page := await staff.page(path)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    return page


async def send(
    staff: Visitor, endpoint: str, action: str, page: str = "", **fields: str
) -> httpx.Response:
    """Send a form of an endpoint's page."""
    place = f"{ALL}/{endpoint}"
    form = form_in((await staff.get(f"{place}{page}")).text, place)
    response = await staff.http.post(place, data={**form, "action": action, **fields})
    hold_page(response)
    return response


async def state_of(office: Office, endpoint: str) -> str:
    state: str = (await office.webhooks("GET", f"/{endpoint}"))["state"]
    return state


# --- off, empty, closed to others


async def test_where_webhooks_are_off_it_is_said_which_setting_to_change(
    staffed_app: Deployed,
) -> None:
    async with staff_at(staffed_app) as member:
        page = await member.page(ALL)
        assert "Webhooks are switched off" in page
        assert "SCIM_WEBHOOKS=on" in page
        refused = await member.get(f"{ALL}/{'0' * 32}")
        assert (refused.status_code, "SCIM_WEBHOOKS=on" in text_of(refused)) == (404, True)


async def test_without_an_endpoint_it_is_said_how_to_make_one(
    hooks: Office, staff: Visitor
) -> None:
    page = await staff.page(ALL)
    assert "0 endpoints" in page
    assert "python -m tools.admin webhook new" in page


async def test_customers_and_strangers_see_nothing(hooks: Office, scim: Scim) -> None:
    endpoint = await paused(hooks, scim)
    async with hooks.customer(name_of(scim), "connect", "rotate", "watch") as customer:
        for path in (ALL, f"{ALL}/{endpoint}"):
            refused = await customer.get(path)
            assert (refused.status_code, "hooks.example" in refused.text) == (401, False)
        assert ALL not in (await customer.get("/portal/watch")).text
        sent = await customer.http.post(f"{ALL}/{endpoint}", data={"action": "resume"})
        assert sent.status_code == 401
    async with hooks.browser() as nobody:
        assert (await nobody.get(ALL)).status_code == 401
    assert await state_of(hooks, endpoint) == "paused"


async def test_it_is_the_page_of_no_tenant(hooks: Office, scim: Scim, staff: Visitor) -> None:
    place = f"/portal/tenants/{name_of(scim)}"
    assert (await staff.get(f"{place}/webhooks")).status_code == 404
    assert f'href="{ALL}"' in (await staff.get(f"{place}/watch")).text


# --- endpoints


async def test_an_endpoint_is_shown_without_what_is_secret(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = await created(
        hooks,
        tenants=[name_of(scim)],
        types=["user.deleted"],
        description="<b>CRM</b>",
    )
    for path in (ALL, f"{ALL}/{endpoint['id']}"):
        shown = await staff.get(path)
        page = text_of(shown)
        assert "hooks.example.com/scim/in" in page
        assert "<b>CRM</b>" in page
        assert name_of(scim) in page
        assert "enabled" in page
        assert endpoint["secret"] not in shown.text
        assert "hidden" not in page
    assert "user.deleted" in await staff.page(f"{ALL}/{endpoint['id']}")


async def test_an_endpoint_of_all_tenants_shows_those_of_the_tenant_that_is_named(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = (await created(hooks, state="paused"))["id"]
    (dead,) = await put(hooks, scim, endpoint, "dead")
    page = await staff.page(f"{ALL}/{endpoint}?tenant={name_of(scim).upper()}")
    assert dead in page
    assert dead not in await staff.page(f"{ALL}/{endpoint}?tenant=default")
    assert "all tenants" in await staff.page(ALL)
    assert "further tenants are not in these numbers" in await staff.page(ALL)
    for other in ("nobody", "a--b", "x" * 300):
        refused = await staff.get(f"{ALL}/{endpoint}?tenant={other}")
        assert (refused.status_code, "no such tenant" in text_of(refused)) == (404, True)


@pytest.mark.parametrize("name", ["0" * 32, "x", "..%2F..%2Fx"])
async def test_an_endpoint_that_is_not_there_is_said_not_to_be(
    hooks: Office, staff: Visitor, name: str
) -> None:
    assert (await staff.get(f"{ALL}/{name}")).status_code == 404


async def test_many_endpoints_are_shown_a_page_at_a_time(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    made = {await paused(hooks, scim) for _ in range(12)}
    found: list[str] = []
    for number in (1, 2):
        shown = (await staff.get(f"{ALL}?page={number}")).text
        found += re.findall(rf'href="{ALL}/([0-9a-f]{{32}})', shown)
    assert sorted(found) == sorted(made)
    assert "behind the last endpoint" in await staff.page(f"{ALL}?page=3")


# --- deliveries


async def test_what_was_delivered_is_shown_and_sent_again(
    hooks: Office, scim: Scim, staff: Visitor, receiver: Receiver
) -> None:
    endpoint = (await created(hooks, receiver.url, tenants=[name_of(scim)]))["id"]
    await scim.create_user()
    place = f"{ALL}/{endpoint}"
    page = await until(staff, place, "HTTP 204")
    assert "delivered user.created HTTP 204" in page
    assert "1 attempt" in page
    (event,) = set(receiver.ids)
    again = await send(staff, endpoint, "redeliver", "?state=delivered", delivery=event)
    assert again.headers["location"].startswith(f"{place}?tenant={name_of(scim)}&state=delivered")
    assert "1 delivery is made again" in await staff.page(again.headers["location"])
    async with asyncio.timeout(30):
        while len(receiver.ids) < 2:  # noqa: ASYNC110 - another process sends
            await asyncio.sleep(0.05)
    assert set(receiver.ids) == {event}


async def test_what_fails_is_shown_with_why_and_the_answer_as_text(
    hooks: Office, scim: Scim, staff: Visitor, receiver: Receiver
) -> None:
    async def fail(_: web.BaseRequest) -> web.Response:
        return web.Response(status=503, text="<script>alert(1)</script> not today")

    receiver.answer = fail
    endpoint = (await created(hooks, receiver.url, tenants=[name_of(scim)]))["id"]
    await scim.create_user()
    page = await until(staff, f"{ALL}/{endpoint}", "All attempts have failed since")
    assert "HTTP 503" in page
    assert "<script>alert(1)</script> not today" in page
    assert "next attempt" in page
    assert "1 delivery waits. 0 are dead." in page
    everything = await staff.page(ALL)
    assert f"fails since {time.gmtime().tm_year}" in everything
    assert f"at the tenant {name_of(scim)} : answered (503)" in everything


async def test_an_endpoint_that_is_gone_stands_first_with_the_reason(
    hooks: Office, scim: Scim, staff: Visitor, receiver: Receiver
) -> None:
    async def gone(_: web.BaseRequest) -> web.Response:
        return web.Response(status=410)

    receiver.answer = gone
    await created(hooks, tenants=["default"])
    endpoint = (await created(hooks, receiver.url, tenants=[name_of(scim)]))["id"]
    await scim.create_user()
    page = await until(staff, ALL, "The service has disabled it:")
    assert "1 endpoint was disabled by the service" in page
    assert page.index("127.0.0.1") < page.index("hooks.example.com")
    done = await send(staff, endpoint, "resume")
    assert "The endpoint is enabled" in await staff.page(done.headers["location"])
    assert await state_of(hooks, endpoint) == "enabled"


async def test_deliveries_are_filtered_by_state_and_read_a_page_at_a_time(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = await paused(hooks, scim)
    dead = await put(hooks, scim, endpoint, "dead", 60)
    (waiting,) = await put(
        hooks, scim, endpoint, "pending", next_attempt=time.time_ns() // 1_000_000 + DAY
    )
    found, query = [], "?state=dead"
    while query:
        shown = (await staff.get(f"{ALL}/{endpoint}{query}")).text
        found += re.findall(r"<code>([0-9a-f]{32})</code></p>", shown)
        older = re.search(rf'rel="next" href="{ALL}/{endpoint}([^"#]+)', shown)
        query = older[1].replace("&amp;", "&") if older else ""
    assert found == dead
    only = await staff.page(f"{ALL}/{endpoint}?state=pending")
    assert waiting in only
    assert dead[0] not in only
    assert "There is no such delivery" in await staff.page(f"{ALL}/{endpoint}?state=delivered")
    assert waiting in await staff.page(f"{ALL}/{endpoint}?state=odd")
    assert (await staff.get(f"{ALL}/{endpoint}?cursor=made-up")).status_code == 400


async def test_what_waits_is_sent_now_and_what_was_tried_stays_to_be_seen(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = await paused(hooks, scim)
    later = time.time_ns() // 1_000_000 + DAY
    (waiting,) = await put(
        hooks, scim, endpoint, "pending", next_attempt=later, attempts=7, error="answered (500)"
    )
    page = (await staff.get(f"{ALL}/{endpoint}")).text
    assert f'aria-label="Send now: {waiting}"' in page
    done = await send(staff, endpoint, "redeliver", delivery=waiting)
    shown = await staff.page(done.headers["location"])
    assert "1 delivery is made again. It is not sent before the endpoint is resumed" in shown
    assert "7 attempts" in shown
    assert "answered (500)" in shown
    [now] = (await hooks.webhooks("GET", f"/{endpoint}/deliveries"))["deliveries"]
    assert (now["state"], now["attempts"]) == ("pending", 7)
    assert now["redelivered"] == now["nextAttempt"]


async def test_all_that_is_dead_is_sent_again(hooks: Office, scim: Scim, staff: Visitor) -> None:
    endpoint = await paused(hooks, scim)
    await put(hooks, scim, endpoint, "dead", 3, error="the receiver answered 500")
    page = await staff.page(ALL)
    assert "0 deliveries wait. 3 are dead." in page
    assert "the receiver answered 500" in page
    assert "Send 3 dead deliveries again" in await staff.page(f"{ALL}/{endpoint}")
    for says in ("3 deliveries are made again. It is not sent before", "Nothing is sent again"):
        done = await send(staff, endpoint, "redeliver_dead")
        assert says in await staff.page(done.headers["location"])
    left = await hooks.webhooks("GET", f"/{endpoint}/deliveries?state=dead")
    assert left == {"deliveries": []}


# --- pause, resume, and forms that make no sense


async def test_an_endpoint_is_paused_and_resumed(hooks: Office, scim: Scim, staff: Visitor) -> None:
    endpoint = (await created(hooks, tenants=[name_of(scim)]))["id"]
    for action, state, says in (
        ("pause", "paused", "The endpoint is paused"),
        ("resume", "enabled", "The endpoint is enabled"),
    ):
        done = await send(staff, endpoint, action)
        assert says in await staff.page(done.headers["location"])
        assert await state_of(hooks, endpoint) == state


async def test_who_loses_a_race_is_told_and_changes_nothing(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = (await created(hooks, tenants=[name_of(scim)]))["id"]
    await hooks.webhooks("PATCH", f"/{endpoint}", {"description": "Do not pause"})
    lost = await send(staff, endpoint, "pause", version="1")
    assert (lost.status_code, "Somebody else has changed" in text_of(lost)) == (409, True)
    assert "Do not pause" in text_of(lost)
    assert await state_of(hooks, endpoint) == "enabled"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"csrf": ""}, 403),
        ({"action": "delete"}, 400),
        ({"action": ""}, 400),
        ({"action": "redeliver_dead", "tenant": "default"}, 404),
        ({"action": "pause", "version": ""}, 409),
    ],
)
async def test_a_form_that_makes_no_sense_changes_nothing(
    hooks: Office, scim: Scim, staff: Visitor, fields: dict[str, str], status: int
) -> None:
    endpoint = (await created(hooks, tenants=[name_of(scim)]))["id"]
    assert (await send(staff, endpoint, **{"action": "pause", **fields})).status_code == status
    assert await state_of(hooks, endpoint) == "enabled"


async def test_to_send_again_what_is_not_there_sends_nothing(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoint = await paused(hooks, scim)
    for odd in ("", "0" * 32, "../x", "x" * 5_000):
        done = await send(staff, endpoint, "redeliver", delivery=odd)
        assert "Nothing is sent again" in await staff.page(done.headers["location"])


# --- what it costs


async def test_the_pages_cost_what_the_documentation_says(
    hooks: Office, scim: Scim, staff: Visitor
) -> None:
    endpoints = [await paused(hooks, scim) for _ in range(3)]
    assert await hooks.calls_of(await staff.get(ALL)) == 1 + 2 * 3
    await put(hooks, scim, endpoints[0], "dead")
    assert await hooks.calls_of(await staff.get(ALL)) == 1 + 2 * 3 + 1
    place = f"{ALL}/{endpoints[1]}"
    assert await hooks.calls_of(await staff.get(f"{place}?state=dead")) == 4
    assert await hooks.calls_of(await staff.get(place)) == 6
