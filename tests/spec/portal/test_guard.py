"""The guard's page: what is held, and the decision about it, which staff alone take."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.portal_visitor import Visitor, form_in, hold_page, text_of
from tests.support.fixtures.webhook_receiver import receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.support.fixtures.office import Office
    from tests.support.fixtures.scim_client import Scim

OFF = {"op": "replace", "path": "active", "value": False}


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant whose guard holds what passes two users and 10 %.

    Attributes:
        office: of its vendor.
        scim: its identity provider.
        users: whom it has sent.
    """

    office: Office
    scim: Scim
    users: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return self.scim.tenant_url.split("/")[4]

    @property
    def page(self) -> str:
        return f"/portal/tenants/{self.name}/guard"

    async def told(self) -> list[str]:
        """The types of the events that the product is told, without those of creations."""
        answer = await self.office.api(self.name).request("GET", "/events?limit=1000")
        types = [each["type"] for each in answer.json()["events"]]
        return [each for each in types if not each.endswith(".created")]

    async def disable(self, *users: dict[str, Any]) -> None:
        for each in users:
            await self.scim.patched_user(each, OFF)
        await self.told()


async def hold_removals(office: Office) -> Tenant:
    """Have a tenant with eight users, none of whom was removed, and a guard that holds."""
    scim = office.new_tenant()
    name = scim.tenant_url.split("/")[4]
    await office.api(name).patched({"guard": {"users": 2, "percent": 10, "hold": True}})
    users = [await scim.create_user(f"user{n}@contoso.test", active=True) for n in range(8)]
    return Tenant(office, scim, users)


@pytest.fixture
async def tenant(office: Office) -> Tenant:
    """A tenant of whose users none was removed."""
    return await hold_removals(office)


@pytest.fixture
async def held(tenant: Tenant) -> Tenant:
    """The same, of whom six were disabled: two of these were let through, four are held."""
    await tenant.disable(*tenant.users[:6])
    assert await tenant.told() == ["user.deactivated", "user.deactivated", "guard.held"]
    return tenant


@pytest.fixture
async def staff(office: Office) -> AsyncIterator[Visitor]:
    async with office.staff() as member:
        yield member


@asynccontextmanager
async def confirming(
    tenant: Tenant, decision: str
) -> AsyncIterator[tuple[Visitor, dict[str, str]]]:
    """A member of staff before whom the confirmation of a decision stands."""
    async with tenant.office.staff() as member:
        shown = await member.get(f"{tenant.page}?decide={decision}")
        yield member, form_in(shown.text, f"{tenant.page}/decide")


async def send(member: Visitor, tenant: Tenant, form: dict[str, str]) -> httpx.Response:
    response = await member.http.post(f"{tenant.page}/decide", data=form)
    hold_page(response)
    return response


async def decide(member: Visitor, tenant: Tenant, decision: str) -> str:
    """Confirm a decision; what the page says then."""
    action = f"{tenant.page}/decide"
    done = await member.send(f"{tenant.page}?decide={decision}", action)
    assert done.status_code == 303, text_of(done)
    return await member.page(done.headers["location"])


# --- what is held


async def test_where_nothing_is_held_the_rule_is_shown(tenant: Tenant, staff: Visitor) -> None:
    page = await staff.page(tenant.page)
    assert "Nothing is held: the product is told of all that is not a mass removal." in page
    assert "It is set by the setting guard of the tenant" in page
    assert "more than 2 users and more than 10 % of the active users" in page
    assert "held back from the product until somebody decides" in page
    assert "0 of 8 active users were removed" in page
    assert "put back since" not in page


@pytest.mark.parametrize(
    ("guard", "origin"),
    [
        (None, "This is the default, since the setting guard of the tenant is not set."),
        ({"hold": False}, "It is set by the setting guard of the tenant"),
    ],
)
async def test_where_nothing_is_to_be_held_it_is_said_that_the_product_is_told(
    office: Office, staff: Visitor, guard: dict[str, Any] | None, origin: str
) -> None:
    name = office.new_tenant().tenant_url.split("/")[4]
    await office.api(name).patched({"guard": guard})
    page = await staff.page(f"/portal/tenants/{name}/guard")
    assert "more than 10 users and more than 10 % of the active users" in page
    assert "It is not held back: the product is told at once" in page
    assert "Nothing is held: the guard of this tenant only alerts." in page
    assert "told of all that is not a mass removal" not in page
    origins = re.findall(
        r"This is the default[^.]*\.|It is set by the setting guard of the tenant", page
    )
    assert origins == [origin]


async def test_what_is_held_has_numbers_names_and_what_happens_if_nobody_decides(
    held: Tenant, staff: Visitor
) -> None:
    shown = await staff.get(held.page)
    page = text_of(shown)
    assert "6 of 8 active users were disabled or deleted; 4 of them were held back." in page
    assert "If nobody decides it waits" in page
    names = sorted(each["userName"] for each in held.users[2:6])
    assert sorted(set(re.findall(r"user\d@contoso\.test", page))) == names
    for each in held.users[2:6]:
        assert f"/look-up/user/{each['id']}" in shown.text
    # It goes by the settings with which it began.
    await held.office.api(held.name).patched({"guard": {"releaseAfterHours": 24}})
    assert "If nobody decides it waits" in await staff.page(held.page)


async def test_it_is_said_when_the_guard_was_switched_off_since(
    held: Tenant, staff: Visitor
) -> None:
    assert "was switched off since" not in await staff.page(held.page)
    await held.office.api(held.name).patched({"guard": None})
    page = await staff.page(held.page)
    assert "The guard was switched off since." in page
    assert "4 of them were held back" in page
    await decide(staff, held, "release")
    assert "Nothing is held" in await staff.page(held.page)


async def test_it_is_released_by_the_time_that_it_began_with(
    office: Office, staff: Visitor
) -> None:
    tenant = await hold_removals(office)
    api = office.api(tenant.name)
    await api.patched({"guard": {"releaseAfterHours": 24}})
    await tenant.disable(*tenant.users[:6])
    await api.patched({"guard": {"releaseAfterHours": None}})
    assert "it is released by itself, at 20" in await staff.page(tenant.page)


async def test_groups_that_members_were_taken_out_of_are_named(
    tenant: Tenant, staff: Visitor
) -> None:
    group = await tenant.scim.create_group("<b>Sales</b>", *(each["id"] for each in tenant.users))
    for each in tenant.users[:6]:
        path = f'members[value eq "{each["id"]}"]'
        await tenant.scim.patch(f"/Groups/{group['id']}", {"op": "remove", "path": path})
    await tenant.told()
    page = await staff.page(tenant.page)
    assert "Members were taken out of 1 group; 4 of these removals were held back." in page
    assert "<b>Sales</b> · 4 users" in page


async def test_users_who_are_gone_and_names_with_markup_are_told_as_they_are(
    tenant: Tenant, staff: Visitor
) -> None:
    named = await tenant.scim.create_user("<i>eve</i>", active=True, displayName="<script>eve")
    await tenant.disable(*tenant.users[:4], named)
    await tenant.scim.request("DELETE", f"/Users/{tenant.users[3]['id']}")
    page = await staff.page(tenant.page)
    assert "<script>eve" in page
    assert f"{tenant.users[3]['id']} who was deleted since" in page


async def test_many_are_shown_a_page_at_a_time(tenant: Tenant, staff: Visitor) -> None:
    more = [await tenant.scim.create_user(f"more{n:02}@x.test", active=True) for n in range(28)]
    await tenant.disable(*more, *tenant.users[:2])
    found: list[str] = []
    for number in (1, 2):
        shown = await staff.get(f"{tenant.page}?page={number}")
        found += re.findall(r"/look-up/user/([0-9a-f]{32})", shown.text)
    assert len(found) == len(set(found)) == 28
    assert "behind the last of them" in await staff.page(f"{tenant.page}?page=9")
    for odd in ("0", "-1", "x", "9" * 30):
        assert (await staff.get(f"{tenant.page}?page={odd}")).status_code == 200


async def test_watch_and_all_tenants_say_that_something_is_held(
    held: Tenant, staff: Visitor
) -> None:
    watch, everything = f"/portal/tenants/{held.name}/watch", "/portal/tenants?fresh=1"
    banner = "The removal of many users is held back"
    assert banner in await staff.page(watch)
    shown = await staff.get(f"{everything}&q={held.name}")
    assert "the removal of many users is held back" in text_of(shown)
    assert f'href="{held.page}"' in shown.text
    await decide(staff, held, "release")
    assert banner not in await staff.page(watch)
    after = await staff.page(f"/portal/tenants?q={held.name}")
    assert "held back" not in after, "it is read again, although nobody asked for that"


@pytest.mark.parametrize("decision", ["release", "undo"])
async def test_watch_does_not_take_a_decision_for_the_identity_provider(
    held: Tenant, staff: Visitor, decision: str
) -> None:
    watch = f"/portal/tenants/{held.name}/watch"
    by_provider = f"Changes in 24 hours {len(held.users) + 6} Users"
    assert by_provider in await staff.page(watch)
    api = held.office.api(held.name)
    hold = (await api.request("GET", "/guard")).json()["held"]
    assert (await api.request("POST", f"/guard/{hold['id']}/{decision}")).status_code == 200
    assert by_provider in await staff.page(watch)


# --- who may see it, and who decides


async def test_whoever_may_watch_sees_it_and_decides_nothing(held: Tenant) -> None:
    async with held.office.customer(held.name, "watch") as customer:
        shown = await customer.get("/portal/guard?decide=release")
        page = text_of(shown)
        assert "6 of 8 active users were disabled or deleted; 4 of them were held back." in page
        assert "tell the vendor of the product what you want" in page
        assert "<form" not in shown.text.partition("<main")[2]
        assert "removal of many users is held back" in await customer.page("/portal/watch")
        form = form_in(shown.text, "/portal/sign-out")
        report = (await held.office.api(held.name).request("GET", "/guard")).json()
        sent = {"decision": "release", "hold": report["held"]["id"], **form}
        refused = await customer.http.post("/portal/guard/decide", data=sent)
        assert (refused.status_code, "for the staff" in text_of(refused)) == (403, True)
    assert (await held.told())[-1] == "guard.held"


@pytest.mark.parametrize("right", ["connect", "rotate"])
async def test_whoever_may_not_watch_does_not_see_it(tenant: Tenant, right: str) -> None:
    async with tenant.office.customer(tenant.name, right) as customer:
        refused = await customer.get("/portal/guard")
        assert (refused.status_code, "does not allow this" in text_of(refused)) == (403, True)


async def test_a_form_of_another_tenant_decides_nothing(held: Tenant) -> None:
    async with confirming(held, "release") as (member, form):
        other = form_in((await member.get("/portal/tenants/default/watch")).text, OTHER_FORM)
        refused = await send(member, held, {**form, "csrf": other["csrf"]})
        assert refused.status_code == 403
    assert (await held.told())[-1] == "guard.held"


OTHER_FORM = "/portal/tenants/default/sign-out"


# --- deciding


async def test_a_release_is_confirmed_by_its_numbers_and_tells_the_product(
    held: Tenant, staff: Visitor
) -> None:
    asked = await staff.page(f"{held.page}?decide=release")
    assert (
        "Tell the product of this removal?"
        " 6 of 8 active users were disabled or deleted; 4 of them were held back."
    ) in asked
    assert (await held.told())[-1] == "guard.held", "nothing is decided yet"
    page = await decide(staff, held, "release")
    assert "The removal is released 4 changes that were held are told to the product" in page
    assert "Nothing is held" in page
    assert "Somebody else" not in page
    assert (await held.told())[3:] == 4 * ["user.deactivated"]


async def test_a_decision_reaches_webhooks_at_once(held: Tenant, staff: Visitor) -> None:
    async with receiving() as receiver:
        wanted = {"url": receiver.url, "tenants": [held.name], "types": ["user.deactivated"]}
        endpoint = await held.office.webhooks("POST", "", wanted)
        await decide(staff, held, "release")
        # Far sooner than the timer runs that goes through all tenants.
        async with asyncio.timeout(30):
            while len(set(receiver.ids)) < 4:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        await held.office.webhooks("DELETE", f"/{endpoint['id']}")
    gone = {each["resource"]["id"] for each in receiver.events}
    assert gone == {each["id"] for each in held.users[2:6]}


async def test_an_undo_enables_again_and_says_how_many(held: Tenant, staff: Visitor) -> None:
    await held.scim.request("DELETE", f"/Users/{held.users[5]['id']}")
    page = await decide(staff, held, "undo")
    assert "3 users are enabled again. Not enabled: 0 changed since, 1 deleted." in page
    active = [(await held.scim.user(each["id"]))["active"] for each in held.users[2:5]]
    assert active == [True, True, True]
    # Of who was deleted the product is told the disable and the deletion.
    told = "The product is told who is enabled again. 2 changes that were held are told"
    assert told in page
    after = await staff.page(held.page)
    assert "Within the last hour 6 of" in after
    assert "also those who were enabled again or put back since" in after
    assert "What was decided undone 6 of 8 active users were disabled or deleted; 4" in after


async def test_an_undo_of_disables_alone_says_nothing_of_other_changes(
    held: Tenant, staff: Visitor
) -> None:
    page = await decide(staff, held, "undo")
    assert "4 users are enabled again. The product is told who is enabled again." in page
    assert "changes that were held" not in page


async def test_of_two_who_decide_otherwise_the_second_is_told(held: Tenant) -> None:
    async with confirming(held, "undo") as (first, one), confirming(held, "release") as late:
        second, other = late
        assert (await send(first, held, one)).status_code == 303
        lost = await send(second, held, other)
        assert (lost.status_code, "Somebody else was quicker" in text_of(lost)) == (409, True)
        assert "What was decided undone" in text_of(lost)
    assert (await held.told())[3:] == 4 * ["user.activated"]


async def test_of_two_who_decide_the_same_the_second_is_told_who_was_first(held: Tenant) -> None:
    async with confirming(held, "release") as (first, one), confirming(held, "release") as late:
        second, other = late
        for member, form, somebody_else in ((first, one, False), (second, other, True)):
            done = await send(member, held, form)
            page = await member.page(done.headers["location"])
            assert "The removal is released 4 changes" in page
            assert (
                "Somebody else had decided the same before you: staff/" in page
            ) is somebody_else
    assert (await held.told())[3:] == 4 * ["user.deactivated"]


async def test_what_has_grown_since_it_was_read_is_asked_about_again(held: Tenant) -> None:
    async with confirming(held, "release") as (member, form):
        await held.disable(held.users[6])
        again = await send(member, held, form)
        assert (again.status_code, "More has been held since" in text_of(again)) == (409, True)
        assert "7 of 8 active users were disabled or deleted; 5 of them were held back." in text_of(
            again
        )
        assert (await held.told())[-1] == "guard.held"
        fresh = form_in(again.text, f"{held.page}/decide")
        assert (await send(member, held, fresh)).status_code == 303
    assert (await held.told())[3:] == 5 * ["user.deactivated"]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"hold": "0" * 32}, 404, "Nothing is held under this id"),
        ({"hold": "../x"}, 404, "Nothing is held under this id"),
        ({"decision": "forget"}, 400, "no form of the portal"),
        ({"decision": ""}, 400, "no form of the portal"),
        ({"csrf": ""}, 403, "cannot be taken"),
        ({"last": ""}, 409, "More has been held since"),
    ],
)
async def test_a_form_that_makes_no_sense_decides_nothing(
    held: Tenant, fields: dict[str, str], status: int, says: str
) -> None:
    async with confirming(held, "release") as (member, form):
        refused = await send(member, held, {**form, **fields})
        assert (refused.status_code, says in text_of(refused)) == (status, True), text_of(refused)
    assert (await held.told())[-1] == "guard.held"


# --- what it costs


async def test_the_page_costs_what_the_documentation_says(held: Tenant, staff: Visitor) -> None:
    shown = await staff.get(held.page)
    assert await held.office.calls_of(shown) == 5 + len(held.users[2:6])
    await decide(staff, held, "release")
    assert await held.office.calls_of(await staff.get(held.page)) == 5
