"""Measures the service: CPU of each request, the length of its log line, the size of rows.

The functions of the app are called as the worker calls them, in this process, against Azurite in
another. So `time.process_time` is the service's alone.
"""

import json
import logging
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from logging.handlers import BufferingHandler
from statistics import mean, median
from typing import Any, Final

from benchmarks import client, instance
from benchmarks.cost.operations import PAGE_ROWS, Cost
from benchmarks.cost.parameters import Measured
from benchmarks.cost.requests import Request
from local import azurite
from shared.store import layout
from shared.tables.client import StorageClient
from shared.tables.rows import Row
from shared.tenants import DEFAULT
from tools.provision import wire
from tools.provision.directory import Group, User
from tools.provision.generator import generate
from tools.provision.mapping import MANAGER

_WARM_UP: Final = 20
_LEGACY: Final = wire.Dialect.LEGACY


class _Service:
    """The app, and what its requests have cost."""

    def __init__(self, app: instance.Instance) -> None:
        self.cpu: dict[Request, list[float]] = defaultdict(list)
        self._app = app

    async def send(
        self, kind: Request, method: str, path: str, body: wire.Json | None = None
    ) -> dict[str, Any]:
        """Send a request and note its CPU.

        Raises:
            RuntimeError: it was refused, or cost other storage calls than it should.
        """
        content = None if body is None else json.dumps(body).encode()
        call = self._app.invocation(self._app.prepared(client.Request(method, path, content)))
        calls = self._app.recorder.calls
        calls.clear()
        # So that each request that needs the deletions row reads it, as when they are far apart.
        self._app.process.store.hidden.invalidate(DEFAULT)
        before = time.process_time()
        response = await call()
        self.cpu[kind].append((time.process_time() - before) * 1e6)
        answered = instance.checked(response).get_body()
        # The settings of the tenant are read once a minute, beside the requests.
        made = [each for each in calls if each.key != layout.TENANT_SETTINGS_KEY]
        cost = Cost(len(made), sum(len(each.operations) for each in made))
        if cost != kind.cost:
            raise RuntimeError(f"{kind}: {cost}, expected {kind.cost}")
        return json.loads(answered or b"{}")  # type: ignore[no-any-return]

    async def find(
        self, kind: Request, endpoint: str, *terms: tuple[str, str], **parameters: str
    ) -> None:
        """Send a query for what has these values."""
        condition = " and ".join(wire.equals(*each) for each in terms)
        query = wire.query(**parameters, filter=condition)
        await self.send(kind, "GET", f"{endpoint}?{query}")

    async def patch(self, kind: Request, path: str, operations: Iterable[wire.Json]) -> None:
        """Send a PATCH."""
        await self.send(kind, "PATCH", path, wire.patch([*operations]))


async def measure(rounds: int) -> Measured:
    """Send every kind of request, to a directory that grows by one user and one group a round.

    Raises:
        RuntimeError: the service makes other storage calls than `operations.py` counts.
        LocalError: Azurite does not start.
    """
    log = BufferingHandler(sys.maxsize)
    async with azurite.running() as storage, instance.opened(storage) as app:
        logging.getLogger("scim.requests").addHandler(log)
        service = _Service(app)
        rows = await _life(service, rounds + _WARM_UP, app.recorder.client)
    python = platform.python_version()
    return Measured(
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {python}",
        rounds=rounds,
        log_line_bytes=round(mean(len(each.getMessage()) for each in log.buffer)),
        cpu_microseconds={kind: round(median(service.cpu[kind][_WARM_UP:])) for kind in Request},
        row_bytes=_row_bytes(rows),
    )


async def _life(service: _Service, number: int, storage: StorageClient) -> list[Row]:
    """Send all requests; return the rows that were there when the directory was complete."""
    people = generate(users=number, groups=0).users
    users = [await _join(service, person) for person in people]
    groups = [await _found(service, n) for n in range(number)]
    for user_id, manager_id in zip(users, [*users[1:], users[0]], strict=True):
        await _manage(service, user_id, manager_id)
    for n, user_id in enumerate(users):
        await _enrol(service, user_id, (groups[n], groups[n - 1]))
    for person, user_id in zip(people, users, strict=True):
        await service.find(Request.FIND_USER, "/Users", ("userName", person.user_name))
        title = wire.update(_LEGACY, [wire.Change("title", f"No. {user_id[:6]}")])
        await service.patch(Request.UPDATE_USER, f"/Users/{user_id}", title)
    rows = await _rows(storage)
    for user_id, group_id in zip(users, groups, strict=True):
        gone = wire.remove_members(_LEGACY, [user_id])
        await service.patch(Request.REMOVE_MEMBER, f"/Groups/{group_id}", gone)
        await service.send(Request.DELETE_USER, "DELETE", f"/Users/{user_id}")
    return rows


async def _join(service: _Service, person: User) -> str:
    none = ("displayName", "none")
    await service.find(Request.PROBE_USER, "/Users", ("userName", "nobody"))
    await service.find(Request.PROBE_GROUP, "/Groups", none, excludedAttributes="members")
    await service.find(Request.MATCH_USER, "/Users", ("userName", person.user_name))
    body = wire.new_user(person.values)
    return str((await service.send(Request.CREATE_USER, "POST", "/Users", body))["id"])


async def _found(service: _Service, n: int) -> str:
    by_name = ("displayName", f"Group {n}")
    await service.find(Request.MATCH_GROUP, "/Groups", by_name, excludedAttributes="members")
    body = wire.new_group(Group(f"source-{n}", f"Group {n}"))
    created = await service.send(Request.CREATE_GROUP, "POST", "/Groups", body)
    await service.find(Request.FIND_GROUP, "/Groups", by_name, excludedAttributes="members")
    return str(created["id"])


async def _manage(service: _Service, user_id: str, manager_id: str) -> None:
    terms = (("id", user_id), (MANAGER, manager_id))
    await service.find(Request.CHECK_MANAGER, "/Users", *terms, attributes="id")
    manager = wire.set_manager(_LEGACY, wire.ManagerShape.STRING, manager_id, first=True)
    await service.patch(Request.SET_MANAGER, f"/Users/{user_id}", [manager])


async def _enrol(service: _Service, user_id: str, groups: tuple[str, ...]) -> None:
    for group_id in groups:
        added = wire.add_members(_LEGACY, [user_id])
        await service.patch(Request.ADD_MEMBER, f"/Groups/{group_id}", added)
        terms = (("id", group_id), ("members", user_id))
        await service.find(Request.CHECK_MEMBER, "/Groups", *terms, attributes="id")


async def _rows(storage: StorageClient) -> list[Row]:
    page = await storage.query(DEFAULT, layout.WHOLE_PARTITION, PAGE_ROWS, None)
    rows = [*page.rows]
    while page.token is not None:
        page = await storage.query(DEFAULT, layout.WHOLE_PARTITION, PAGE_ROWS, page.token)
        rows += page.rows
    return rows


def _row_bytes(rows: list[Row]) -> dict[str, int]:
    sizes: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        sizes[layout.kind_in(row.key)].append(_entity_bytes(row))
    return {kind: round(mean(sizes[kind])) for kind in sorted(sizes)}


def _entity_bytes(row: Row) -> int:
    """Size a row as Table Storage bills it.

    4 bytes, 2 for each character of both keys, and for each property 8 bytes, 2 for each character
    of its name, and its value: 2 a character and 4 for text, 4 for a number, 4 and one a byte for
    binary (the storage team's "Understanding Windows Azure Storage Billing"). `Timestamp`, which
    the service sets, is left out.
    """
    size = 4 + 2 * (len(DEFAULT) + len(row.key))
    for name, value in row.values.items():
        size += 12 + 2 * len(name)
        size += 2 * len(value) if isinstance(value, str) else 0
        size += len(value) if isinstance(value, bytes) else 0
    return size
