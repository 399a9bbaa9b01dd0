"""How soon a webhook is there: `python -m benchmarks.webhooks`.

The service runs on the stand-in host with Azurite, and receivers on loopback. The time runs from
the answer to a request that has created a user until a receiver has the event. Three cases: an
instance that is warm; one that had nothing to do for five minutes, when the host polls its queue
seldom; and many tenants that write at once while an endpoint of all of them hangs.
"""

import argparse
import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
from aiohttp import web

from benchmarks.figures import table
from local import service as local_service

_SECONDS_TO_WAIT = 60.0
_PERIOD = 10.0
"""Seconds between two changes of a tenant, where many write."""

_KEY = f"scimkey_bench_{secrets.token_urlsafe(32)}"
_HEAD = ("case", "events", "median, s", "99 %, s", "longest, s")


@dataclass(slots=True)
class Receiver:
    """Takes webhooks, and knows when each user was told of first; one that hangs never answers."""

    url: str = ""
    hangs: bool = False
    seen: dict[str, float] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take one."""
        event = json.loads(await request.read())
        now = time.monotonic()
        if self.hangs:
            await asyncio.sleep(3_600)
        async with self.news:
            self.seen.setdefault(event["resource"]["id"], now)
            self.news.notify_all()
        return web.Response(status=204)

    async def wait_for(self, users: Sequence[str]) -> None:
        """Wait until all of these were told of."""
        async with asyncio.timeout(_SECONDS_TO_WAIT), self.news:
            await self.news.wait_for(lambda: all(each in self.seen for each in users))


@asynccontextmanager
async def receiving(*, hangs: bool = False) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback."""
    receiver = Receiver(hangs=hangs)
    runner = web.ServerRunner(web.Server(receiver.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Bench:
    """The service, and whom to ask as."""

    base_url: str
    tokens: dict[str, str]
    http: httpx.AsyncClient

    async def subscribe(self, url: str, tenants: Sequence[str]) -> None:
        """Register an endpoint for tenants."""
        body = {"url": url, "tenants": list(tenants), "types": ["user.created"]}
        answer = await self.http.post(
            f"{self.base_url}/api/v1/webhooks",
            json=body,
            headers={"Authorization": f"Bearer {_KEY}"},
        )
        answer.raise_for_status()

    async def create_user(self, tenant: str) -> tuple[str, float]:
        """Create a user; return its id, and when that was answered."""
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"{secrets.token_hex(6)}@example.com",
        }
        answer = await self.http.post(
            f"{self.base_url}/tenants/{tenant}/scim/v2/Users",
            json=body,
            headers={"Authorization": f"Bearer {self.tokens[tenant]}"},
        )
        answer.raise_for_status()
        return str(answer.json()["id"]), time.monotonic()


@asynccontextmanager
async def running(tenants: int) -> AsyncIterator[Bench]:
    """Run the service with that many tenants."""
    tokens = {f"t{number}": secrets.token_urlsafe(32) for number in range(tenants)}
    environ = {
        "SCIM_WEBHOOKS": "on",
        "SCIM_WEBHOOKS_TO_LOOPBACK": "on",
        "SCIM_API_KEY__BENCH": f"{_KEY} scopes=events.read,identities.read,tenants.manage",
        **{f"SCIM_SECRET_TOKEN__{name.upper()}": token for name, token in tokens.items()},
    }
    async with (
        local_service.running(environ=environ) as service,
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
    ):
        yield Bench(service.base_url, tokens, http)


async def one_by_one(rounds: int, pause: float) -> list[float]:
    """Measure single changes, with a pause before each."""
    async with running(1) as bench, receiving() as receiver:
        await bench.subscribe(receiver.url, ["t0"])
        times = []
        for number in range(rounds + 1):
            if number:  # the first one is of an instance that has just begun
                await asyncio.sleep(pause)
            user, answered = await bench.create_user("t0")
            await receiver.wait_for([user])
            times.append(receiver.seen[user] - answered)
        return times[1:]


async def beside_one_that_hangs(tenants: int, seconds: float) -> list[float]:
    """Measure many tenants that write now and then while an endpoint of all of them hangs."""
    async with (
        running(tenants) as bench,
        receiving() as receiver,
        receiving(hangs=True) as hanging,
    ):
        names = [*bench.tokens]
        await bench.subscribe(hanging.url, names)
        await bench.subscribe(receiver.url, names)
        answered: dict[str, float] = {}

        async def write(number: int, tenant: str) -> None:
            # Evenly spread, so that what is measured is not the burst at the beginning.
            await asyncio.sleep(_PERIOD * number / len(names))
            for _ in range(max(round(seconds / _PERIOD), 1)):
                user, at = await bench.create_user(tenant)
                answered[user] = at
                await asyncio.sleep(max(_PERIOD - (time.monotonic() - at), 0))

        await asyncio.gather(*(write(number, name) for number, name in enumerate(names)))
        await receiver.wait_for([*answered])
        return [receiver.seen[user] - at for user, at in answered.items()]


def row(case: str, seconds: Sequence[float]) -> tuple[str, ...]:
    """Write what was measured of a case."""
    cut = quantiles(seconds, n=100, method="inclusive")
    figures = (cut[49], cut[98], max(seconds))
    return (case, str(len(seconds)), *(f"{figure:.2f}" for figure in figures))


async def measure(given: argparse.Namespace) -> list[tuple[str, ...]]:
    """Measure all cases."""
    rows = [row("an instance that is warm", await one_by_one(given.rounds, 1.5))]
    if given.idle_rounds:
        idle = await one_by_one(given.idle_rounds, given.idle)
        rows.append(row(f"after {given.idle:g} s without a change", idle))
    if given.tenants:
        hung = await beside_one_that_hangs(given.tenants, given.seconds)
        rows.append(row(f"{given.tenants} tenants, an endpoint of all of them hangs", hung))
    return rows


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.webhooks")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--idle", type=float, default=300, help="seconds without a change")
    parser.add_argument("--idle-rounds", type=int, default=5)
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30, help="that the tenants write")
    print(table(_HEAD, asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
