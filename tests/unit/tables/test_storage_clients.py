"""The project's own client of Table Storage does what Microsoft's does: same requests, same errors.

Both speak to one Azurite through a proxy that keeps what they sent.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.tables.account import StorageAccount, TableAddress
from shared.tables.azure_table import ClientName
from shared.tables.client import StorageClient, StorageError
from shared.tables.operations import Delete, Insert, Merge, OperationRejected, Replace, RowOperation
from shared.tables.rest.authorization import Bearer
from shared.tables.rest.client import RestClient, open_rest_client
from shared.tables.rows import Span
from shared.tables.sdk import open_sdk_client
from tests.support.fakes.storage_proxy import (
    answer,
    answer_in_xml,
    answer_inside,
    cut_answer,
    lose_answer,
    lose_request,
)
from tools.admin import client_contract
from tools.admin.client_contract import STALE, VALUES, Rule, Scratch

if TYPE_CHECKING:
    from local.azurite import Azurite
    from tests.support.fakes.storage_proxy import Fault, StorageProxy

CLIENTS = get_args(ClientName)
EVERYTHING = Span("a", "z")

Act = Callable[[StorageClient], Awaitable[Any]]


@pytest.fixture
async def clients(storage: Azurite, proxy: StorageProxy) -> AsyncIterator[dict[str, StorageClient]]:
    """Both clients, on one table, through the proxy."""
    connection = proxy.instead_of(storage.ports["table"], storage.connection_string)
    account = StorageAccount.of(TableAddress("scim", connection_string=connection), None)
    opened: dict[str, StorageClient] = {
        "rest": open_rest_client(account, "scim"),
        "sdk": open_sdk_client(account, "scim"),
    }
    yield opened
    for client in opened.values():
        await client.close()


@pytest.fixture
async def direct(storage: Azurite, table: object) -> AsyncIterator[StorageClient]:
    """A way past the proxy to the same table, which exists."""
    del table
    address = TableAddress("scim", connection_string=storage.connection_string)
    client = open_sdk_client(StorageAccount.of(address, None), "scim")
    with suppress(StorageError):  # TableAlreadyExists
        await client.create_table()
    yield client
    await client.close()


async def outcome(act: Act, client: StorageClient) -> Any:
    """What comes of an act: a value, or the error with all that is acted on."""
    try:
        return await act(client)
    except OperationRejected as refused:
        return ("OperationRejected", refused.index, refused.status, refused.operation)
    except StorageError as error:
        return ("StorageError", error.status, error.code)


async def submitted(
    partition: str, operations: Sequence[RowOperation], client: StorageClient
) -> list[str]:
    return await client.submit(partition, operations)


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("rule", client_contract.RULES, ids=lambda rule: rule.name)
async def test_a_client_keeps_the_contract(
    clients: dict[str, StorageClient], direct: StorageClient, tenant: str, name: str, rule: Rule
) -> None:
    del direct
    await rule.check(Scratch(clients[name], tenant, "a"))


@pytest.mark.parametrize("writer", CLIENTS)
@pytest.mark.parametrize("reader", CLIENTS)
async def test_each_reads_what_the_other_writes(
    clients: dict[str, StorageClient], direct: StorageClient, tenant: str, writer: str, reader: str
) -> None:
    del direct
    (etag,) = await clients[writer].submit(tenant, [Insert("a-1", VALUES)])
    row = await clients[reader].get(tenant, "a-1")
    assert row is not None
    assert (row.key, row.values, row.etag) == ("a-1", VALUES, etag)
    page = await clients[reader].query(tenant, EVERYTHING, 10, None)
    assert page.rows == [row]
    assert page.token is None


async def test_a_number_beyond_32_bits_is_kept(
    direct: StorageClient, storage: Azurite, tenant: str
) -> None:
    """The SDK refuses to guess here; a version that grew so far must not stop a user's changes."""
    address = TableAddress("scim", connection_string=storage.connection_string)
    client = open_rest_client(StorageAccount.of(address, None), "scim")
    await client.submit(tenant, [Insert("a-1", {"v": 2**40})])
    row = await client.get(tenant, "a-1")
    await client.close()
    assert row is not None
    assert row.values == {"v": 2**40}
    assert await direct.get(tenant, "a-1") is not None


@pytest.mark.parametrize("first", CLIENTS)
@pytest.mark.parametrize("second", CLIENTS)
async def test_a_list_goes_on_where_the_other_has_stopped(
    clients: dict[str, StorageClient], direct: StorageClient, tenant: str, first: str, second: str
) -> None:
    await direct.submit(tenant, [Insert(f"a-{number}", {}) for number in range(5)])
    page = await clients[first].query(tenant, EVERYTHING, 2, None)
    assert page.token is not None
    rest = await clients[second].query(tenant, EVERYTHING, 1_000, page.token)
    assert [row.key for row in (*page.rows, *rest.rows)] == [f"a-{number}" for number in range(5)]


SDK_WARNS = pytest.mark.filterwarnings("ignore:Testing an element's truth value")
"""Which it does where it reads errors in XML."""

FAULTS: dict[str, Fault] = {
    "busy": answer(503, "ServerBusy"),
    "throttled": answer(429, "TooManyRequests"),
    "forbidden": answer(403, "AuthorizationPermissionMismatch"),
    "too large": answer(413, "RequestBodyTooLarge"),
    "the account is away": answer(404, "TableNotFound"),
    "busy, in XML": answer_in_xml(503, "ServerBusy"),
    "busy inside": answer_inside(503, "ServerBusy"),
    "a row too large inside": answer_inside(400, "EntityTooLarge", 1),
    "refused inside": answer_inside(409, "EntityAlreadyExists", 1),
    "the request is lost": lose_request,
    "the answer is lost": lose_answer,
    "the answer is cut": cut_answer,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@SDK_WARNS
async def test_faults_of_transactions_mean_the_same_to_both(
    clients: dict[str, StorageClient],
    direct: StorageClient,
    proxy: StorageProxy,
    tenant: str,
    fault: Fault,
) -> None:
    del direct
    operations = [Insert("a", {}), Insert("b", {})]
    results = []
    for name, client in clients.items():
        proxy.order(fault)
        submit = partial(submitted, f"{tenant}{name}", operations)
        results.append(await outcome(submit, client))
    assert results[0] == results[1]
    assert results[0][0] in {"OperationRejected", "StorageError"}


@pytest.mark.parametrize("name", [name for name in FAULTS if "inside" not in name])
@SDK_WARNS
async def test_faults_of_reads_mean_the_same_to_both(
    clients: dict[str, StorageClient],
    direct: StorageClient,
    proxy: StorageProxy,
    tenant: str,
    name: str,
) -> None:
    await direct.submit(tenant, [Insert("a", {"d": "x" * 1_000})])
    reads: tuple[Act, ...] = (
        lambda client: client.get(tenant, "a"),
        lambda client: client.query(tenant, EVERYTHING, 10, None),
    )
    for read in reads:
        results = []
        for client in clients.values():
            proxy.order(FAULTS[name], "read", times=2)  # aiohttp repeats a GET that got no answer
            results.append(await outcome(read, client))
            proxy.heal()
        assert results[0] == results[1]
        assert results[0][0] == "StorageError"


@dataclass(frozen=True, slots=True)
class Part:
    """One operation of a transaction on the wire."""

    request: str
    condition: str | None
    body: Any


def parts_of(body: bytes) -> list[Part]:
    """Read a transaction's body as far as it means something to the client."""
    found = []
    for part in re.split(r"Content-Type: application/http\r\n", body.decode())[1:]:
        request = re.search(r"^(\w+ \S+) HTTP/1\.1", part, re.MULTILINE)
        condition = re.search(r"^If-Match: (\S+)", part, re.MULTILINE)
        entity = re.search(r"^\{.*\}", part, re.MULTILINE)
        values = json.loads(entity[0]) if entity else None
        if values is not None:  # the SDK says of text that it is text
            values = {n: v for n, v in values.items() if v != "Edm.String"}
        assert request is not None
        found.append(Part(request[1], condition[1] if condition else None, values))
    return found


def query_of(target: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


async def test_both_send_the_same_requests(
    clients: dict[str, StorageClient], direct: StorageClient, proxy: StorageProxy, tenant: str
) -> None:
    operations: list[RowOperation] = [
        Insert("a", VALUES),
        Replace("b", {"n": 1}, STALE),
        Merge("c", {"t": "x"}),
        Delete("d", STALE),
        Delete("e"),
    ]
    del direct
    sent: dict[str, list[Any]] = {}
    for name, client in clients.items():
        proxy.bodies.clear()
        await client.get(tenant, "a")
        await client.query(tenant, Span("a-", "a."), 7, {"PartitionKey": "1!", "RowKey": "2/="})
        await client.query(tenant, Span("a-", "a."), 7, None, ("n", "x"))
        await outcome(partial(submitted, tenant, operations), client)
        sent[name] = [
            (method, urlsplit(target).path, query_of(target), parts_of(body) if body else None)
            for method, target, body in proxy.bodies
        ]
    assert sent["rest"] == sent["sdk"]
    assert [method for method, *_ in sent["rest"]] == ["GET", "GET", "GET", "POST"]


async def test_what_is_inserted_is_not_to_be_sent_back(
    clients: dict[str, StorageClient], direct: StorageClient, proxy: StorageProxy, tenant: str
) -> None:
    """Azurite never does, the service does by default: a user's document would travel twice."""
    del direct
    proxy.bodies.clear()
    await clients["rest"].submit(tenant, [Insert("a", {}), Insert("b", {})])
    ((_, _, body),) = proxy.bodies
    assert body.count(b"POST http") == body.count(b"\r\nPrefer: return-no-content\r\n") == 2


class Identity:
    """Gives tokens of a life that a test chooses, or fails."""

    def __init__(self, *lives: float) -> None:
        self._lives = iter(lives)
        self.asked = 0
        self.is_closed = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://storage.azure.com/.default",)
        self.asked += 1
        life = next(self._lives, None)
        if life is None:
            raise ClientAuthenticationError("no identity here")
        return AccessToken(f"token-{self.asked}", int(time.time() + life))

    async def close(self) -> None:
        self.is_closed = True


def bearer(identity: Any) -> Bearer:
    return Bearer(identity)


async def test_a_token_is_asked_for_once_and_again_before_it_expires() -> None:
    identity = Identity(3_600, 3_600)
    signer = bearer(identity)
    assert [await signer.authorization("/", "") for _ in range(3)] == ["Bearer token-1"] * 3
    soon = Identity(299, 3_600)
    signer = bearer(soon)
    assert await signer.authorization("/", "") == "Bearer token-1"
    assert await signer.authorization("/", "") == "Bearer token-2"
    assert (identity.asked, soon.asked) == (1, 2)


async def test_a_token_that_was_taken_for_wrong_is_not_used_again() -> None:
    signer = bearer(Identity(3_600, 3_600))
    await signer.authorization("/", "")
    signer.reject()
    assert await signer.authorization("/", "") == "Bearer token-2"


async def test_an_identity_that_fails_is_an_error_that_may_pass() -> None:
    client = RestClient("https://127.0.0.1:1", "scim", bearer(identity := Identity()))
    with pytest.raises(StorageError, match="ClientAuthenticationError") as error:
        await client.get("t", "a")
    assert error.value.status is None
    await client.close()
    assert identity.is_closed
