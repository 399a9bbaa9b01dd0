"""What storage alone takes for an operation: the calls of the service, sent without the service.

The app of this process serves the operation on an excerpt of the directory, which it does by the
same calls. They are recorded, and sent bare (`benchmarks/floor.py`) to a copy of the table of the
service, so that the copy has as many rows and goes through the same changes.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks import floor, instance
from benchmarks.client import Request, side_by_side
from benchmarks.directory import Directory
from benchmarks.operations import CREATE, Operation, note
from benchmarks.tables import account_of
from local import azurite
from shared.tenants import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from azure.functions import HttpResponse

    from benchmarks.floor import Connections, Raw
    from benchmarks.instance import Instance
    from benchmarks.tables import Seeded
    from shared.tables.account import StorageAccount


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that was served, and the calls to storage that it took."""

    response: HttpResponse
    calls: Sequence[Raw]


class Alone:
    """Storage without the service; make one with `opened`."""

    def __init__(
        self, app: Instance, account: StorageAccount, connections: Connections, clients: int
    ) -> None:
        self._app = app
        self._account = account
        self._connections = connections
        self._clients = clients
        self._directory: Directory

    async def prepare(self, there: Seeded) -> None:
        """Create the users who are in no group, in the copy too."""
        first = len(there.ids.users)
        self._directory = await Directory.open(there.excerpt.ids, self._created, first)

    async def measure(self, operation: Operation, times: int) -> list[float]:
        """Send the calls of an operation, as often as it is said, by as many clients as there are.

        Those of one operation are sent one after the other. Returns the seconds of each operation.
        """
        requests = list(islice(operation.requests(self._directory), times))
        recorded = [await self._recorded(each) for each in requests]
        seconds = await self._sent(recorded)
        note(operation, self._directory, requests)
        if operation is CREATE:
            gone = [f"/Users/{instance.id_in(each.response)}" for each in recorded]
            await self._sent([await self._recorded(Request("DELETE", path)) for path in gone])
        return seconds

    async def _created(self, request: Request) -> str:
        recorded = await self._recorded(request)
        await self._sent([recorded])
        return instance.id_in(recorded.response)

    async def _recorded(self, request: Request) -> Recorded:
        self._app.recorder.calls.clear()
        response = await self._app.invocation(self._app.prepared(request))()
        instance.checked(response)
        calls = await floor.raw(self._account, DEFAULT, self._app.recorder.calls)
        return Recorded(response, calls)

    async def _sent(self, recorded: Iterable[Recorded]) -> list[float]:
        calls = (each.calls for each in recorded)
        return await side_by_side(calls, self._sent_in_turn, clients=self._clients)

    async def _sent_in_turn(self, calls: Sequence[Raw]) -> float:
        begun = time.perf_counter()
        for each in calls:
            await self._connections.send(each)
        return time.perf_counter() - begun


@asynccontextmanager
async def opened(there: Seeded, clients: int) -> AsyncIterator[Alone]:
    """Have the calls of the service recorded, and sent to the copy of its table."""
    async with AsyncExitStack() as stack:
        recording = await stack.enter_async_context(azurite.running())
        await there.excerpt.write(recording)
        app = await stack.enter_async_context(instance.opened(recording))
        account = account_of(there.copy)
        connections = await stack.enter_async_context(floor.connected(account.endpoint, clients))
        alone = Alone(app, account, connections, clients)
        await alone.prepare(there)
        yield alone
