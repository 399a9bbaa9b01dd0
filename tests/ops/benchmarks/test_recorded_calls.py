"""The calls to storage that the benchmark counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.instance import Recorder
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.store import open_store
from shared.tables.account import StorageAccount, TableAddress
from shared.tables.azure_table import AzureTable
from shared.tables.rest.client import open_rest_client
from tests.support.seeds import seed

if TYPE_CHECKING:
    from local.azurite import Azurite
    from tests.conftest import NewContext


async def test_a_request_counts_the_same_whether_it_reads_the_deletions_row_or_not(
    storage: Azurite, new_context: NewContext
) -> None:
    account = StorageAccount.of(
        TableAddress("scim", connection_string=storage.connection_string), None
    )
    recorder = Recorder(open_rest_client(account, "scim"))
    store = open_store(AzureTable(recorder), changed_names)
    everyone = await seed(store.table, new_context(), users=1)
    recorder.calls.clear()
    await store.users.get(new_context(), everyone.users[0])
    assert [call.key for call in recorder.calls] == [
        layout.user_key(everyone.users[0]),
        layout.DELETIONS_KEY,
    ]
    assert [call.key for call in recorder.counted] == [layout.user_key(everyone.users[0])]
    await store.table.close()
