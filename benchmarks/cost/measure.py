"""Measures the service: CPU of each request, the length of its log line, the size of rows.

The functions of the app are called as the worker calls them, in this process, against Azurite in
another. So `time.process_time` is the service's alone.
"""

import json
import logging
import os
import platform
import secrets
import time
from collections import defaultdict
from collections.abc import Mapping
from statistics import mean, median
from typing import Any, Final

from azure import functions

from benchmarks.cost.measured import Measured
from benchmarks.cost.operations import Cost
from benchmarks.cost.requests import COSTS, Request
from local import azurite
from local.functions import Function, index, load
from local.invocation import Context
from shared.store import layout
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.web import services
from tools.provision import wire
from tools.provision.directory import Group, User
from tools.provision.generator import generate
from tools.provision.mapping import MANAGER

_URL: Final = "https://scim.example.com/scim/v2"
_TABLE: Final = "measured"
_TENANT: Final = "default"
_WARM_UP: Final = 20
_LEGACY: Final = wire.Dialect.LEGACY


class MeasureError(Exception):
    """The service did something else than what was to be measured."""


class _Lines(logging.Handler):
    """Takes the lines of the request log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


class _Service:
    """The functions of the app, and what calling them has cost."""

    def __init__(self, token: str) -> None:
        self.cpu: dict[Request, list[float]] = defaultdict(list)
        self.log = _Lines()
        self._token = token
        self._functions = {
            each.function.name: each.function for each in index(load("function_app"), "").http
        }

    async def send(
        self, kind: Request, method: str, path: str, body: wire.Json | None = None
    ) -> dict[str, Any]:
        """Send a request and note its CPU.

        Raises:
            MeasureError: it was refused, or cost other storage calls than it should.
        """
        function, request = self._prepared(method, path, body)
        context = Context(function, None)
        # So that each request that needs the deletions row reads it, as when they are far apart.
        services.current().store.deleted_groups.invalidate(_TENANT)
        before = time.process_time()
        response = await function.call(request, context)
        self.cpu[kind].append((time.process_time() - before) * 1e6)
        line = json.loads(self.log.lines[-1])
        cost = Cost(line.get("calls", 0), line.get("entities", 0))
        if response.status_code >= 300 or cost != COSTS[kind]:
            raise MeasureError(
                f"{kind}: status {response.status_code}, {cost}, expected {COSTS[kind]}"
            )
        return json.loads(response.get_body() or b"{}")  # type: ignore[no-any-return]

    def _prepared(
        self, method: str, path: str, body: wire.Json | None
    ) -> tuple[Function, functions.HttpRequest]:
        endpoint, _, resource_id = path.partition("?")[0].strip("/").partition("/")
        request = functions.HttpRequest(
            method=method,
            url=_URL + path,
            headers={
                "authorization": f"Bearer {self._token}",
                "content-type": "application/scim+json",
            },
            route_params={"id": resource_id} if resource_id else {},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return self._functions[endpoint.lower() + ("_id" if resource_id else "")], request


async def measure(rounds: int) -> Measured:
    """Send every kind of request, to a directory that grows by one user and one group a round.

    Raises:
        MeasureError: the service counts other storage calls than `operations.py`.
        LocalError: Azurite does not start.
    """
    async with azurite.running() as storage:
        token = secrets.token_urlsafe(32)
        for elsewhere in ("KEY_VAULT_URL", "TABLE_ENDPOINT"):
            os.environ.pop(elsewhere, None)
        os.environ |= {
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "SCIM_SECRET_TOKEN": token,
            "TABLE_CONNECTION_STRING": storage.connection_string,
            "TABLE_NAME": _TABLE,
        }
        service = _Service(token)
        logger = logging.getLogger("scim.requests")
        logger.addHandler(service.log)
        logger.setLevel(logging.INFO)
        try:
            rows = await _life(service, rounds + _WARM_UP, storage.connection_string)
        finally:
            await services.current().close()
    return Measured(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        rounds,
        {kind: round(median(service.cpu[kind][_WARM_UP:])) for kind in Request},
        round(mean(map(len, service.log.lines))),
        _row_bytes(rows),
    )


async def _life(service: _Service, number: int, connection_string: str) -> list[Row]:
    """Send all requests; return the rows that were there when the directory was complete."""
    people = generate(users=number, groups=0).users
    users = [await _join(service, person) for person in people]
    groups = [await _found(service, n) for n in range(number)]
    for user_id, manager_id in zip(users, [*users[1:], users[0]], strict=True):
        await _manage(service, user_id, manager_id)
    for n, user_id in enumerate(users):
        await _enrol(service, user_id, (groups[n], groups[n - 1]))
    for person, user_id in zip(people, users, strict=True):
        await _change(service, person, user_id)
    rows = await _rows(connection_string)
    for n, user_id in enumerate(users):
        await _leave(service, user_id, groups[n])
    return rows


async def _join(service: _Service, person: User) -> str:
    await service.send(Request.PROBE_USER, "GET", _filtered("/Users", "userName", "nobody"))
    await service.send(
        Request.PROBE_GROUP, "GET", _filtered("/Groups", "displayName", "none", _NO_MEMBERS)
    )
    name = _filtered("/Users", "userName", person.user_name)
    await service.send(Request.MATCH_USER, "GET", name)
    body = wire.new_user(person.values)
    created = await service.send(Request.CREATE_USER, "POST", "/Users", body)
    return str(created["id"])


async def _found(service: _Service, n: int) -> str:
    name = f"Group {n}"
    path = _filtered("/Groups", "displayName", name, _NO_MEMBERS)
    await service.send(Request.MATCH_GROUP, "GET", path)
    body = wire.new_group(Group(f"source-{n}", name))
    created = await service.send(Request.CREATE_GROUP, "POST", "/Groups", body)
    await service.send(Request.FIND_GROUP, "GET", path)
    return str(created["id"])


async def _manage(service: _Service, user_id: str, manager_id: str) -> None:
    terms = f"{wire.equals('id', user_id)} and {wire.equals(MANAGER, manager_id)}"
    path = f"/Users?{wire.query(filter=terms, attributes='id')}"
    await service.send(Request.CHECK_MANAGER, "GET", path)
    operation = wire.set_manager(_LEGACY, wire.ManagerShape.STRING, manager_id, first=True)
    await service.send(Request.SET_MANAGER, "PATCH", f"/Users/{user_id}", wire.patch([operation]))


async def _enrol(service: _Service, user_id: str, groups: tuple[str, ...]) -> None:
    for group_id in groups:
        operations = wire.add_members(_LEGACY, [user_id])
        path = f"/Groups/{group_id}"
        await service.send(Request.ADD_MEMBER, "PATCH", path, wire.patch(operations))
        terms = f"{wire.equals('id', group_id)} and {wire.equals('members', user_id)}"
        path = f"/Groups?{wire.query(filter=terms, attributes='id')}"
        await service.send(Request.CHECK_MEMBER, "GET", path)


async def _change(service: _Service, person: User, user_id: str) -> None:
    name = _filtered("/Users", "userName", person.user_name)
    await service.send(Request.FIND_USER, "GET", name)
    operations = wire.update(_LEGACY, [wire.Change("title", f"No. {user_id[:6]}")])
    await service.send(Request.UPDATE_USER, "PATCH", f"/Users/{user_id}", wire.patch(operations))


async def _leave(service: _Service, user_id: str, group_id: str) -> None:
    operations = wire.remove_members(_LEGACY, [user_id])
    path = f"/Groups/{group_id}"
    await service.send(Request.REMOVE_MEMBER, "PATCH", path, wire.patch(operations))
    await service.send(Request.DELETE_USER, "DELETE", f"/Users/{user_id}")


_NO_MEMBERS: Final = {"excludedAttributes": "members"}


def _filtered(
    endpoint: str, attribute: str, value: str, parameters: Mapping[str, str] | None = None
) -> str:
    query = wire.query(**(parameters or {}), filter=wire.equals(attribute, value))
    return f"{endpoint}?{query}"


async def _rows(connection_string: str) -> list[Row]:
    table = open_table(TableAddress(_TABLE, connection_string=connection_string))
    context = RequestContext(_TENANT, "measure", "measure", time.monotonic() + 60)
    try:
        page = await table.page(context, layout.WHOLE_PARTITION)
        rows = [*page.rows]
        while page.token is not None:
            page = await table.page(context, layout.WHOLE_PARTITION, token=page.token)
            rows += page.rows
    finally:
        await table.close()
    return rows


def _row_bytes(rows: list[Row]) -> dict[str, int]:
    sizes: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        sizes[layout.kind_in(row.key)].append(entity_bytes(_TENANT, row))
    return {kind: round(mean(sizes[kind])) for kind in sorted(sizes)}


def entity_bytes(partition: str, row: Row) -> int:
    """Size a row as Table Storage bills it.

    4 bytes, 2 for each character of both keys, and for each property 8 bytes, 2 for each character
    of its name, and its value: 2 a character and 4 for text, 4 for a number, 4 and one a byte for
    binary (the storage team's "Understanding Windows Azure Storage Billing"). `Timestamp`, which
    the service sets, is left out.
    """
    size = 4 + 2 * (len(partition) + len(row.key))
    for name, value in row.values.items():
        size += 8 + 2 * len(name)
        match value:
            case str():
                size += 4 + 2 * len(value)
            case bytes():
                size += 4 + len(value)
            case _:
                size += 4
    return size
