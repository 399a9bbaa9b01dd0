"""Latency over HTTP: every service at every size, interleaved, so that a slow minute hits all."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks import alone, services
from benchmarks.client import Answered, Request, UnexpectedAnswer
from benchmarks.figures import Figure, figure
from benchmarks.operations import CREATE, LIST, OPERATIONS, Operation, note
from benchmarks.services import OURS, SCIMMY_PAGED, STORAGE, Service
from benchmarks.tables import seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.alone import Alone
    from benchmarks.options import Options
    from benchmarks.tables import Seeded


_PEERS = {
    services.SCIM2_SERVER: services.scim2_server,
    services.SCIMMY: services.scimmy,
    services.SCIMMY_PAGED: services.scimmy_paged,
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of one operation of one service at one size.

    Attributes:
        operation: Name of the operation.
        service: Name of the service, or `STORAGE`.
        users: Size of the group, which all users but a few are in.
        milliseconds: None when the service could not do it.
        failure: Why it could not.
    """

    operation: str
    service: str
    users: int
    milliseconds: Figure | None
    failure: str = ""


async def measure(options: Options, tell: Callable[[str], None]) -> list[Latency]:
    """Measure every service at every level."""
    found: list[Latency] = []
    for users in options.levels:
        async with AsyncExitStack() as stack:
            tell(f"latency with {users:,} users: {OURS} gets its directory")
            there = await stack.enter_async_context(seeded(users))
            running = [await stack.enter_async_context(services.ours(there, options.clients))]
            storage = await stack.enter_async_context(alone.opened(there, options.clients))
            for name, start in _PEERS.items():
                tell(f"latency with {users:,} users: {name} gets its directory")
                running.append(await stack.enter_async_context(start(users, options.clients)))
            found += await _measured(options, users, _Level(options, running, storage), tell)
    return found


async def measure_large(
    options: Options, there: Seeded, tell: Callable[[str], None]
) -> list[Latency]:
    """Measure this service alone, on a large directory."""
    tell(f"latency with {options.large:,} users: {OURS}")
    async with (
        services.ours(there, options.clients) as service,
        alone.opened(there, options.clients) as storage,
    ):
        return await _measured(options, options.large, _Level(options, [service], storage), tell)


async def _measured(
    options: Options, users: int, level: _Level, tell: Callable[[str], None]
) -> list[Latency]:
    for turn in range(options.rounds):
        await level.round(turn)
        tell(f"  round {turn + 1} of {options.rounds}")
    return level.found(users)


class _Level:
    """The services at one size, and what was measured of them."""

    def __init__(self, options: Options, running: Sequence[Service], storage: Alone) -> None:
        self._options = options
        self._running = running
        self._storage = storage
        self._rounds: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
        self._failures: dict[tuple[str, str], str] = {}

    async def round(self, turn: int) -> None:
        """Measure every operation of every service once, each time another service first.

        What storage alone takes for it follows this service.
        """
        shift = turn % len(self._running)
        order = [*self._running[shift:], *self._running[:shift]]
        for operation in OPERATIONS:
            for service in order:
                if service.name != SCIMMY_PAGED or operation is LIST:
                    await self._measure(operation, service)

    async def _measure(self, operation: Operation, service: Service) -> None:
        key = (operation.name, service.name)
        if key in self._failures:
            return
        options, directory = self._options, service.directory
        requests = islice(operation.requests(directory), options.requests)
        answers: list[Answered] = []
        try:
            answers = await service.client.burst(
                requests, clients=options.clients, seconds=options.seconds
            )
        except* UnexpectedAnswer as failures:
            self._failures[key] = str(failures.exceptions[0])
        if not answers:
            return
        if not operation.is_right(answers[0]):
            self._failures[key] = f"a wrong answer: {answers[0].content[:300]!r}"
            return
        note(operation, directory, [each.request for each in answers])
        if operation is CREATE:
            for each in answers:
                await service.client.send(Request("DELETE", f"/Users/{each.json()['id']}"))
        self._rounds[key].append([each.seconds * 1_000 for each in answers])
        if service.name == OURS:
            seconds = await self._storage.measure(operation, len(answers))
            self._rounds[operation.name, STORAGE].append([each * 1_000 for each in seconds])

    def found(self, users: int) -> list[Latency]:
        """Return what was measured."""
        keys: Iterable[tuple[str, str]] = [*self._rounds, *self._failures]
        return [
            Latency(
                operation,
                service,
                users,
                figure(self._rounds[operation, service]),
                self._failures.get((operation, service), ""),
            )
            for operation, service in dict.fromkeys(keys)
        ]
