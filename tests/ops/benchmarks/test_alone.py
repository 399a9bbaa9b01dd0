"""What is sent to storage without the service is what the service sends."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from benchmarks import alone
from benchmarks.operations import OPERATIONS
from benchmarks.tables import NAME, Rows, Seeded
from local import azurite
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.tenants import DEFAULT
from tests.support.partition import Partition, read_partition

if TYPE_CHECKING:
    from local.azurite import Azurite

TIMES = 3


async def read(storage: Azurite) -> Partition:
    table = open_table(TableAddress(NAME, connection_string=storage.connection_string))
    context = RequestContext(DEFAULT, secrets.token_hex(8), "test", time.monotonic() + 25)
    try:
        return await read_partition(table, context)
    finally:
        await table.close()


async def test_the_copy_goes_through_what_the_service_does() -> None:
    """A copy of 20 users, and an excerpt of 10 in which the service is recorded."""
    rows = Rows.of(20)
    async with azurite.running() as copy:
        await rows.write(copy)
        there = Seeded(copy, copy, rows.ids, len(rows.inserts), rows.excerpt(10))
        async with alone.opened(there, clients=2) as storage:
            for operation in OPERATIONS:
                seconds = await storage.measure(operation, TIMES)
                assert len(seconds) == TIMES
                assert min(seconds) > 0
        found = await read(copy)
    assert found.problems() == []
    verbs = [each["op"] for each in found.changes()]
    assert verbs.count("create") == 200 + TIMES
    assert verbs.count("delete") == TIMES
    titles = [found.document(f"u-{uid}").get("title") for uid in rows.ids.users]
    assert 1 <= len({each for each in titles if each != "Engineer"}) <= TIMES
