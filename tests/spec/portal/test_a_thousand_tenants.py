"""All tenants where there are a thousand: bounded in calls, truthful about what was read."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from playwright.async_api import expect

from local import service
from portal.overview import MOST_READ
from portal.overview_pages import TENANTS_ON_A_PAGE
from tests.support.fixtures.browser import running_browser, violations
from tests.support.fixtures.portal_visitor import Visitor, text_of
from tests.support.fixtures.staff_link import make_staff_link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.service import Service

TENANTS = [f"tenant{number:04}" for number in range(1_000)]
OPEN = len(TENANTS) + 1
"""With the tenant that a machine of a developer always has."""

LAST = TENANTS[-1]
TOKEN = "a-token-of-a-thousand-tenants"
ALL = "/portal/tenants"
MOST_BYTES = 50_000


@asynccontextmanager
async def thousand() -> AsyncIterator[Service]:
    """The service with a thousand tenants; of the last one by name a request was refused."""
    environ = {f"SCIM_SECRET_TOKEN__{name.upper()}": TOKEN for name in TENANTS}
    async with (
        service.running(environ=environ) as running,
        httpx.AsyncClient(base_url=running.base_url, timeout=60, trust_env=False) as http,
    ):
        root, headers = f"/tenants/{LAST}/scim/v2", {"Authorization": f"Bearer {TOKEN}"}
        refused = await http.post(f"{root}/Users", headers=headers, json={"active": "x"})
        assert refused.status_code == 400
        yield running


@asynccontextmanager
async def staff_of(running: Service) -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(base_url=running.base_url, timeout=60, trust_env=False) as http:
        await http.post("/portal/open", data={"link": await make_staff_link(running)})
        yield Visitor(http, "")


async def calls_of(running: Service, response: httpx.Response) -> int:
    """How many calls of the storage the log tells of a response."""
    mark = f'"request": "{response.headers["request-id"]}"'
    async with asyncio.timeout(10):
        while not (lines := [each for each in running.output if mark in each]):  # noqa: ASYNC110 - a pipe
            await asyncio.sleep(0.01)
    return int(lines[0].partition('"calls": ')[2].partition(",")[0].rstrip("}"))


def tenants_in(response: httpx.Response) -> list[str]:
    return re.findall(r'<th scope="row">.*?<bdi>([a-z0-9]+)</bdi>', response.text)


async def test_each_view_reads_some_tenants_until_all_are_read() -> None:
    async with thousand() as running, staff_of(running) as member:
        views = 0
        while "have been read so far" in text_of(shown := await member.get(ALL)):
            views += 1
            read = min(views * MOST_READ, OPEN)
            assert f"{read:,} of {OPEN:,} open tenants have been read so far" in text_of(shown)
            assert "No tenant needs attention" not in text_of(shown)
            assert "needs attention and stands first" not in text_of(shown)
            assert len(tenants_in(shown)) == TENANTS_ON_A_PAGE
            assert await calls_of(running, shown) == 2 * MOST_READ + TENANTS_ON_A_PAGE
            assert len(shown.content) < MOST_BYTES
        assert views == OPEN // MOST_READ
        assert "1 tenant needs attention and stands first" in text_of(shown)
        assert tenants_in(shown)[0] == LAST
        again = await member.get(f"{ALL}?page=41")
        assert await calls_of(running, again) == 1, "one tenant is on the last page"
        assert await calls_of(running, await member.get(ALL)) == TENANTS_ON_A_PAGE


async def test_the_list_reads_on_by_itself_while_it_is_looked_at() -> None:
    async with thousand() as running, running_browser() as browser:
        context = await browser.new_context(base_url=running.base_url, locale="en-GB")
        context.set_default_timeout(30_000)
        page = await context.new_page()
        await page.clock.install()
        await page.goto(await make_staff_link(running))
        await page.locator("main button").click()
        rows = page.locator("tbody tr")
        await expect(page.locator(".note.waiting")).to_contain_text("100 of 1,001 open tenants")
        assert await violations(page) == []
        for read in range(2 * MOST_READ, OPEN, MOST_READ):
            await page.clock.run_for(3_000)
            await expect(page.locator(".note.waiting")).to_contain_text(f"{read:,} of 1,001")
        await page.clock.run_for(3_000)
        await expect(rows.first).to_contain_text(LAST)
        await expect(page.locator(".note.waiting")).to_have_count(0)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.run_for(600_000)
        assert asked == []
        await context.close()
