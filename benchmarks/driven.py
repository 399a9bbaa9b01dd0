"""A worker process that drives the app it has indexed, at several concurrencies in turn.

    python -m benchmarks.driven <process id of Azurite> <plan as JSON>

For `benchmarks.throughput`. The plan holds what `Plan` does, and each line that is printed what
`Measurement` does, both as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.tables.rest.client import RestClient
from tests.support.fakes.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
BASE = "https://scim.example.com/scim/v2"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_SEND = "_send"  # the one method of RestClient by which every call leaves
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        levels: requests under way at once, one measurement each.
        rounds: how often all levels are gone through.
        seconds: of one measurement.
        users: in the directory at the beginning.
        groups: to which they are added one after the other.
        away: seconds that each call to storage takes longer than to Azurite on the same machine.
    """

    levels: tuple[int, ...]
    rounds: int
    seconds: float
    users: int
    groups: int
    away: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of one level in one round; times in seconds.

    Attributes:
        level: requests under way at once.
        elapsed: how long it took.
        cpu: of this process: the app, the runtime library and the driver.
        storage_cpu: of Azurite; 0 where that cannot be known.
        latencies: of every request.
        resident: the most memory that the process ever had, in MiB.
    """

    level: int
    elapsed: float
    cpu: float
    storage_cpu: float
    latencies: list[float] = field(default_factory=list)
    resident: float = 0.0


class Traffic:
    """What clients ask for: five operations in turn, each of another user."""

    def __init__(self, worker: Worker, token: str, users: int, groups: int) -> None:
        self._worker = worker
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/scim+json",
        }
        self._number = users
        self._numbers = itertools.count()
        self._users: list[str] = []
        self._groups_wanted = groups
        self._groups: list[str] = []

    async def seed(self) -> None:
        """Create the directory, a few resources at a time."""
        for first in range(0, self._number, 8):
            batch = range(first, min(first + 8, self._number))
            self._users += await asyncio.gather(*map(self._create_user, batch))
        for number in range(self._groups_wanted):
            body = {"displayName": f"Group {number}"}
            self._groups.append(await self._id_of("groups", body))

    def operations(self) -> Iterator[Callable[[int], Awaitable[Any]]]:
        """Give the operations without end."""
        return itertools.cycle((self.get, self.find, self.patch, self.create, self.join))

    def next_number(self) -> int:
        """Give a request its number."""
        return next(self._numbers)

    async def get(self, number: int) -> None:
        """GET /Users/{id}."""
        await self._call("users_id", "GET", 200, id=self._user(number))

    async def find(self, number: int) -> None:
        """GET /Users?filter=userName eq."""
        name = f"user-{number % self._number}@contoso.test"
        await self._call("users", "GET", 200, query=f"?filter=userName+eq+%22{name}%22")

    async def patch(self, number: int) -> None:
        """PATCH of one attribute."""
        operation = {"op": "Replace", "path": "title", "value": f"Title {number}"}
        await self._patched("users_id", self._user(number), operation, 200)

    async def create(self, number: int) -> None:
        """POST /Users."""
        await self._create_user(self._number + number)

    async def join(self, number: int) -> None:
        """PATCH that adds one member to a group."""
        turn = number // 5  # of this operation
        group = self._groups[turn // self._number % len(self._groups)]
        member = {"op": "Add", "path": "members", "value": [{"value": self._user(turn)}]}
        await self._patched("groups_id", group, member, 204)

    def _user(self, number: int) -> str:
        return self._users[number % len(self._users)]

    async def _create_user(self, number: int) -> str:
        name = f"user-{number}@contoso.test"
        body = {
            "userName": name,
            "externalId": str(number),
            "displayName": f"User {number}",
            "name": {"givenName": "User", "familyName": str(number)},
            "emails": [{"type": "work", "primary": True, "value": name}],
            "active": True,
        }
        return await self._id_of("users", body)

    async def _id_of(self, function: str, body: dict[str, Any]) -> str:
        answer = await self._call(function, "POST", 201, body=body)
        identifier: str = json.loads(answer)["id"]
        return identifier

    async def _patched(
        self, function: str, identifier: str, operation: dict[str, Any], status: int
    ) -> None:
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        await self._call(function, "PATCH", status, body=body, id=identifier)

    async def _call(
        self,
        function: str,
        method: str,
        status: int,
        *,
        query: str = "",
        body: dict[str, Any] | None = None,
        **route: str,
    ) -> bytes:
        answer = await self._worker.invoke(
            function,
            method=method,
            url=f"{BASE}/{query}",
            headers=self._headers,
            route=route,
            body=b"" if body is None else json.dumps(body).encode(),
        )
        if answer.status != status:
            raise RuntimeError(f"{method} {function}: {answer.status} {answer.body.decode()}")
        return answer.body


async def drive(storage: int, plan: Plan) -> None:
    """Index the app, fill it and measure every level."""
    _put_storage_away(plan.away)
    worker = await Worker.start(str(ROOT))
    traffic = Traffic(worker, os.environ["SCIM_SECRET_TOKEN"], plan.users, plan.groups)
    await traffic.seed()
    await _measured(traffic, 4, 1.0, storage)  # warms up, and is not told
    for turn in range(plan.rounds):
        levels = plan.levels if turn % 2 == 0 else plan.levels[::-1]
        for level in levels:
            print(json.dumps(asdict(await _measured(traffic, level, plan.seconds, storage))))
    await sys.modules["shared.web.services"].current().close()


def _put_storage_away(seconds: float) -> None:
    """Let each call to Table Storage wait first, for as long as this process runs."""
    send = getattr(RestClient, _SEND)

    async def sent_later(client: RestClient, *arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(seconds)
        return await send(client, *arguments, **options)

    if seconds:
        setattr(RestClient, _SEND, sent_later)


async def _measured(traffic: Traffic, level: int, seconds: float, storage: int) -> Measurement:
    latencies: list[float] = []
    operations = traffic.operations()
    began, cpu, storage_cpu = time.perf_counter(), time.process_time(), cpu_of(storage)

    async def client() -> None:
        while time.perf_counter() - began < seconds:
            operation, sent = next(operations), time.perf_counter()
            await operation(traffic.next_number())
            latencies.append(time.perf_counter() - sent)

    async with asyncio.TaskGroup() as clients:
        for _ in range(level):
            clients.create_task(client())
    return Measurement(
        level,
        time.perf_counter() - began,
        time.process_time() - cpu,
        cpu_of(storage) - storage_cpu,
        latencies,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def cpu_of(process: int) -> float:
    """Return the seconds of CPU that a process has used; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    asyncio.run(drive(int(sys.argv[1]), Plan(**json.loads(sys.argv[2]))))
