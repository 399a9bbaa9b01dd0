"""How fast the feed of events is read, and how soon it tells: `python -m benchmarks.feed`.

One instance, the app under the stand-in for the host, on Azurite; a client reads a history of
100,000 change rows from the beginning, as a product that begins does, and reads every page as JSON.
Then it waits for events, while an attribute of a user is changed again and again: what is measured
is the time from the answer to the identity provider until the event is with the product.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import aiohttp
import typer

from benchmarks.driven import cpu_of
from benchmarks.figures import table, written
from benchmarks.services import host
from benchmarks.tables import NAME
from local import azurite
from shared.store import layout
from shared.store.changes import Change
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from shared.tenants import DEFAULT
from tests.support.seeds import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.azurite import Azurite

ROWS, ROUNDS, WAITS = 100_000, 3, 25
EVENTS_OF_A_PAGE = 1_000
_APART = 60
"""Milliseconds between two changes."""
_SEED_SECONDS = 3_600.0
_LOG_SECONDS = 10.0
_SCIM = {"Content-Type": "application/scim+json"}
_MARKS = re.compile(r"(?<=<!-- feed -->\n).*?(?=<!-- /feed -->)", re.DOTALL)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Walk:
    """What it took to read the feed from the beginning to the end.

    Attributes:
        events: that were told.
        pages: requests.
        calls: to the storage.
        seconds: from begin to end.
        cpu: seconds that the instance computed.
        storage_cpu: seconds that Azurite computed.
    """

    events: int
    pages: int
    calls: int
    seconds: float
    cpu: float
    storage_cpu: float


@app.command()
def main(
    rows: Annotated[int, typer.Option(min=100, help="Change rows that are read.")] = ROWS,
    rounds: Annotated[int, typer.Option(min=1, help="How often they are read.")] = ROUNDS,
    waits: Annotated[int, typer.Option(min=2, help="How many events are waited for.")] = WAITS,
    document: Annotated[
        str, typer.Option("--write", help="A document with a place for the tables.")
    ] = "",
) -> None:
    """Print tables in Markdown, or put them into a document."""
    told = asyncio.run(measured(rows, rounds, waits))
    if document:
        text = Path(document).read_text("utf-8")
        Path(document).write_text(_MARKS.sub(lambda _: f"\n{told}\n\n", text), "utf-8")
    else:
        print(told)


async def measured(rows: int, rounds: int, waits: int) -> str:
    """Read the feed, and wait for events; return the tables."""
    key = f"scimkey_feed_{secrets.token_hex(32)}"
    settings = {"SCIM_API_KEY__FEED": f"{key} scopes=events.read"}
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    async with azurite.running() as storage:
        await _seed(storage, rows)
        async with (
            host(storage, settings, lines) as running,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http,
        ):
            feed = f"{running.url}/api/v1/tenants/{DEFAULT}/events"
            await _read(http, feed, limit=1)  # which makes the app load
            await _calls(lines, requests=1)
            processes = (running.process, storage.process.pid)
            walks = [await _walked(http, feed, lines, processes) for _ in range(rounds)]
            provider = {**_SCIM, "Authorization": f"Bearer {running.token}"}
            delays = await _delays(http, feed, f"{running.url}/scim/v2", provider, waits)
    return f"{walks_table(walks)}\n\n{delays_table(delays)}"


def walks_table(walks: Sequence[Walk]) -> str:
    """Write how fast the feed was read, by the medians of the rounds."""
    head = ("events", "requests", "calls", "seconds", "events/s", "CPU: app", "CPU: Azurite")
    first, seconds = walks[0], median(each.seconds for each in walks)
    cells = (
        *(f"{first.events:,}", str(first.pages), str(first.calls)),
        *(written(seconds), f"{first.events / seconds:,.0f}"),
        written(median(each.cpu / each.events for each in walks) * 1e6),
        written(median(each.storage_cpu / each.events for each in walks) * 1e6),
    )
    return table(head, [cells])


def delays_table(delays: Sequence[float]) -> str:
    """Write how long an event took to come to a request that waits, in seconds."""
    head = ("changes", "median", "worst")
    return table(head, [(str(len(delays)), f"{median(delays):.2f}", f"{max(delays):.2f}")])


async def _walked(
    http: aiohttp.ClientSession,
    feed: str,
    lines: asyncio.Queue[bytes],
    processes: tuple[int, int],
) -> Walk:
    """Read the feed from the beginning to the end, each page after the other."""
    cpu, storage_cpu = map(cpu_of, processes)
    began, events, pages = time.perf_counter(), 0, 0
    cursor: dict[str, str] = {}
    while True:
        page = await _read(http, feed, limit=EVENTS_OF_A_PAGE, **cursor)
        events, pages, cursor = events + len(page["events"]), pages + 1, {"after": page["cursor"]}
        if not page["more"]:
            break
    seconds = time.perf_counter() - began
    cpu, storage_cpu = cpu_of(processes[0]) - cpu, cpu_of(processes[1]) - storage_cpu
    return Walk(events, pages, await _calls(lines, pages), seconds, cpu, storage_cpu)


async def _calls(lines: asyncio.Queue[bytes], requests: int) -> int:
    """Wait for the lines of the log of some requests, and add up their calls to storage."""
    calls: list[int] = []
    async with asyncio.timeout(_LOG_SECONDS):
        while len(calls) < requests:
            calls += map(int, re.findall(rb'"calls": (\d+)', await lines.get()))
    return sum(calls)


async def _delays(
    http: aiohttp.ClientSession, feed: str, scim: str, provider: dict[str, str], waits: int
) -> list[float]:
    """Change a user again and again, at any moment; return how long each event took."""
    chance = Random(7)  # noqa: S311
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana@x.test"}
    async with http.post(f"{scim}/Users", json=body, headers=provider) as answer:
        user = f"{scim}/Users/{(await answer.json(content_type=None))['id']}"
    cursor = await _end(http, feed)
    delays = []
    for number in range(waits):
        waiting = asyncio.create_task(_read(http, feed, after=cursor, wait=20))
        await asyncio.sleep(chance.uniform(0.1, 2))
        await _set_title(http, user, provider, f"No. {number}")
        committed = time.perf_counter()
        page = await waiting
        delays.append(time.perf_counter() - committed)
        cursor = page["cursor"]
    return delays


async def _end(http: aiohttp.ClientSession, feed: str) -> str:
    page = await _read(http, feed, after="now")
    while page["more"]:
        page = await _read(http, feed, after=page["cursor"])
    return str(page["cursor"])


async def _set_title(
    http: aiohttp.ClientSession, user: str, provider: dict[str, str], title: str
) -> None:
    operation = {"op": "replace", "path": "title", "value": title}
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [operation],
    }
    async with http.patch(user, json=body, headers=provider) as answer:
        answer.raise_for_status()


async def _read(http: aiohttp.ClientSession, feed: str, **query: str | int) -> dict[str, Any]:
    """Read a page of the feed."""
    async with http.get(feed, params=query) as answer:
        answer.raise_for_status()
        page: dict[str, Any] = json.loads(await answer.read())
        return page


async def _seed(storage: Azurite, rows: int) -> None:
    """Write a history whose last change was three minutes ago."""
    opened = open_table(TableAddress(NAME, connection_string=storage.connection_string))
    context = RequestContext(
        DEFAULT, secrets.token_hex(16), "benchmark/1", time.monotonic() + _SEED_SECONDS, "PATCH"
    )
    try:
        await write(opened, context, list(_history(context, rows)))
    finally:
        await opened.close()


def _history(context: RequestContext, rows: int) -> Iterator[Insert]:
    """Make up the change rows of users who come, change, join a group, are disabled and go."""
    begun = int(time.time() * 1000) - 180_000 - rows * _APART
    group = secrets.token_hex(16)
    for number in range(rows):
        key = f"l-{layout.change_number(begun + number * _APART)}"
        yield Insert(key, _change(number, group).values(context, 1))


def _change(number: int, group: str) -> Change:
    uid = secrets.token_hex(16)
    match number % 5:
        case 0:
            names = ("userName", "displayName", "name", "emails", "active", "externalId")
            return Change("User", uid, "create", names, 1, active=True)
        case 1:
            return Change("User", uid, "update", ("title", "department"), 7)
        case 2:
            return Change("User", uid, "update", ("active",), 8, active=False)
        case 3:
            return Change("Group", group, "members", ("members",), added=((uid, 9),))
        case _:
            return Change("User", uid, "delete", version=10, external_id=f"external-{number}")


if __name__ == "__main__":
    app()
