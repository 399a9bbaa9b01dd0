"""One instance under more requests than it can serve, with the limits and without them.

    .venv/bin/python -m benchmarks.overload

A client (`benchmarks/offered.py`) offers requests in an open loop: each at its time, whatever
became of those before. So what is not served in time piles up, as it does when many clients send at
once. Beside it another tenant sends 25 requests a second. The instance is the app under the
stand-in for the host, on Azurite; it is started anew for each row. Its log is read and thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import secrets
import socket
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks.figures import table
from benchmarks.offered import Offer, Told, person
from benchmarks.services import ROOT, settings
from local import azurite, children
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from local.azurite import Azurite


RATES = (25, 300, 600, 900)
SECONDS, QUICK_SECONDS = 20.0, 2.0
NEIGHBOUR, NEIGHBOUR_RATE = "neighbour", 25
_USERS = 200
_UNLIMITED = "10000"
_TOKEN = secrets.token_urlsafe(32)
_HEADERS = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/scim+json"}
_MARKS = re.compile(r"(?<=<!-- overload -->\n).*?(?=<!-- /overload -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the limits an instance has.

    Attributes:
        name: for the table.
        of_host: those of host.json.
        of_tenants: the token bucket of each tenant, as it is by default.
    """

    name: str
    of_host: bool
    of_tenants: bool


LIMITS = (
    Limits("none", of_host=False, of_tenants=False),
    Limits("host's", of_host=True, of_tenants=False),
    Limits("tenant's", of_host=False, of_tenants=True),
    Limits("both", of_host=True, of_tenants=True),
)


@dataclass(frozen=True, slots=True)
class Overload:
    """One row.

    Attributes:
        limits: that were on.
        rate: requests a second that were offered.
        crowd: what the tenant that offered them was told.
        neighbour: what the other one was told.
        before: MiB that the instance took at the start.
        peak: the most that it took.
    """

    limits: Limits
    rate: int
    crowd: Told
    neighbour: Told
    before: float
    peak: float


@dataclass(frozen=True, slots=True)
class _Instance:
    port: int
    process: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def resident(self) -> float:
        """Return the MiB of memory that it takes."""
        status = Path(f"/proc/{self.process}/status").read_text("ascii")
        (kib,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(kib) / 1024


def main() -> None:
    """Measure as the command line says, and print a table in Markdown or put it into a document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 s each: shows that it works")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each is offered")
    parser.add_argument("--write", type=Path, help="a document with a place for the table")
    given = parser.parse_args()
    measured = asyncio.run(measure(QUICK_SECONDS if given.quick else given.seconds, _tell))
    if given.write is None:
        print(rows(measured))
    else:
        text = given.write.read_text("utf-8")
        given.write.write_text(_MARKS.sub(lambda _: f"\n{rows(measured)}\n\n", text), "utf-8")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


async def measure(seconds: float, tell: Callable[[str], None]) -> list[Overload]:
    """Offer each rate for some seconds to an instance with each of the limits."""
    measured = []
    async with azurite.running() as storage:
        users = await _seeded(storage)
        for limits, rate in itertools.product(LIMITS, RATES):
            measured.append(await _overload(storage, limits, rate, seconds, users))
            tell(f"{rate} requests a second, limits: {limits.name}")
    return measured


def rows(measured: Sequence[Overload]) -> str:
    """Write the table."""
    head = (
        "limits",
        "offered a second",
        "answers",
        "admitted: p50, p99",
        "refused: p50, p99",
        "memory, MiB",
        "neighbour's answers",
        "neighbour's p50, p99",
    )
    return table(head, [_row(each) for each in measured])


def _row(each: Overload) -> Sequence[str]:
    return (
        each.limits.name,
        str(each.rate),
        _answers(each.crowd),
        _percentiles(each.crowd.admitted),
        _percentiles(each.crowd.refused),
        f"{each.before:.0f} to {each.peak:.0f}",
        _answers(each.neighbour),
        _percentiles(each.neighbour.admitted),
    )


def _answers(told: Told) -> str:
    """Write how often there was which answer; all successes are one."""
    counted: Counter[str] = Counter()
    for status, times in told.statuses.items():
        counted["2xx" if status.startswith("2") else status] += times
    return ", ".join(f"{times:,} {status}" for status, times in sorted(counted.items()))


def _percentiles(seconds: Sequence[float]) -> str:
    """Write the median and the 99th percentile, in milliseconds."""
    if len(seconds) < 2:
        return ""
    p50, p99 = (statistics.quantiles(seconds, n=100)[place] * 1000 for place in (49, 98))
    return f"{p50:,.0f}, {p99:,.0f}"


async def _seeded(storage: Azurite) -> dict[str, Sequence[str]]:
    """Create the users of both tenants; gives their ids by tenant."""
    users: dict[str, Sequence[str]] = {}
    async with _instance(storage, LIMITS[0]) as instance, _connected() as http:
        for tenant in ("", NEIGHBOUR):
            url = f"{instance.url}{_root(tenant)}/Users"
            users[tenant] = [await _created(http, url) for _ in range(_USERS)]
    return users


async def _overload(
    storage: Azurite, limits: Limits, rate: int, seconds: float, users: dict[str, Sequence[str]]
) -> Overload:
    async with _instance(storage, limits) as instance:
        crowd = Offer(instance.port, _root(""), _TOKEN, users[""], rate, seconds)
        neighbour = replace(
            crowd, root=_root(NEIGHBOUR), users=users[NEIGHBOUR], rate=NEIGHBOUR_RATE
        )
        for each in (crowd, neighbour):  # warms up, and is not told
            await _offered(replace(each, rate=20, seconds=0.5))
        before = instance.resident()
        async with _watched(instance) as taken:
            told = await asyncio.gather(_offered(crowd), _offered(neighbour))
        return Overload(limits, rate, *told, before, max(taken))


async def _offered(plan: Offer) -> Told:
    """Offer requests by a process of its own."""
    program = [sys.executable, "-m", "benchmarks.offered", json.dumps(asdict(plan))]
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise LocalError("the requests were not offered to the end")
    return Told(**json.loads(output))


@asynccontextmanager
async def _watched(instance: _Instance) -> AsyncIterator[list[float]]:
    """Note every half a second how much memory an instance takes."""
    taken = [instance.resident()]

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.5)
            taken.append(instance.resident())

    watching = asyncio.create_task(watch())
    yield taken
    watching.cancel()
    taken.append(instance.resident())


@asynccontextmanager
async def _instance(storage: Azurite, limits: Limits) -> AsyncIterator[_Instance]:
    """Run the app by the stand-in for the host, with some of the limits."""
    environ = {**os.environ, **settings(storage, _TOKEN), "PYTHONPATH": str(ROOT)}
    environ[f"SCIM_SECRET_TOKEN__{NEIGHBOUR.upper()}"] = _TOKEN
    environ["SCIM_REQUESTS_PER_SECOND"] = "" if limits.of_tenants else _UNLIMITED
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0), backlog=1024) as listener,
    ):
        (Path(folder) / "host.json").write_text(json.dumps(_host_json(limits)), "utf-8")
        port, descriptor = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", "local.host", "--root", folder]
        command += ["--app", "function_app", "--socket", str(descriptor)]
        async with children.running(
            command, directory=ROOT, environ=environ, capture=True, descriptors=[descriptor]
        ) as process:
            reading = asyncio.create_task(_read_away(process.stdout))
            instance = _Instance(port, process.pid)
            await _wait_until_ready(instance)
            yield instance
            reading.cancel()


def _host_json(limits: Limits) -> Any:
    """Return host.json as it is deployed, or without the limits."""
    content = json.loads((ROOT / "host.json").read_text("utf-8"))
    if not limits.of_host:
        http = content["extensions"]["http"]
        del http["maxOutstandingRequests"], http["maxConcurrentRequests"]
    return content


async def _read_away(stream: asyncio.StreamReader | None) -> None:
    while stream and await stream.read(65_536):
        pass


async def _wait_until_ready(instance: _Instance) -> None:
    async with asyncio.timeout(60), _connected() as http:
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(f"{instance.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


def _connected() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers=_HEADERS,
    )


def _root(tenant: str) -> str:
    return f"/tenants/{tenant}/scim/v2" if tenant else "/scim/v2"


async def _created(http: aiohttp.ClientSession, url: str) -> str:
    async with http.post(url, data=person()) as answer:
        identifier: str = (await answer.json(content_type=None))["id"]
        return identifier


if __name__ == "__main__":
    main()
