"""How soon a webhook is there: `python -m benchmarks.webhooks`.

The service runs on the stand-in host with Azurite, and receivers on loopback. The time runs from
the answer to a request that has created a user until a receiver has the event. Three parts, each
printed when it ends: `warm`, an instance that is warm; `idle`, one that had nothing to do for a
while, when the host polls its queue seldom; and `crowd`, many tenants that write at once while an
endpoint of all of them hangs.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
from aiohttp import web

from benchmarks.figures import table
from local import service as local_service
from tests.support.fixtures.webhook_receiver import hanging, receiving

_SECONDS_TO_WAIT = 60.0
"""For one event. What has not come by then counts as missing."""

_SECONDS_TO_START = 60.0
_WARM_PAUSE = 1.5
_PERIOD = 10.0
"""Seconds between two changes of a tenant, where many write."""

_KEY = f"scimkey_bench_{secrets.token_urlsafe(32)}"
_HEAD = ("part", "events", "missing", "median, s", "99 %, s", "longest, s")


@dataclass(slots=True)
class Arrivals:
    """What answers for a receiver, and knows when each user was told of first."""

    seen: dict[str, float] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a webhook."""
        event = json.loads(await request.read())
        now = time.monotonic()
        async with self.news:
            self.seen.setdefault(event["resource"]["id"], now)
            self.news.notify_all()
        return web.Response(status=204)

    async def wait_for(self, users: Sequence[str]) -> None:
        """Wait until all of these were told of, for a minute at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_WAIT), self.news:
                await self.news.wait_for(lambda: all(each in self.seen for each in users))


@dataclass(slots=True)
class Measured:
    """What a part has measured so far: of each user when the creation was answered."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    answered: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> list[float]:
        """How long each event took that has arrived."""
        seen = self.arrivals.seen
        return [seen[user] - at for user, at in self.answered.items() if user in seen]


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


async def one_by_one(measured: Measured, rounds: int, pause: float) -> None:
    """Measure single changes, with a pause before each."""
    async with running(1) as bench, receiving() as receiver:
        receiver.answer = measured.arrivals.take
        await bench.subscribe(receiver.url, ["t0"])
        first, _ = await bench.create_user("t0")  # of an instance that has just begun
        await measured.arrivals.wait_for([first])
        for number in range(1, rounds + 1):
            await asyncio.sleep(pause)
            user, measured.answered[user] = await bench.create_user("t0")
            await measured.arrivals.wait_for([user])
            if pause > _SECONDS_TO_WAIT or number % 10 == 0:
                _say(f"{number} of {rounds}: {measured.seconds[-1:]}")


async def beside_one_that_hangs(measured: Measured, tenants: int, seconds: float) -> None:
    """Measure many tenants that write now and then while an endpoint of all of them hangs."""
    async with running(tenants) as bench, receiving() as receiver, receiving() as stuck:
        receiver.answer, stuck.answer = measured.arrivals.take, hanging
        names = [*bench.tokens]
        await bench.subscribe(stuck.url, names)
        await bench.subscribe(receiver.url, names)

        async def write(number: int, tenant: str) -> None:
            # Evenly spread, so that what is measured is not the burst at the beginning.
            await asyncio.sleep(_PERIOD * number / len(names))
            for _ in range(max(round(seconds / _PERIOD), 1)):
                user, at = await bench.create_user(tenant)
                measured.answered[user] = at
                await asyncio.sleep(max(_PERIOD - (time.monotonic() - at), 0))

        await asyncio.gather(*(write(number, name) for number, name in enumerate(names)))
        _say(f"{len(measured.answered)} users are created")
        await measured.arrivals.wait_for([*measured.answered])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the measurement.

    Attributes:
        case: what the table calls it.
        seconds: how long it takes if each event comes at once.
        measure: does it.
    """

    case: str
    seconds: float
    measure: Callable[[Measured], Awaitable[None]]

    async def run(self, within: float) -> tuple[str, ...]:
        """Measure, at most for a time; return the row of the table, also if it was cut off."""
        measured = Measured()
        _say(f"{self.case}: about {self.seconds:.0f} s")
        try:
            async with asyncio.timeout(within):
                await self.measure(measured)
        except TimeoutError:
            _say(f"{self.case}: cut off after {within:.0f} s")
        return row(self.case, len(measured.answered), measured.seconds)


def row(case: str, events: int, seconds: Sequence[float]) -> tuple[str, ...]:
    """Write what was measured of a case."""
    told = (case, str(events), str(events - len(seconds)))
    if not seconds:
        return (*told, "-", "-", "-")
    cut = quantiles([*seconds, *seconds], n=100, method="inclusive")  # of one as well
    return (*told, *(f"{figure:.2f}" for figure in (cut[49], cut[98], max(seconds))))


def parts_of(given: argparse.Namespace) -> dict[str, Part]:
    """Name the parts, as the options say how large they are."""
    crowd = f"{given.tenants} tenants, an endpoint of all of them hangs"
    return {
        "warm": Part(
            "an instance that is warm",
            given.rounds * (_WARM_PAUSE + 0.5) + 10,
            lambda measured: one_by_one(measured, given.rounds, _WARM_PAUSE),
        ),
        "idle": Part(
            f"after {given.idle:g} s without a change",
            given.idle_rounds * (given.idle + 1) + 10,
            lambda measured: one_by_one(measured, given.idle_rounds, given.idle),
        ),
        "crowd": Part(
            crowd,
            given.seconds + 2 * _PERIOD + 0.1 * given.tenants + 10,
            lambda measured: beside_one_that_hangs(measured, given.tenants, given.seconds),
        ),
    }


async def measure(given: argparse.Namespace) -> None:
    """Measure the parts that are wanted, and print each as it ends."""
    parts = parts_of(given)
    wanted = given.only or list(parts)
    print(table(_HEAD, []), flush=True)
    for name in wanted:
        part = parts[name]
        within = given.most or 2 * part.seconds + _SECONDS_TO_START + _SECONDS_TO_WAIT
        line = table(_HEAD, [await part.run(within)]).splitlines()[-1]
        print(line, flush=True)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.webhooks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            "As it is, warm takes about 4 minutes, idle 26 and crowd 2: rounds of 2 s, idle rounds"
            " of --idle seconds,\nand --seconds with half a minute besides. Each part is cut off at"
            " --most seconds, and without it at twice\nits time and 2 minutes; what it has measured"
            " until then is printed."
        ),
    )
    parser.add_argument(
        "--only", action="append", choices=("warm", "idle", "crowd"), help="repeatable; else all"
    )
    parser.add_argument("--rounds", type=int, default=100, help="changes that warm measures")
    parser.add_argument("--idle", type=float, default=300, help="seconds without a change")
    parser.add_argument("--idle-rounds", type=int, default=5, help="changes that idle measures")
    parser.add_argument("--tenants", type=int, default=100, help="that write in crowd")
    parser.add_argument("--seconds", type=float, default=30, help="that they write")
    parser.add_argument("--most", type=float, help="seconds after which a part is cut off")
    asyncio.run(measure(parser.parse_args()))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
