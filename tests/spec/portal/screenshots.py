"""Makes the pictures of docs/portal.md: `make screenshots`.

They show the service itself, with a directory that is made up, in a browser of this machine.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from playwright.async_api import async_playwright

from local import service
from shared.store.webhook_checkpoints import Checkpoint, WebhookCheckpoints
from shared.store.webhook_deliveries import Delivery
from shared.tables.request_context import RequestContext
from shared.webhooks.positions import position_at, write_position
from tests.support.fixtures.api_client import KEYS, settings_of_keys
from tests.support.fixtures.browser import find_browser
from tests.support.fixtures.staff_link import make_staff_link, open_store_of

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from local.service import Service
    from shared.store.webhook_deliveries import DeliveryState

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "docs" / "images"
TENANT = "contoso"
GUARDED = "northwind"
OTHERS = ("adventure-works", "fabrikam", "northwind")
TOKEN = "a-token-that-no-picture-shows"
PEOPLE = ("Ana Ruiz", "Bo Lind", "Cy Wood", "Dao Nguyen", "Eva Kral", "Finn Berg", "Gia Rossi")
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PICTURES: tuple[tuple[str, str, int, int, dict[str, Any]], ...] = (
    ("portal-connect", "/portal/connect", 1280, 900, {}),
    ("portal-mapping", "/portal/connect/mapping", 1280, 900, {}),
    ("portal-watch", "/portal/watch", 1280, 900, {}),
    ("portal-why", "/portal/why?q=hal@contoso.test", 1280, 1000, {}),
    (
        "portal-then",
        "/portal/look-up/group/{group}/then?at={at}&until={until}",
        1280,
        820,
        {},
    ),
    ("portal-activity-dark", "/portal/activity", 1280, 900, {"color_scheme": "dark"}),
    ("portal-watch-narrow-fr", "/portal/watch", 360, 780, {"locale": "fr"}),
)
"""The name of each picture, its page, its size, and how its visitor differs."""

PICTURES_OF_STAFF: tuple[tuple[str, str, int, int, dict[str, Any]], ...] = (
    ("portal-tenants", "/portal/tenants", 1280, 760, {}),
    ("portal-roles", f"/portal/tenants/{TENANT}/roles", 1280, 1000, {}),
    ("portal-guard", f"/portal/tenants/{GUARDED}/guard?decide=undo", 1280, 1000, {}),
    ("portal-webhook", "/portal/webhooks/{endpoint}", 1280, 1200, {}),
)
"""The same, of the pages that the vendor's staff see."""


async def fill(http: httpx.AsyncClient) -> dict[str, str]:
    """Provision some people and a group; its id, and a time at which others were in it."""
    root, headers = f"/tenants/{TENANT}/scim/v2", {"Authorization": f"Bearer {TOKEN}"}
    ids = []
    for name in PEOPLE:
        body = {"userName": f"{name.split()[0].lower()}@contoso.test", "displayName": name}
        body |= {"externalId": f"e-{name.split()[0].lower()}", "costCentre": "7"}
        ids.append((await http.post(f"{root}/Users", headers=headers, json=body)).json()["id"])
    members = [{"value": each} for each in ids[:3]]
    group = {"displayName": "Sales", "members": members}
    sales = (await http.post(f"{root}/Groups", headers=headers, json=group)).json()["id"]
    early = now()
    for each, path, value in ((ids[1], "title", "Head of Sales"), (ids[2], "active", False)):
        change = {"op": "replace", "path": path, "value": value}
        await http.patch(
            f"{root}/Users/{each}",
            headers=headers,
            json={"schemas": [PATCH_OP], "Operations": [change]},
        )
    await exchange(http, f"{root}/Groups/{sales}", headers, ids)
    await refuse(http, root, headers)
    return {"group": sales, "at": early}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def exchange(
    http: httpx.AsyncClient, group: str, headers: dict[str, str], ids: list[str]
) -> None:
    """Have members leave a group and others join it."""
    operations = [
        {"op": "remove", "path": f'members[value eq "{ids[0]}"]'},
        {"op": "add", "path": "members", "value": [{"value": each} for each in ids[3:5]]},
    ]
    await http.patch(group, headers=headers, json={"schemas": [PATCH_OP], "Operations": operations})


async def refuse(http: httpx.AsyncClient, root: str, headers: dict[str, str]) -> None:
    """Have the kinds of requests refused and skipped that an administrator meets most."""
    sent = {**headers, "client-request-id": "7e0c5a52-6f0a-4a0e-9d53-2f1c6b7d1a11"}
    for body in (
        {"userName": "hal@contoso.test", "externalId": "e-hal", "active": "perhaps"},
        {"userName": "ana@contoso.test", "displayName": "Ana Ruiz"},
    ):
        await http.post(f"{root}/Users", headers=sent, json={**body, "extension7": "x"})
    stranger = {"displayName": "Support", "members": [{"value": "f" * 32}]}
    await http.post(f"{root}/Groups", headers=headers, json=stranger)


async def until_told(http: httpx.AsyncClient, session: dict[str, Any]) -> None:
    """Wait until the log and the record of attributes have what was sent."""
    cookies = {each["name"]: each["value"] for each in session["cookies"]}
    wanted = (("activity?outcome=refused", "hal@"), ("connect/mapping", "<code>userName"))
    async with asyncio.timeout(30):
        for path, text in wanted:
            while text not in (await http.get(f"/portal/{path}", cookies=cookies)).text:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)


async def fill_for_staff(http: httpx.AsyncClient) -> None:
    """Refuse something at one tenant, be in contact with another, and give groups roles."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    await http.post("/tenants/fabrikam/scim/v2/Users", headers=headers, json={"active": "x"})
    await http.get("/tenants/northwind/scim/v2/Users?count=1", headers=headers)
    roles = (("Sales", "member", 20), ("Platform team", "admin", 10))
    entries = [
        {"group": {"displayName": group}, "role": role, "priority": priority}
        for group, role, priority in roles
    ]
    manager = {"Authorization": f"Bearer {KEYS['events']}"}
    await http.patch(f"/api/v1/tenants/{TENANT}", headers=manager, json={"roleMap": entries})


async def hold_removals(http: httpx.AsyncClient) -> None:
    """Disable most users of a tenant whose guard holds such removals, and have the product look."""
    root, headers = f"/tenants/{GUARDED}/scim/v2", {"Authorization": f"Bearer {TOKEN}"}
    manager = {"Authorization": f"Bearer {KEYS['events']}"}
    rule = {"users": 2, "percent": 10, "hold": True, "releaseAfterHours": 24}
    await http.patch(f"/api/v1/tenants/{GUARDED}", headers=manager, json={"guard": rule})
    ids = []
    for name in PEOPLE:
        body = {"userName": f"{name.split()[0].lower()}@northwind.test", "displayName": name}
        made = await http.post(f"{root}/Users", headers=headers, json={**body, "active": True})
        ids.append(made.json()["id"])
    off = {"op": "replace", "path": "active", "value": False}
    for each in ids[:6]:
        body_of_patch = {"schemas": [PATCH_OP], "Operations": [off]}
        await http.patch(f"{root}/Users/{each}", headers=headers, json=body_of_patch)
    await http.get(f"/api/v1/tenants/{GUARDED}/events", headers=manager)


async def send_webhooks(http: httpx.AsyncClient, running: Service) -> str:
    """Have an endpoint at which deliveries were made, wait and are dead; its id."""
    manager = {"Authorization": f"Bearer {KEYS['events']}"}
    wanted = {"url": "https://hooks.contoso.example/scim", "tenants": [TENANT], "state": "paused"}
    wanted |= {"description": "Contoso Rooms, accounts"}
    made = await http.post("/api/v1/webhooks", headers=manager, json=wanted)
    endpoint: str = made.json()["id"]
    now_ms = int(datetime.now(UTC).timestamp() * 1_000)
    error = {"status": 503, "error": "answered (503)", "answer": "Service Unavailable"}
    told: tuple[tuple[DeliveryState, str, dict[str, Any]], ...] = (
        (
            "pending",
            "user.deactivated",
            {**error, "attempts": 2, "next_attempt": now_ms + 1_500_000},
        ),
        ("delivered", "user.updated", {"status": 204, "attempts": 1}),
        ("delivered", "group.members_changed", {"status": 204, "attempts": 2}),
        ("dead", "user.created", {**error, "attempts": 10}),
        ("dead", "group.created", {**error, "attempts": 10}),
    )
    rows = [
        Delivery(
            id=f"{now_ms - number * 60_000:012x}{secrets.token_hex(10)}",
            endpoint=endpoint,
            tenant=TENANT,
            type=type_,
            state=state,
            last_attempt=now_ms - number * 60_000,
            latency_ms=84 + 211 * number,
            **values,
        )
        for number, (state, type_, values) in enumerate(told)
    ]
    checkpoint = Checkpoint(
        write_position(position_at(now_ms)), pending=1, failures=2, failing_since=now_ms - 300_000
    )
    async with open_store_of(running) as store:
        context = RequestContext(TENANT, "of-a-picture", "test", time.monotonic() + 60)
        operations = [each.insertion() for each in rows]
        await WebhookCheckpoints(store.table).write(context, endpoint, checkpoint, operations)
    return endpoint


async def enter_as_staff(browser: Browser, running: Service) -> Any:
    """Open a one-time link of staff; the session, as a browser keeps it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(await make_staff_link(running))
    await page.get_by_role("button", name="Open the portal").click()
    await page.wait_for_url("**/portal/tenants")
    return await context.storage_state()


async def enter(browser: Browser, http: httpx.AsyncClient) -> Any:
    """Open a setup link; the session, as a browser keeps it."""
    made = await http.post(
        f"/api/v1/tenants/{TENANT}/setup-links",
        headers={"Authorization": f"Bearer {KEYS['events']}"},
        json={},
    )
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(made.json()["url"])
    await page.get_by_role("button", name="Open the portal").click()
    await page.wait_for_url("**/portal/connect")
    return await context.storage_state()


async def main() -> None:
    """Make all pictures."""
    path = find_browser()
    if path is None:
        sys.exit("error: no browser: install chromium, or name one by SCIM_BROWSER")
    IMAGES.mkdir(exist_ok=True)
    tenants = (TENANT, *OTHERS)
    tokens = {f"SCIM_SECRET_TOKEN__{each.upper().replace('-', '_')}": TOKEN for each in tenants}
    environ = {**tokens, **settings_of_keys([*tenants])}
    async with (
        service.running(environ=environ) as running,
        httpx.AsyncClient(base_url=running.base_url, timeout=60, trust_env=False) as http,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        session = await enter(browser, http)
        filled = await fill(http)
        await fill_for_staff(http)
        await hold_removals(http)
        filled["endpoint"] = await send_webhooks(http, running)
        await until_told(http, session)
        filled["until"] = now()
        staff = await enter_as_staff(browser, running)
        for state, pictures in ((session, PICTURES), (staff, PICTURES_OF_STAFF)):
            for name, page_path, width, height, visitor in pictures:
                context = await browser.new_context(
                    base_url=running.base_url,
                    storage_state=state,
                    viewport={"width": width, "height": height},
                    **{"locale": "en-GB", "timezone_id": "Europe/Paris", **visitor},
                )
                page = await context.new_page()
                await page.goto(page_path.format(**filled))
                await page.screenshot(path=IMAGES / f"{name}.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
