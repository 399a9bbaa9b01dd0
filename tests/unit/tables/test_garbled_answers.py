"""Answers that are cut or garbled, in whole HTTP: either client knows what came of it, or not.

Neither ever takes a part for the whole, and neither fails in another way than for want of an
answer.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.store import open_store
from shared.tables.account import StorageAccount, TableAddress
from shared.tables.azure_table import ClientName, open_table
from shared.tables.client import StorageClient, StorageError
from shared.tables.operations import Delete, Insert, Merge, OperationRejected, RowOperation
from shared.tables.rest.client import open_rest_client
from shared.tables.rows import Span
from shared.tables.sdk import open_sdk_client
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import garble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from local.azurite import Azurite
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import Fault, StorageProxy

UNKNOWN = "unknown"
EVERYTHING = Span("a", "z")
STRIDE = 7
"""Bytes from one cut to the next."""

GARBAGE: dict[str, Fault] = {
    "empty": garble(lambda _: b""),
    "half": garble(lambda body: body[: len(body) // 2]),
    "none, 204": garble(lambda _: b"", status=204),
    "a page, 200": garble(lambda _: b"<html>", status=200, content_type="text/html"),
    "a page, 404": garble(lambda _: b"<html>", status=404, content_type="text/html"),
    "a redirect": garble(lambda _: b"", status=302),
    "400 without a code": garble(lambda _: b"", status=400),
    "409 without a code": garble(lambda _: b"", status=409),
    "412 and an object": garble(lambda _: b"{}", status=412, content_type="application/json"),
    "502": garble(lambda _: b"<html>", status=502, content_type="text/html"),
    "another content type": garble(content_type="text/html"),
    "another boundary": garble(content_type="multipart/mixed; boundary=none"),
    "no text": garble(lambda _: bytes(range(128, 256))),
    "no status in it": garble(lambda body: body.replace(b"HTTP/1.1 2", b"HTTP/1.1 x")),
    "an unknown status in it": garble(lambda body: body.replace(b"HTTP/1.1 2", b"HTTP/1.1 7")),
    "brackets": garble(lambda _: b"[" * 100_000),
    "a list": garble(lambda _: b"[]"),
    "null": garble(lambda _: b"null"),
    "text": garble(lambda _: b'"x"'),
    "an object": garble(lambda _: b'{"a": 1}'),
}


@pytest.fixture(params=["rest", "sdk"])
async def client(
    request: pytest.FixtureRequest,
    storage: Azurite,
    proxy: StorageProxy,
    table: AzureTable,
    new_context: NewContext,
) -> AsyncIterator[StorageClient]:
    """One of the clients, through the proxy, on a table that exists."""
    await table.get(new_context(), "a")  # the first read creates it
    connection = proxy.instead_of(storage.ports["table"], storage.connection_string)
    account = StorageAccount.of(TableAddress("scim", connection_string=connection), None)
    opens: dict[str, Callable[[StorageAccount, str], StorageClient]] = {
        "rest": open_rest_client,
        "sdk": open_sdk_client,
    }
    opened = opens[request.param](account, "scim")
    yield opened
    await opened.close()


async def outcome_of(act: Callable[[], Awaitable[Any]]) -> Any:
    """What comes of an act, as far as a caller acts on it."""
    try:
        return await act()
    except OperationRejected as rejection:
        return rejection.index, rejection.status
    except StorageError as error:
        return UNKNOWN if error.status is None else error.status


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([Merge("old", {}), Insert("new", {})], "committed"),
        ([Merge("old", {}), Delete("none")], (1, 404)),
        ([Merge("old", {}), Insert("other", {})], (1, 409)),
    ],
    ids=["committed", "404", "409"],
)
async def test_a_transaction_whose_answer_is_cut_anywhere_is_known_or_not(
    client: StorageClient,
    proxy: StorageProxy,
    tenant: str,
    operations: list[RowOperation],
    expected: Any,
) -> None:
    await client.submit(tenant, [Insert("old", {}), Insert("other", {})])
    outcomes: list[Any] = []
    size = length = 0

    def cut(body: bytes) -> bytes:
        nonlocal length
        length = len(body)
        return body[:size]

    while size <= length + STRIDE:
        proxy.order(garble(cut))
        outcome = await outcome_of(lambda: client.submit(tenant, operations))
        whole = expected
        if expected == "committed":
            written = await client.query(tenant, EVERYTHING, 2, None)
            whole = [row.etag for row in reversed(written.rows)]
            await client.submit(tenant, [Delete("new")])
        assert outcome in (UNKNOWN, whole)
        outcomes.append(outcome)
        size += STRIDE
    assert outcomes[0] == UNKNOWN
    assert outcomes[-1] != UNKNOWN


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_a_transaction_whose_answer_is_garbled_is_known_or_not(
    client: StorageClient, proxy: StorageProxy, tenant: str, garbage: Fault
) -> None:
    proxy.order(garbage)
    operations = [Insert("a", {}), Insert("b", {})]
    outcome = await outcome_of(lambda: client.submit(tenant, operations))
    rows = (await client.query(tenant, EVERYTHING, 10, None)).rows
    assert outcome in (UNKNOWN, 502, [row.etag for row in rows])


@pytest.mark.parametrize("index", [b"", b"7:", b"999:", b"-1:", b"x:"])
async def test_a_rejection_that_names_no_operation_is_none(
    client: StorageClient, proxy: StorageProxy, tenant: str, index: bytes
) -> None:
    proxy.order(garble(lambda body: body.replace(b'"1:', b'"' + index)))
    operations: list[RowOperation] = [Insert("a", {}), Delete("none")]
    assert await outcome_of(lambda: client.submit(tenant, operations)) == UNKNOWN


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_a_read_whose_answer_is_garbled_is_known_or_not(
    client: StorageClient, proxy: StorageProxy, tenant: str, garbage: Fault
) -> None:
    await client.submit(tenant, [Insert("a", {"d": "x" * 1_000})])
    row = await client.get(tenant, "a")
    proxy.order(garbage, "read")
    assert await outcome_of(lambda: client.get(tenant, "a")) in (UNKNOWN, 502, row)
    proxy.order(garbage, "read")
    outcome = await outcome_of(lambda: client.query(tenant, EVERYTHING, 10, None))
    assert outcome in (UNKNOWN, 502) or outcome.rows == [row]


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("name", ["rest", "sdk"])
async def test_every_write_whose_answer_is_garbled_is_done_exactly_once(
    *,
    storage: Azurite,
    proxy: StorageProxy,
    name: ClientName,
    garbage: Fault,
    new_context: NewContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    table = open_table(TableAddress("scim", connection_string=address), client=name)
    store = open_store(table, changed_names)
    proxy.order(garbage)
    jo = await store.users.create(new_context(), user("jo"))
    proxy.order(garbage)
    assert (await store.users.update(new_context(), jo.id, setting(title="Dr"))).version == 2
    proxy.order(garbage)
    staff = await store.groups.create(new_context(), group("staff"))
    proxy.order(garbage)
    await store.groups.update(new_context(), staff.id, MemberChange(add=(jo.id,)))
    assert (await store.users.get(new_context(), jo.id)).group_ids == (staff.id,)
    proxy.order(garbage)
    await store.users.delete(new_context(), jo.id)
    assert await store.users.count(new_context()) == 0
    await table.close()
