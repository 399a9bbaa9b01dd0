"""The guard and webhooks in a real browser: by keyboard, in both languages and colour schemes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.spec.portal.test_guard import Tenant, hold_removals
from tests.spec.portal.test_webhooks import ALL, created, name_of, paused, put
from tests.support.fixtures.browser import running_browser, violations
from tests.support.fixtures.staff_link import make_staff_link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from tests.support.fixtures.office import Office

WIDTHS = (360, 1280)
LONG, RIGHT_TO_LEFT = "W" * 200, "\N{HEBREW LETTER SHIN}" * 60


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as started:
        yield started


@asynccontextmanager
async def window(browser: Browser, office: Office, **options: Any) -> AsyncIterator[Page]:
    """A page of a member of staff who has just come in, which complains of nothing."""
    settings: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Paris", **options}
    context = await browser.new_context(base_url=office.service.base_url, **settings)
    context.set_default_timeout(20_000)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    await page.goto("/portal/open")
    await page.locator("#link").fill(await make_staff_link(office.service))
    await page.locator("main button").click()
    await page.wait_for_url("**/portal/tenants")
    yield page
    assert problems == []
    await context.close()


async def names_of_every_kind(office: Office) -> Tenant:
    """A tenant at which users and groups are held whose names are long, and from right to left."""
    tenant = await hold_removals(office)
    odd = [
        await tenant.scim.create_user(f"{n}@x.test", active=True, displayName=name)
        for n, name in enumerate((LONG, RIGHT_TO_LEFT))
    ]
    members = [each["id"] for each in (*tenant.users, *odd)]
    for name in (LONG, RIGHT_TO_LEFT):
        group = await tenant.scim.create_group(name, *members)
        for each in members[:5]:
            removed = {"op": "remove", "path": f'members[value eq "{each}"]'}
            await tenant.scim.patch(f"/Groups/{group['id']}", removed)
    await tenant.disable(*tenant.users[:4], *odd)
    return tenant


async def test_a_removal_is_undone_by_keyboard(browser: Browser, office: Office) -> None:
    tenant = await hold_removals(office)
    await tenant.disable(*tenant.users[:6])
    async with window(browser, office) as page:
        await page.goto(f"/portal/tenants/{tenant.name}/watch")
        await page.get_by_role("link", name="See what is held").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="Undo it").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#confirm")).to_contain_text("4 of them were held back")
        await page.get_by_role("button", name="Undo the removal").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("4 users are enabled again")
        await expect(page.get_by_text("Nothing is held")).to_be_visible()


async def test_dead_deliveries_are_sent_again_by_keyboard(browser: Browser, office: Office) -> None:
    scim = office.new_tenant()
    endpoint = await paused(office, scim)
    await put(office, scim, endpoint, "dead", 2, answer="<b>no</b>", error="answered (500)")
    async with window(browser, office) as page:
        await page.goto(f"{ALL}/{endpoint}")
        await page.locator("summary").first.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("pre").first).to_have_text("<b>no</b>")
        await page.get_by_role("button", name="Send 2 dead deliveries again").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("2 deliveries are made again")
    await office.webhooks("DELETE", f"/{endpoint}")


async def test_without_scripts_both_work_too(browser: Browser, office: Office) -> None:
    tenant = await hold_removals(office)
    await tenant.disable(*tenant.users[:6])
    endpoint = (await created(office, tenants=[tenant.name]))["id"]
    async with window(browser, office, java_script_enabled=False) as page:
        await page.goto(f"/portal/tenants/{tenant.name}/guard")
        await page.get_by_role("link", name="Release it").click()
        await page.get_by_role("button", name="Tell the product").click()
        await expect(page.get_by_role("status")).to_contain_text("4 changes")
        await page.goto(f"{ALL}/{endpoint}")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("status")).to_contain_text("paused")
    await office.webhooks("DELETE", f"/{endpoint}")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
async def test_the_pages_are_accessible_and_fit(
    browser: Browser, office: Office, language: str, scheme: str
) -> None:
    tenant = await names_of_every_kind(office)
    endpoint = await paused(office, tenant.scim, f"https://hooks.example.com/{'long' * 60}")
    answer = {"answer": f"{LONG}\n{RIGHT_TO_LEFT}", "error": "answered (500)"}
    for state in ("dead", "delivered", "pending"):
        await put(office, tenant.scim, endpoint, state, 2, **answer)
    guard = f"/portal/tenants/{tenant.name}/guard"
    paths = (
        *(guard, f"{guard}?decide=undo", f"/portal/tenants/{tenant.name}/watch"),
        *(f"/portal/tenants?fresh=1&q={tenant.name}", ALL, f"{ALL}/{endpoint}"),
        *(f"{ALL}/{endpoint}?done=paused", f"/portal/tenants/{name_of(office.new_tenant())}/guard"),
    )
    async with window(browser, office, locale=language, color_scheme=scheme) as page:
        for path in paths:
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                await page.goto(path)
                overflow = await page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert overflow == 0, (path, width)
            assert await page.evaluate("document.documentElement.lang") == language
            assert await violations(page) == [], path
    await office.webhooks("DELETE", f"/{endpoint}")
