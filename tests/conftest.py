"""A real Azurite for each worker, and a tenant of its own for each test."""

from __future__ import annotations

import logging
import secrets
import signal
import time
from typing import TYPE_CHECKING, Protocol

import hypothesis
import pytest

from local import azurite
from shared.scim.documents import changed_names
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from shared.tables.request_context import RequestContext
from shared.web.host_log import DroppedRecords
from tests.support.fakes.clock import Time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytest_plugins = (
    "tests.support.fixtures.service",
    "tests.support.fixtures.storage",
    "tests.support.fixtures.queues",
    "tests.support.fixtures.key_vault",
)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them ignore Ctrl-C. What they start would
    # inherit that, and a script cannot trap what it was started to ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # The same under nohup.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

SERVERS = {"storage", "running_service", "extended_service", "vault", "identity"}
"""Fixtures that start Azurite, the service, or what stands for Azure."""

hypothesis.settings.register_profile("quick", max_examples=10)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are given a server, so that `make quick` leaves them out."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS & {*item.fixturenames}:
            item.add_marker("server")


@pytest.fixture(autouse=True)
def no_handler_of_the_app() -> None:
    """Take away the handler that `function_app` adds to the root logger of whoever imports it.

    Tests of the tools, which run beside it in this process, look at all that is written.
    """
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, DroppedRecords)]


class NewContext(Protocol):
    """Begins another request of the test's tenant."""

    def __call__(self, *, seconds: float = 25.0) -> RequestContext: ...


@pytest.fixture(scope="session")
async def storage() -> AsyncIterator[azurite.Azurite]:
    """Azurite, in memory, on free ports."""
    async with azurite.running() as running:
        yield running


@pytest.fixture(scope="session")
async def table(storage: azurite.Azurite) -> AsyncIterator[AzureTable]:
    """The table that the tests of a worker share; each keeps to its own partition."""
    opened = open_table(TableAddress("scim", connection_string=storage.connection_string))
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> str:
    return f"t{secrets.token_hex(8)}"


@pytest.fixture
def new_context(tenant: str) -> NewContext:
    def begin(*, seconds: float = 25.0) -> RequestContext:
        return RequestContext(tenant, secrets.token_hex(8), "test", time.monotonic() + seconds)

    return begin


@pytest.fixture
def context(new_context: NewContext) -> RequestContext:
    """One request of the test's tenant."""
    return new_context()


@pytest.fixture
def clock() -> Time:
    """The time of the test."""
    return Time()


@pytest.fixture
def store(table: AzureTable, clock: Time) -> Store:
    """The store as the service opens it, but for the pace of bulk writes and the clock."""
    return open_store(table, changed_names, member_writes_per_second=1_000_000, clock=clock.clock())
