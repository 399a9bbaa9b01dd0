"""Directories that are written straight into tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.tables import Rows
from shared.store import layout
from tests.support.partition import read_partition

if TYPE_CHECKING:
    from local.azurite import Azurite
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext


def test_everybody_has_a_number_and_rows_are_in_the_order_of_their_keys() -> None:
    rows = Rows.of(30)
    inserts = {each.key: each for each in rows.inserts}
    assert list(inserts) == sorted(inserts)
    claims = [inserts[layout.claim_key("un", f"user{number}@example.com")] for number in range(30)]
    assert tuple(each.values["o"] for each in claims) == rows.ids.users


def test_an_excerpt_has_the_rows_of_the_first_users_and_all_that_are_of_no_user() -> None:
    rows = Rows.of(30)
    part = rows.excerpt(10)
    gone = {each.key for each in rows.inserts} - {each.key for each in part.inserts}
    assert part.ids.users == rows.ids.users[:10]
    assert part.ids.group == rows.ids.group
    assert len(gone) == 20 * 5  # the user, its name, externalId and address, and its membership
    assert {key.partition("-")[0] for key in gone} == {"u", "un", "ux", "ue", "m"}
    assert all(layout.user_key(uid) in gone for uid in rows.ids.users[10:])
    assert rows.excerpt(1_000) == Rows(rows.ids, list(rows.inserts))


async def test_a_directory_is_as_the_store_would_have_left_it(
    storage: Azurite, table: AzureTable, context: RequestContext
) -> None:
    await Rows.of(30).write(storage, (context.tenant,))
    assert (await read_partition(table, context)).problems() == []
