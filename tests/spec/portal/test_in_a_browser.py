"""The portal in a real browser: from a setup link to the first user, seen live, by keyboard alone,
in both languages and both colour schemes, from narrow to wide."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.async_api import Error, expect

from tests.support.fixtures.browser import running_browser, violations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page, Route

    from tests.support.fixtures.portal_visitor import Visitor
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


CONNECT = "Connect your identity provider"
WIDTHS = (360, 768, 1280)
PAGES = (
    "connect",
    "connect?provider=okta",
    "connect/mapping",
    "watch",
    "activity",
    "activity?who=nobody@contoso.test",
    "look-up?q=ana@contoso.test",
    "why",
    "why?q=ana@contoso.test",
    f"why?q={'W' * 200}",
)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as started:
        yield started


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the browser.

    Attributes:
        context: its cookies and settings.
        page: what it shows.
        problems: what the page has complained of, a refusal of its policy among it.
    """

    context: BrowserContext
    page: Page
    problems: list[str]


class NewWindow(Protocol):
    """Opens a window with the settings of a visitor."""

    async def __call__(self, **options: Any) -> Window: ...


@pytest.fixture
async def new_window(browser: Browser, running_service: RunningService) -> AsyncIterator[NewWindow]:
    opened: list[BrowserContext] = []

    async def new(**options: Any) -> Window:
        settings = {"timezone_id": "Europe/Paris", "locale": "en-GB", **options}
        context = await browser.new_context(base_url=running_service.base_url, **settings)
        context.set_default_timeout(10_000)
        opened.append(context)
        page = await context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        return Window(context, page, problems)

    yield new
    for context in opened:
        await context.close()


@pytest.fixture
async def desk(new_window: NewWindow) -> Window:
    return await new_window()


async def enter(page: Page, visitor: Visitor) -> None:
    _, link = await visitor.make_link()
    await page.goto(link)
    await page.get_by_role("button", name=re.compile("porta")).click()
    await page.wait_for_url("**/portal/connect")


async def test_from_the_link_to_the_first_user_seen_live(
    desk: Window, visitor: Visitor, scim: Scim
) -> None:
    page = desk.page
    await page.clock.install()
    _, link = await visitor.make_link()
    await page.goto(link)
    assert page.url.endswith("/portal/open"), "what opens the portal is out of the address"
    await page.get_by_role("button", name="Open the portal").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Connect your identity provider"
    )
    await expect(page.get_by_role("textbox", name="Tenant URL").first).to_have_value(
        scim.tenant_url
    )
    await page.get_by_role("button", name="Draw a token").click()
    token = await page.locator("#drawn-token").input_value()
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.get_by_text("Your identity provider will connect.")).to_be_visible()
    await page.get_by_role("link", name="Watch").click()
    await expect(page.get_by_text("Created the user")).to_have_count(0)
    await scim.http.post(
        f"{scim.tenant_url}/Users",
        headers={"Authorization": f"Bearer {token}"},
        json={"userName": "ana@contoso.test", "displayName": "Ana Ruiz"},
    )
    await page.clock.run_for(31_000)
    await expect(page.get_by_role("link", name="Ana Ruiz")).to_be_visible()
    assert desk.problems == []


async def test_a_page_that_nobody_looks_at_asks_for_nothing(desk: Window, visitor: Visitor) -> None:
    page = desk.page
    await page.clock.install()
    await enter(page, visitor)
    await page.goto("/portal/watch")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    await page.clock.run_for(120_000)
    assert [url for url in asked if url.endswith("/portal/watch/live")] == []


async def test_an_answer_that_comes_late_takes_the_focus_from_nobody(
    desk: Window, visitor: Visitor, scim: Scim
) -> None:
    await scim.create_user(displayName="Ana Ruiz")
    page = desk.page
    await page.clock.install()
    await enter(page, visitor)
    await page.goto("/portal/watch")
    ana = page.get_by_role("link", name="Ana Ruiz")

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        await ana.focus()
        await route.fulfill(response=response)

    await page.route("**/portal/watch/live", answer_late)
    async with page.expect_response("**/portal/watch/live"):
        await page.clock.run_for(31_000)
    # What comes over the network later is answered later: the part was replaced by then, or stays.
    await page.evaluate("fetch(location.href).then(answer => answer.text())")
    await expect(ana).to_be_focused()


async def test_everything_is_done_by_keyboard(desk: Window, visitor: Visitor) -> None:
    page = desk.page
    _, link = await visitor.make_link()
    await page.goto(link)
    await press_until(page, "Open the portal")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Connect your identity provider"
    )
    await page.keyboard.press("Tab")
    assert await focused(page) == "Go to the content"
    await press_until(page, "Draw a token")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    await press_until(page, "Watch")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("What provisioning does")


async def focused(page: Page) -> str:
    text: str = await page.evaluate("document.activeElement.textContent.trim()")
    return text


async def press_until(page: Page, text: str) -> None:
    """Press Tab until something with this text has the focus, which must be seen."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await focused(page) == text:
            width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert width == "3px"
            return
    raise AssertionError(f"{text!r} is not reached by keyboard")


async def test_copying_copies(desk: Window, visitor: Visitor, scim: Scim) -> None:
    await desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await enter(desk.page, visitor)
    await desk.page.get_by_role("button", name="Copy: Tenant URL").first.click()
    await expect(desk.page.get_by_text("Copied")).to_be_visible()
    assert await desk.page.evaluate("navigator.clipboard.readText()") == scim.tenant_url


async def test_the_ticket_of_an_answer_is_copied(desk: Window, visitor: Visitor) -> None:
    await desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = desk.page
    await enter(page, visitor)
    await page.get_by_role("link", name="Who is missing").click()
    await page.get_by_role("searchbox", name="User").fill("ana@contoso.test")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Copy: For a ticket").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Why is ana@contoso.test not there (tenant ")
    assert "\nWhat to do:\n" in copied
    assert desk.problems == []


async def test_a_new_token_is_where_the_eye_is_and_has_the_focus(
    new_window: NewWindow, visitor: Visitor
) -> None:
    page = (await new_window(viewport={"width": 360, "height": 640})).page
    await enter(page, visitor)
    await page.get_by_role("button", name="Draw a token").click()
    copy = page.get_by_role("button", name="Copy: Secret token")
    await expect(copy).to_be_focused()
    await expect(copy).to_be_in_viewport()
    await expect(page.locator("#drawn-token")).to_be_in_viewport()


async def test_a_double_click_draws_one_token_and_shows_it(desk: Window, visitor: Visitor) -> None:
    await enter(desk.page, visitor)
    tokens = desk.page.locator("#tokens tbody tr")
    before = await tokens.count()
    await desk.page.get_by_role("button", name="Draw a token").dblclick()
    await expect(desk.page.locator("#drawn-token")).to_be_visible()
    await expect(tokens).to_have_count(before + 1)
    assert desk.problems == []


async def test_whoever_goes_back_to_a_new_token_does_not_see_it_again(
    desk: Window, visitor: Visitor
) -> None:
    page = desk.page
    await enter(page, visitor)
    await page.get_by_role("button", name="Draw a token").click()
    await expect(page.locator("#drawn-token")).to_be_visible()
    drawn = await page.locator("#tokens tbody tr").count()
    await page.get_by_role("link", name="Watch").click()
    await page.wait_for_url("**/portal/watch")
    # The browser has kept no copy, and asks whether it is to send the form again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        await page.go_back()
    again = await desk.context.new_page()
    await again.goto("/portal/connect")
    await expect(again.locator("#drawn-token")).to_have_count(0)
    await expect(again.locator("#tokens tbody tr")).to_have_count(drawn)


async def test_times_are_shown_in_the_zone_of_the_visitor(
    new_window: NewWindow, visitor: Visitor, scim: Scim
) -> None:
    await scim.create_user(displayName="Ana Ruiz")
    shown = []
    for zone in ("Europe/Paris", "Asia/Tokyo"):
        opened = await new_window(timezone_id=zone)
        await enter(opened.page, visitor)
        await opened.page.goto("/portal/activity?kind=created")
        shown.append(await opened.page.locator("time").first.text_content())
    assert shown[0] != shown[1]


async def test_a_time_is_asked_for_in_the_zone_of_the_visitor(
    new_window: NewWindow, visitor: Visitor, scim: Scim
) -> None:
    ana = await scim.create_user(displayName="Ana Ruiz")
    sales = await scim.create_group("Sales", ana["id"])
    page = (await new_window(timezone_id="Asia/Tokyo")).page
    await enter(page, visitor)
    await page.goto(f"/portal/look-up/group/{sales['id']}/then")
    await expect(page.get_by_text("Times are in the zone Asia/Tokyo")).to_be_visible()
    await page.get_by_label("At", exact=True).fill("2026-03-01T08:30:15")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_label("At", exact=True)).to_have_value("2026-03-01T08:30:15")
    assert "at=2026-02-28T23%3A30%3A15.000Z" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_pages_are_accessible_and_fit(
    new_window: NewWindow, visitor: Visitor, scim: Scim, language: str, scheme: str
) -> None:
    user = await scim.create_user(displayName="W" * 200, title="<b>bold</b>")
    await scim.patched_user(user, {"op": "replace", "path": "active", "value": False})
    group = await scim.create_group("\N{HEBREW LETTER SHIN}" * 60, user["id"], "f" * 32)
    for name in ("W" * 200, "\N{HEBREW LETTER SHIN}" * 60):
        assert (await scim.post("/Users", {"userName": name, "active": "no"})).status_code == 400
    then = f"look-up/group/{group['id']}/then"
    late = "2099-12-31T00:00:00Z"
    times = (then, f"{then}?at={late}", f"{then}?at={now()}", f"{then}?at={now()}&until={now()}")
    page = (await new_window(locale=language, color_scheme=scheme)).page
    await page.goto("/portal/open")
    assert await violations(page) == []
    await enter(page, visitor)
    for path in (*PAGES, f"look-up/user/{user['id']}", *times, "no-such-page"):
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(f"/portal/{path}")
            overflow = await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow == 0, (path, width)
        assert await page.evaluate("document.documentElement.lang") == language
        assert await violations(page) == [], path


async def test_without_scripts_the_portal_works(
    new_window: NewWindow, visitor: Visitor, scim: Scim
) -> None:
    await scim.create_user(displayName="Ana Ruiz")
    opened = await new_window(java_script_enabled=False)
    _, link = await visitor.make_link()
    await opened.page.goto("/portal/open")
    await opened.page.get_by_label("Setup link").fill(link)
    await opened.page.get_by_role("button", name="Open the portal").click()
    await opened.page.get_by_role("link", name="Activity").click()
    await expect(opened.page.get_by_role("link", name="Ana Ruiz")).to_be_visible()
