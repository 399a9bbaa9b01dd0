"""The store on a real table, its partition to be read back, and faults between the two."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

import pytest

from shared.clock import Clock
from shared.scim.documents import changed_names
from shared.store.deletions import Sweeper
from shared.store.deletions_row import HiddenResources
from shared.store.memberships import Memberships
from shared.store.store import Store, open_store
from shared.store.tenant_settings import TenantSettingsStore
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from tests.support.partition import Partition, read_partition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy


class ReadBack(Protocol):
    """Reads the test's partition; `consistent` asserts first that it breaks no rule."""

    async def __call__(self) -> Partition: ...


@pytest.fixture
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of the pauses between attempts: they are random from 0 up."""
    monkeypatch.setattr(random, "uniform", lambda low, _: low)


@pytest.fixture
def reader(table: AzureTable, clock: Time) -> Store:
    """The store of another instance, whose steady clock shows another time."""
    return open_store(table, changed_names, clock=Clock(steady=lambda: clock.steady - 4_900))


@pytest.fixture
def partition(table: AzureTable, new_context: NewContext) -> ReadBack:
    async def read() -> Partition:
        return await read_partition(table, new_context(seconds=60))

    return read


@pytest.fixture
def consistent(partition: ReadBack) -> ReadBack:
    async def read() -> Partition:
        found = await partition()
        assert found.problems() == []
        return found

    return read


@pytest.fixture
def sweeper(table: AzureTable) -> Sweeper:
    hidden, settings = HiddenResources(table, Clock()), TenantSettingsStore(table, Clock())
    return Sweeper(table, Memberships(table, hidden, settings, writes_per_second=1_000_000))


@pytest.fixture
def rejecting_store(table: AzureTable) -> Store:
    """The store of a service that refuses unknown members."""
    return open_store(table, changed_names, reject_unknown_members=True)


@pytest.fixture
async def faulty_store(storage: Azurite, proxy: StorageProxy, clock: Time) -> AsyncIterator[Store]:
    """The store, with the proxy between it and the storage."""
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    opened = open_table(TableAddress("scim", connection_string=address))
    yield open_store(opened, changed_names, member_writes_per_second=1_000_000, clock=clock.clock())
    await opened.close()
