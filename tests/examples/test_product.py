"""The example product: who is let in, for how long, and how the identity provider ends it."""

import asyncio
import re
from datetime import UTC, datetime

import httpx
import pytest

from product.database import Database
from product.settings import Settings
from scim_on_functions import (
    Access,
    AsyncClient,
    AsyncFeed,
    Event,
    MemoryReplica,
    Records,
    UserRecord,
)
from tests.clients.python.test_synchronisation import change
from tests.examples.conftest import Serve
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Resource, Scim
from tests.support.fixtures.service import RunningService
from tests.support.role_map import entry, set_role_map, tell_role_changes

ANA = "ana@contoso.test"
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


async def sign_in(browser: httpx.AsyncClient, name: str) -> httpx.Response:
    """Fills in the form of the page."""
    token = _TOKEN.search((await browser.get("/sign-in")).text)
    assert token is not None
    return await browser.post("/sign-in", data={"csrf": token[1], "name": name})


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/session")).status_code == 204


async def hold_ended(browser: httpx.AsyncClient) -> None:
    """The session ends without anybody asking for it."""
    async with asyncio.timeout(30):
        while await is_signed_in(browser):  # noqa: ASYNC110 - a browser that looks again
            await asyncio.sleep(0.05)
    answer = await browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def active(*, value: bool) -> Resource:
    return {"op": "replace", "path": "active", "value": value}


async def test_whom_the_identity_provider_has_provisioned_signs_in(
    scim: Scim, browser: httpx.AsyncClient
) -> None:
    await scim.create_user(ANA, active=True)
    answer = await sign_in(browser, "ANA@contoso.test")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    page = await browser.get("/")
    assert page.status_code == 200
    assert ANA in page.text.lower()
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_nobody_else_does_and_nobody_is_created_by_it(
    scim: Scim, browser: httpx.AsyncClient
) -> None:
    await scim.create_user(ANA, active=False)
    async with scim.unchanged():
        for name, why in ((ANA, "disabled your account"), ("eve", "not given you access")):
            answer = await sign_in(browser, name)
            assert answer.status_code == 403
            assert why in answer.text
    assert not await is_signed_in(browser)


async def test_an_outage_lets_nobody_in(cut_off: httpx.AsyncClient) -> None:
    answer = await sign_in(cut_off, ANA)
    assert answer.status_code == 503
    assert not await is_signed_in(cut_off)


async def test_a_session_ends_when_its_user_is_disabled(
    scim: Scim, browser: httpx.AsyncClient
) -> None:
    ana = await scim.create_user(ANA, active=True)
    await sign_in(browser, ANA)
    assert await is_signed_in(browser)
    await scim.patch(f"/Users/{ana['id']}", active(value=False))
    await hold_ended(browser)
    assert (await sign_in(browser, ANA)).status_code == 403


async def test_a_session_ends_when_its_user_is_deleted(
    scim: Scim, browser: httpx.AsyncClient
) -> None:
    ana = await scim.create_user(ANA, active=True)
    await sign_in(browser, ANA)
    await scim.delete(f"/Users/{ana['id']}")
    await hold_ended(browser)


def members(operation: str, user: Resource) -> Resource:
    return {"op": operation, "path": "members", "value": [{"value": user["id"]}]}


async def hold_admin(browser: httpx.AsyncClient, *, wanted: bool) -> None:
    """Somebody who stays signed in comes to see the page of administrators, or no longer does."""
    status = 200 if wanted else 403
    async with asyncio.timeout(30):
        while (await browser.get("/admin")).status_code != status:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    page = (await browser.get("/")).text
    assert ('<span class="chip">admin</span>' in page) is wanted


async def test_a_role_comes_and_goes_with_a_group_of_the_role_map(
    running_service: RunningService, scim: Scim, browser: httpx.AsyncClient
) -> None:
    ana, admins = await scim.create_user(ANA, active=True), await scim.create_group("Admins")
    await set_role_map(running_service, scim, entry("admin", 1, displayName="Admins"))
    await sign_in(browser, ANA)
    await hold_admin(browser, wanted=False)
    await scim.patch(f"/Groups/{admins['id']}", members("add", ana))
    await hold_admin(browser, wanted=True)
    await scim.patch(f"/Groups/{admins['id']}", members("remove", ana))
    await hold_admin(browser, wanted=False)


async def test_a_role_comes_and_goes_with_the_role_map(
    running_service: RunningService, scim: Scim, browser: httpx.AsyncClient
) -> None:
    ana = await scim.create_user(ANA, active=True)
    await scim.create_group("Sales", ana["id"])
    await sign_in(browser, ANA)
    await hold_admin(browser, wanted=False)
    await set_role_map(running_service, scim, entry("admin", 1, displayName="Sales"))
    await tell_role_changes(running_service, scim)
    await hold_admin(browser, wanted=True)
    await set_role_map(running_service, scim)
    await tell_role_changes(running_service, scim)
    await hold_admin(browser, wanted=False)


def test_a_record_that_is_older_than_a_session_takes_no_role_from_it() -> None:
    database = Database("sqlite://")
    token = database.begin_session(Access("allow", "active", "0" * 32, 5, roles=("admin",)), ANA)
    for version, roles in ((4, ("admin",)), (5, ())):
        document = {"userName": ANA, "active": True}
        database.save(Records([UserRecord("0" * 32, version, document)]))
        session = database.session(token)
        assert session is not None
        assert session.roles == roles
    database.close()


async def test_what_happens_while_the_product_is_down_ends_sessions_when_it_is_back(
    scim: Scim, serve: Serve, product_settings: Settings
) -> None:
    ana = await scim.create_user(ANA, active=True)
    async with serve(product_settings) as browser:
        await sign_in(browser, ANA)
        cookies = browser.cookies
    await scim.patch(f"/Users/{ana['id']}", active(value=False))
    await scim.patch(f"/Users/{ana['id']}", active(value=True))
    async with serve(product_settings) as browser:
        browser.cookies = cookies
        await hold_ended(browser)
        assert (await sign_in(browser, ANA)).status_code == 303  # she may come in again


async def test_a_form_of_somebody_else_is_refused(scim: Scim, browser: httpx.AsyncClient) -> None:
    await scim.create_user(ANA, active=True)
    for token in ("", "forged"):
        answer = await browser.post("/sign-in", data={"csrf": token, "name": ANA})
        assert answer.status_code == 403
    await sign_in(browser, ANA)
    assert (await browser.post("/sign-out", data={"csrf": "forged"})).status_code == 403
    assert await is_signed_in(browser)


async def test_signing_out_ends_the_session(scim: Scim, browser: httpx.AsyncClient) -> None:
    await scim.create_user(ANA, active=True)
    await sign_in(browser, ANA)
    token = _TOKEN.search((await browser.get("/")).text)
    assert token is not None
    session = browser.cookies["session"]
    await browser.post("/sign-out", data={"csrf": token[1]})
    browser.cookies.set("session", session, domain="product.test")
    assert not await is_signed_in(browser)


@pytest.mark.parametrize(("roles", "status"), [(("admin",), 200), (("reader",), 403), ((), 403)])
async def test_a_page_for_a_role_asks_for_the_role(
    product_settings: Settings, browser: httpx.AsyncClient, roles: tuple[str, ...], status: int
) -> None:
    database = Database(product_settings.database_url)
    access = Access("allow", "active", "0" * 32, 1, roles=roles)
    token = database.begin_session(access, ANA)
    database.close()
    browser.cookies.set("session", token)
    assert (await browser.get("/admin")).status_code == status


def event(kind: str, version: int) -> Event:
    return Event(f"{version}", kind, datetime.now(UTC), "User", "0" * 32, version)


@pytest.mark.parametrize("kind", ["user.deactivated", "user.deleted"])
def test_an_event_ends_what_was_begun_before_it_and_nothing_later(kind: str) -> None:
    database = Database("sqlite://")
    token = database.begin_session(Access("allow", "active", "0" * 32, 5), ANA)
    database.end_sessions([event(kind, 4), event("user.updated", 7)])
    assert database.session(token) is not None
    database.end_sessions([event(kind, 6)])
    assert database.session(token) is None
    database.close()


async def test_the_database_holds_the_copy_that_the_library_means(
    scim: Scim, product_settings: Settings
) -> None:
    database, replica = Database(product_settings.database_url), MemoryReplica()
    async with AsyncClient(product_settings.service_url, KEYS["product"]) as client:
        tenant = client.tenant(product_settings.tenant)
        await change(scim)
        for each in (database, replica):
            await AsyncFeed(tenant, _Nowhere(), replica=each).poll()
    ids = database.ids()
    assert ids == replica.ids()
    mine = database.load(ids.users, ids.groups)
    theirs = replica.load(ids.users, ids.groups)
    assert {each.id: each for each in mine.users} == {each.id: each for each in theirs.users}
    assert {each.id: each for each in mine.groups} == {each.id: each for each in theirs.groups}
    assert {*mine.memberships} == {*theirs.memberships}
    people = {each.name: (each.is_active, each.groups) for each in database.people()}
    assert people == {"ana": (True, ()), "ben": (False, ("Sales",))}
    database.close()


class _Nowhere:
    def load(self) -> None:
        return None

    def save(self, cursor: str) -> None:
        pass
