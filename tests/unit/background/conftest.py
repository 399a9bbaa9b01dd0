"""Tenants on a real table with something to sweep, and a run over them."""

from __future__ import annotations

import json
import random
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from background.sweeper import KeptDays, Sweep
from shared.auth.tokens import AcceptedCredentials
from shared.scim.documents import changed_names
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from tests.support.partition import Partition, read_partition
from tests.support.seeds import seed, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from aiohttp import web

    from local.azurite import Azurite
    from shared.auth.tokens import ApiKey, Caller, Choose, SecretToken
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import Fault, Forward, StorageProxy

DAY = 86_400


@dataclass(slots=True)
class Named:
    """An authenticator that names tenants, and lets no one in."""

    names: tuple[str, ...] = ()
    listings: int = 0

    async def authenticate(self, *_: str | None) -> Caller:
        raise AssertionError("nobody is to be let in")

    async def identify(self, _: str | None) -> ApiKey:
        raise AssertionError("nobody is to be let in")

    async def has_tenant(self, tenant: str) -> bool:
        return tenant in self.names

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        del tenant
        return AcceptedCredentials(by_token=True)

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        return ()

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        del secret, choose
        return None

    async def refresh(self) -> bool | None:
        raise AssertionError("nothing is to be read again")

    async def tenants(self) -> tuple[str, ...]:
        self.listings += 1
        return self.names

    async def close(self) -> None:
        return


@dataclass(slots=True)
class Tenants:
    """Tenants that only one test knows.

    Attributes:
        store: what writes their rows; it meets no faults.
        clock: the time of the test.
    """

    store: Store
    clock: Time

    def new(self) -> str:
        return f"t{secrets.token_hex(8)}"

    def context(self, tenant: str) -> RequestContext:
        deadline = time.monotonic() + 60
        return RequestContext(tenant, secrets.token_hex(8), "test", deadline)

    async def with_deleted_group(self, members: int = 201) -> str:
        """A tenant with a group that is deleted and not swept."""
        tenant = self.new()
        everyone = await seed(self.store.table, self.context(tenant), users=members)
        await self.store.groups.delete(self.context(tenant), everyone.groups[0])
        return tenant

    async def with_history(self, tenant: str = "", *, days: float, rows: int = 3) -> str:
        """A tenant with change rows that are so many days old by the test's clock."""
        tenant = tenant or self.new()
        begin = int((self.clock.wall - days * DAY) * 1_000)
        changes = [Insert(f"l-{begin + n:012x}{n:020x}", {"rt": "User"}) for n in range(rows)]
        await write(self.store.table, self.context(tenant), changes)
        return tenant

    async def rows(self, tenant: str) -> Partition:
        return await read_partition(self.store.table, self.context(tenant))

    async def history(self, tenant: str) -> int:
        """How many change rows a tenant has."""
        return len((await self.rows(tenant)).of("l"))


class Lines(Protocol):
    """Reads the lines of JSON that runs have left in the log."""

    def __call__(self) -> list[dict[str, Any]]: ...


class Run(Protocol):
    """Runs the sweeper once over some tenants; raises what the run raises."""

    def __call__(
        self, *tenants: str, store: Store | None = None, days: int = 400, log_days: int = 30
    ) -> Coroutine[Any, Any, Sweep]: ...


@pytest.fixture
def tenants(store: Store, clock: Time) -> Tenants:
    return Tenants(store, clock)


@pytest.fixture
def run(store: Store, clock: Time) -> Run:
    numbers = iter(range(1, 1_000))
    shared_store = store

    async def once(
        *tenants: str, store: Store | None = None, days: int = 400, log_days: int = 30
    ) -> Sweep:
        number = next(numbers)
        sweep = Sweep(
            store or shared_store,
            f"run-{number}",
            KeptDays(days, log_days),
            clock=clock.clock(),
            draw=random.Random(number),
        )
        await sweep.run(Named(tenants))
        return sweep

    return once


@pytest.fixture
async def faulty_store(storage: Azurite, proxy: StorageProxy, clock: Time) -> AsyncIterator[Store]:
    """The store of another instance, with the proxy between it and the storage."""
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    opened = open_table(TableAddress("scim", connection_string=address))
    yield open_store(opened, changed_names, member_writes_per_second=1_000_000, clock=clock.clock())
    await opened.close()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level("INFO", logger="scim.sweeper")
    return lambda: [json.loads(line) for line in caplog.messages if line.startswith("{")]


def only_for(tenant: str, fault: Fault) -> Fault:
    """Let a fault befall the reads of one tenant."""

    async def act(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        if tenant in request.path_qs:
            return await fault(request, forward)
        return await forward()

    return act
