"""CPU of an operation where it is served: as a multiple of the floor, and where it goes."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks import floor, instance, services
from benchmarks.directory import Directory, Ids
from benchmarks.figures import Figure, apart, figure
from benchmarks.operations import OPERATIONS, Operation, note
from benchmarks.sampling import sampled, shares
from benchmarks.tables import Rows, account_of
from local import azurite
from shared.tenants import DEFAULT
from tests.support.fakes.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.client import Request
    from benchmarks.instance import Instance, Invocation, Prepared
    from benchmarks.options import Options
    from local.azurite import Azurite

_FLOORS = ("floor-1", "floor-2")
PORTION = 10
"""Operations that are measured in a row, before what they are compared with."""

_PROFILES = 5
"""Times `repeats` operations whose stack is sampled."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one operation, in microseconds.

    Attributes:
        operation: Name of the operation.
        calls: Calls to storage, without those for the deletions row.
        handler: From the entry of the function to its return, change row included.
        by_aiohttp: The floor, sent by aiohttp, the HTTP client of the service.
        by_http_client: The floor, sent by http.client.
        runtime: The whole invocation through the runtime library; None before Python 3.13.
        multiple: The handler's CPU as a multiple of the floor of aiohttp: the median over portions
            that were measured one after the other.
        shares: Of the whole invocation, the fraction of each part of `sampling.PARTS`.
    """

    operation: str
    calls: float
    handler: Figure
    by_aiohttp: Figure
    by_http_client: Figure
    runtime: Figure | None
    multiple: float
    shares: dict[str, float]


async def measure(options: Options, tell: Callable[[str], None]) -> list[Cost]:
    """Measure every operation in the small directory."""
    tell(f"CPU of an operation with {options.small:,} users")
    async with AsyncExitStack() as stack:
        instance.log_to_nowhere()
        # The library indexes the app first, because an app refuses to be indexed twice.
        worker = await Worker.start(str(services.ROOT)) if sys.version_info >= (3, 13) else None
        storage = await stack.enter_async_context(azurite.running())
        rows = Rows.of(options.small)
        await rows.write(storage, (DEFAULT, *_FLOORS))
        app = await stack.enter_async_context(instance.opened(storage))
        bench = _Bench(options, storage, app, rows.ids)
        await bench.prepare()
        for turn in range(options.rounds):
            await bench.against_the_floor()
            tell(f"  round {turn + 1} of {options.rounds}")
        if worker is not None:
            for _ in range(options.rounds):
                await bench.through(worker)
            tell("  through the runtime library")
            for _ in range(_PROFILES):
                await bench.profiled(worker)
            tell("  profiled")
        return bench.costs()


class _Bench:
    """One app, its directory, and what was measured."""

    def __init__(self, options: Options, storage: Azurite, app: Instance, ids: Ids) -> None:
        self._repeats = options.repeats
        self._app = app
        self._ids = ids
        self._account = account_of(storage)
        self._directory: Directory
        self._rounds: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
        self._calls: dict[str, float] = {}
        self._profiles: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def prepare(self) -> None:
        """Create the users who are in no group, in the tenants of the floor too."""
        self._app.recorder.calls.clear()
        self._directory = await Directory.open(self._ids, self._app.create)
        await self._floors()

    async def against_the_floor(self) -> None:
        """Measure every operation by portions, each of which bare loops then send again."""
        for operation in OPERATIONS:
            requests = self._requests(operation)
            calls = 0
            portions: defaultdict[str, list[float]] = defaultdict(list)
            for at in range(0, len(requests), PORTION):
                some = requests[at : at + PORTION]
                seconds = await self._portion(some)
                calls += len(self._app.recorder.counted)
                for what, each in seconds.items():
                    portions[what].append(each / len(some) * 1e6)
            self._calls[operation.name] = calls / len(requests)
            note(operation, self._directory, requests)
            for what, microseconds in portions.items():
                self._rounds[operation.name, what].append(microseconds)

    async def _portion(self, requests: Sequence[Request]) -> dict[str, float]:
        """Serve requests, and send their calls again; return the CPU seconds of each."""
        invocations = [self._app.invocation(self._app.prepared(each)) for each in requests]
        self._app.recorder.calls.clear()
        gc.collect()  # so that nobody pays for what another has left
        took = await spent(invocations)
        by_aiohttp, by_http_client = await self._floors()
        return {"handler": took.cpu, "aiohttp": by_aiohttp, "http.client": by_http_client}

    async def through(self, worker: Worker) -> None:
        """Measure every operation through the runtime library."""
        for operation in OPERATIONS:
            begun = time.process_time()
            await self._served(operation, worker)
            seconds = time.process_time() - begun
            self._rounds[operation.name, "runtime"].append([seconds / self._repeats * 1e6])

    async def profiled(self, worker: Worker) -> None:
        """Sample the stack of every operation through the runtime library."""
        for operation in OPERATIONS:
            with sampled() as counts:
                await self._served(operation, worker)
            self._profiles[operation.name] += counts

    def costs(self) -> list[Cost]:
        """Return what was measured."""
        return [self._cost(operation.name) for operation in OPERATIONS]

    async def _floors(self) -> tuple[float, float]:
        """Send the recorded calls again to the tenants of the floor; return the CPU seconds."""
        calls = list(self._app.recorder.calls)
        one, other = [await floor.raw(self._account, each, calls) for each in _FLOORS]
        endpoint = self._account.endpoint
        gc.collect()
        return await floor.by_aiohttp(endpoint, one), floor.by_http_client(endpoint, other)

    async def _served(self, operation: Operation, worker: Worker) -> None:
        requests = self._requests(operation)
        for each in requests:
            await invoked(worker, self._app.prepared(each))
        note(operation, self._directory, requests)

    def _requests(self, operation: Operation) -> list[Request]:
        return list(islice(operation.requests(self._directory), self._repeats))

    def _cost(self, name: str) -> Cost:
        found = {
            what: figure(self._rounds[name, what])
            for what in ("handler", "aiohttp", "http.client", "runtime")
        }
        handler, by_aiohttp, by_http_client, runtime = found.values()
        if handler is None or by_aiohttp is None or by_http_client is None:
            raise ValueError(f"{name} was not measured")
        served, bare = (
            [each for portions in self._rounds[name, what] for each in portions]
            for what in ("handler", "aiohttp")
        )
        return Cost(
            name,
            self._calls[name],
            handler,
            by_aiohttp,
            by_http_client,
            runtime,
            1 + apart(bare, served),
            shares(self._profiles[name]),
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of functions took together, in seconds: CPU of this process, and time."""

    cpu: float
    elapsed: float


async def spent(invocations: Sequence[Invocation]) -> Spent:
    """Call functions one after the other."""
    cpu, elapsed = time.process_time(), time.perf_counter()
    responses = [await each() for each in invocations]
    found = Spent(time.process_time() - cpu, time.perf_counter() - elapsed)
    for response in responses:
        instance.checked(response)
    return found


async def invoked(worker: Worker, prepared: Prepared) -> Any:
    """Send a request through the runtime library."""
    answer = await worker.invoke(
        prepared.function,
        method=prepared.method,
        url=prepared.url,
        headers=prepared.headers,
        query=prepared.query,
        route=prepared.route,
        body=prepared.body,
    )
    if answer.status >= 300:
        raise RuntimeError(f"{prepared.method} {prepared.url}: {answer.body!r}")
    return answer
