"""The app in this process, as the worker calls it, with its calls to storage on record."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from azure import functions

from benchmarks import services as running
from benchmarks.tables import NAME, account_of
from local.functions import HttpFunction, index, load
from local.invocation import Context
from shared.scim.documents import changed_names
from shared.settings import Settings
from shared.store.layout import DELETIONS_KEY, TENANT_SETTINGS_KEY
from shared.store.store import open_store
from shared.tables.azure_table import AzureTable
from shared.tables.rest.client import open_rest_client
from shared.tenants import DEFAULT
from shared.web import services

if TYPE_CHECKING:
    from benchmarks.client import Request
    from local.azurite import Azurite
    from shared.tables.client import StorageClient
    from shared.tables.operations import RowOperation
    from shared.tables.rows import Row, Span
    from shared.tables.table import ContinuationToken, Page, Selection

HOST = "http://127.0.0.1"
TOKEN = "the-token-of-the-benchmark"  # noqa: S105 - it opens a table in memory
CONTROL = "control"
"""A tenant besides `default`, of a name that sorts before it: Azurite keeps partitions in order,
and moves all that lies behind a new row, which is then as much for this tenant."""
Invocation = Callable[[], Awaitable[functions.HttpResponse]]
"""Calls a function: from its entry to its return."""

_NAMES = {"Users": "users", "Groups": "groups"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to storage: a row that was read, a span, or the operations of a transaction."""

    key: str = ""
    span: Span | None = None
    limit: int = 0
    select: Selection = None
    operations: Sequence[RowOperation] = ()


@dataclass(slots=True)
class Recorder:
    """A `StorageClient` that notes each call and passes it on."""

    client: StorageClient
    calls: list[Call] = field(default_factory=list)

    @property
    def counted(self) -> list[Call]:
        """The calls but those that many requests share.

        The deletions row is read once in 2 seconds, the settings of the tenant once a minute.
        """
        shared = {DELETIONS_KEY, TENANT_SETTINGS_KEY}
        return [each for each in self.calls if each.key not in shared]

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row."""
        self.calls.append(Call(key=key))
        return await self.client.get(partition, key)

    async def query(
        self,
        partition: str,
        span: Span,
        limit: int,
        token: ContinuationToken | None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span."""
        self.calls.append(Call(span=span, limit=limit, select=select))
        return await self.client.query(partition, span, limit, token, select)

    async def submit(self, partition: str, operations: Sequence[RowOperation]) -> list[str]:
        """Commit a transaction."""
        self.calls.append(Call(operations=operations))
        return await self.client.submit(partition, operations)

    async def create_table(self) -> None:
        """Create the table."""
        await self.client.create_table()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()


class Instance:
    """The app of this process on one Azurite.

    Attributes:
        process: What its functions are served with.
        recorder: Has the calls to storage.
    """

    def __init__(
        self, process: services.Services, recorder: Recorder, http: Sequence[HttpFunction]
    ) -> None:
        self.recorder = recorder
        self.process = process
        self._functions = {each.function.name: each.function for each in http}

    def prepared(self, request: Request, tenant: str = DEFAULT) -> Prepared:
        """Write a request to a tenant as the host hands it over."""
        path, _, query = request.path.partition("?")
        _, endpoint, *rest = path.split("/")
        name = _NAMES[endpoint] + ("_id" if rest else "")
        root, route = "/scim/v2", {"id": rest[0]} if rest else {}
        if tenant != DEFAULT:
            name, root = f"tenant_{name}", f"/tenants/{tenant}{root}"
            route["tenant"] = tenant
        url = HOST + root + request.path
        return Prepared(
            name, request.method, url, dict(parse_qsl(query)), route, request.body or b""
        )

    def invocation(self, prepared: Prepared) -> Invocation:
        """Make all that the function of a request is called with."""
        function = self._functions[prepared.function]
        request, context = prepared.http_request(), Context(function, None)
        call: Invocation = partial(function.call, request, context)
        return call

    async def create(self, request: Request, tenant: str = DEFAULT) -> str:
        """Serve a creation; return the id of what was created."""
        return id_in(await self.invocation(self.prepared(request, tenant))())

    async def close(self) -> None:
        """Close the connections."""
        await self.process.close()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with the name of the function that its path leads to."""

    function: str
    method: str
    url: str
    query: dict[str, str]
    route: dict[str, str]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """Headers as the host passes them."""
        return {"authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"}

    def http_request(self) -> functions.HttpRequest:
        """Make the argument of the function."""
        return functions.HttpRequest(
            self.method,
            self.url,
            headers=self.headers,
            params=self.query,
            route_params=self.route,
            body=self.body,
        )


@asynccontextmanager
async def opened(storage: Azurite) -> AsyncIterator[Instance]:
    """Put the app together on an Azurite, in the way in which it does so itself.

    It serves the tenants `default` and `CONTROL`.
    """
    log_to_nowhere()
    tokens = {f"SCIM_SECRET_TOKEN__{CONTROL.upper()}": TOKEN}
    # What is written beside a request would be counted with it.
    unlogged = {"SCIM_PROVISIONING_LOG_DAYS": "0"}
    environ = {**os.environ, **running.settings(storage, TOKEN), **tokens, **unlogged}
    settings = Settings.from_environment(environ)
    recorder = Recorder(open_rest_client(account_of(storage), NAME))
    store = open_store(AzureTable(recorder), changed_names)
    built = services.build(settings)
    instance = Instance(replace(built, store=store), recorder, index(load("function_app"), "").http)
    before = services._current  # noqa: SLF001 - there is no other way in, on purpose
    services._current = instance.process  # noqa: SLF001
    try:
        yield instance
    finally:
        services._current = before  # noqa: SLF001
        await instance.close()


def log_to_nowhere() -> None:
    """Have every line of the log written, as in the service, but read by no one."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(open(os.devnull, "w", encoding="utf-8")))  # noqa: PTH123, SIM115
        root.setLevel(logging.INFO)


def checked(response: functions.HttpResponse) -> functions.HttpResponse:
    """Return an answer that is a success.

    Raises:
        RuntimeError: It is none.
    """
    if response.status_code >= 300:
        raise RuntimeError(f"the app refused: {response.get_body()!r}")
    return response


def id_in(response: functions.HttpResponse) -> str:
    """Return the id of the resource that was created.

    Raises:
        RuntimeError: As `checked` has it.
    """
    return str(json.loads(checked(response).get_body())["id"])
