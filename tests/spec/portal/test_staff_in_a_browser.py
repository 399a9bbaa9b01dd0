"""The pages of staff in a real browser, in a colour and under a name of the settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect

from local import service
from tests.support.fixtures.api_client import KEYS, settings_of_keys
from tests.support.fixtures.browser import running_browser, violations
from tests.support.fixtures.portal_visitor import hold_page, text_of
from tests.support.fixtures.staff import SIGNED_IN
from tests.support.fixtures.staff_link import make_staff_link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from local.service import Service

TENANTS = ("acme", "contoso", "initech")
TOKEN = "a-token-of-tenants-that-staff-look-at"
LONG, RIGHT_TO_LEFT = "W" * 200, "\N{HEBREW LETTER SHIN}" * 60
APPEARANCE = {"SCIM_PORTAL_PRODUCT": "Contoso Rooms", "SCIM_PORTAL_COLOUR": "#ffd400"}
ALL = "/portal/tenants"
ACME = f"{ALL}/acme"
PAGES = (
    ALL,
    f"{ALL}?q=nobody",
    f"{ACME}/connect",
    f"{ACME}/watch",
    f"{ACME}/roles",
    f"{ACME}/setup-links",
)
WIDTHS = (360, 1280)


@pytest.fixture(scope="module")
async def staffed() -> AsyncIterator[Service]:
    """The service of a developer's machine, with three tenants, refusals in one, and roles."""
    tokens = {f"SCIM_SECRET_TOKEN__{name.upper()}": TOKEN for name in TENANTS}
    environ = {**tokens, **settings_of_keys(list(TENANTS)), **APPEARANCE}
    async with (
        service.running(environ=environ) as running,
        httpx.AsyncClient(base_url=running.base_url, timeout=60, trust_env=False) as http,
    ):
        await fill(http)
        yield running


async def fill(http: httpx.AsyncClient) -> None:
    root, headers = "/tenants/acme/scim/v2", {"Authorization": f"Bearer {TOKEN}"}
    user = await http.post(f"{root}/Users", headers=headers, json={"userName": "ana@acme.test"})
    members = [{"value": user.json()["id"]}]
    for name in (LONG, RIGHT_TO_LEFT):
        group = {"displayName": name, "members": members}
        await http.post(f"{root}/Groups", headers=headers, json=group)
    await http.post("/tenants/initech/scim/v2/Users", headers=headers, json={"active": "x"})
    entries = [
        {"group": {"displayName": name}, "role": "admin", "priority": 10}
        for name in (LONG, RIGHT_TO_LEFT, "Nobody yet")
    ]
    manager = {"Authorization": f"Bearer {KEYS['events']}"}
    done = await http.patch("/api/v1/tenants/acme", headers=manager, json={"roleMap": entries})
    assert done.status_code == 200, done.text


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as started:
        yield started


async def window(browser: Browser, staffed: Service, **options: Any) -> Page:
    """A page of a member of staff who has just come in."""
    settings: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Paris", **options}
    context = await browser.new_context(base_url=staffed.base_url, **settings)
    context.set_default_timeout(20_000)
    page = await context.new_page()
    await page.goto(await make_staff_link(staffed))
    await page.locator("main button").click()
    await page.wait_for_url(f"**{ALL}")
    return page


async def test_staff_go_from_all_tenants_to_a_link_for_one(
    browser: Browser, staffed: Service
) -> None:
    page = await window(browser, staffed)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    rows = page.locator("tbody tr")
    await expect(rows.first).to_contain_text("initech")
    await expect(rows.first).to_contain_text("refusals")
    await page.get_by_role("link", name="acme").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Connect your identity provider"
    )
    await page.get_by_role("link", name="Setup links").click()
    await page.get_by_role("button", name="Make the link").click()
    link = await page.get_by_role("textbox", name="Setup link").input_value()
    assert link.startswith(f"{staffed.base_url}/portal/open#acme.")
    await page.get_by_role("link", name="All tenants").click()
    await expect(rows).to_have_count(len(TENANTS) + 1)
    assert problems == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("seen by the staff")


async def test_roles_are_edited_by_keyboard(browser: Browser, staffed: Service) -> None:
    page = await window(browser, staffed)
    await page.goto(f"{ACME}/roles")
    await page.get_by_label("Group", exact=True).first.focus()
    await page.keyboard.type("Reviewers")
    await page.keyboard.press("Tab")
    await page.keyboard.type("reviewer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Saved")
    entry = page.locator("li.entry", has_text="Reviewers")
    await entry.locator("summary").focus()
    await page.keyboard.press("Enter")
    await entry.get_by_role("button", name="Remove").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Reviewers")).to_have_count(0)


async def test_without_scripts_staff_work_too(browser: Browser, staffed: Service) -> None:
    context = await browser.new_context(base_url=staffed.base_url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{staffed.base_url}/portal/open")
    await page.locator("#link").fill(await make_staff_link(staffed))
    await page.locator("main button").click()
    await page.goto(f"{ACME}/roles?who=ana@acme.test")
    await expect(page.locator("#preview")).to_contain_text("admin")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
async def test_pages_of_staff_are_accessible_and_fit(
    browser: Browser, staffed: Service, language: str, scheme: str
) -> None:
    page = await window(browser, staffed, locale=language, color_scheme=scheme)
    for path in PAGES:
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(path)
            overflow = await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow == 0, (path, width)
        assert await page.evaluate("document.documentElement.lang") == language
        assert "Contoso Rooms" in await page.title()
        assert await violations(page) == [], path


async def test_a_link_of_staff_opens_once_and_ends_with_the_sign_out(staffed: Service) -> None:
    link = await make_staff_link(staffed)
    async with httpx.AsyncClient(base_url=staffed.base_url, trust_env=False) as http:
        opened = await http.post("/portal/open", data={"link": link})
        assert (opened.status_code, opened.headers["location"]) == (303, ALL)
        assert "SameSite=Strict" in opened.headers["set-cookie"]
        assert (await http.get(ALL)).status_code == 200
        again = await http.post("/portal/open", data={"link": link})
        assert again.status_code == 410


async def test_headers_of_the_platform_are_nothing_on_this_machine(staffed: Service) -> None:
    async with httpx.AsyncClient(base_url=staffed.base_url, trust_env=False) as http:
        for path in (ALL, f"{ACME}/watch"):
            refused = await http.get(path, headers=SIGNED_IN)
            hold_page(refused)
            assert refused.status_code == 401
            assert "tools.admin link new --staff" in text_of(refused)


async def test_a_page_of_staff_costs_what_the_documentation_says(staffed: Service) -> None:
    link = await make_staff_link(staffed)
    async with httpx.AsyncClient(base_url=staffed.base_url, trust_env=False) as http:
        await http.post("/portal/open", data={"link": link})
        tenants = len(TENANTS) + 1
        for path, calls in ((f"{ALL}?fresh=1", 3 * tenants), (ALL, tenants)):
            shown = await http.get(path)
            assert await calls_of(staffed, shown) == calls, path


async def calls_of(staffed: Service, response: httpx.Response) -> int:
    """How many calls of the storage the log tells of a response."""
    mark = f'"request": "{response.headers["request-id"]}"'
    async with asyncio.timeout(10):
        while not (lines := [each for each in staffed.output if mark in each]):  # noqa: ASYNC110 - a pipe
            await asyncio.sleep(0.01)
    return int(lines[0].partition('"calls": ')[2].partition(",")[0].rstrip("}"))
