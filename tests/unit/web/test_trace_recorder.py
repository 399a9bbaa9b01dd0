"""A trace is written after the answer, sealed, bounded, and while it is open alone."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Unavailable
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.open_trace import OpenTrace
from shared.store.store import open_store
from shared.store.trace_content import TraceContent
from shared.store.traces import TRANSACTION_ENTRIES, SealedEntry, trace_place
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.trace_seals import SealKeys, draw_seal_keys, unseal
from shared.web import services
from shared.web.bodies import Body
from shared.web.services import Services
from shared.web.trace_recorder import (
    MOST_TRACED,
    MOST_TRACED_TENANTS,
    MOST_TRACED_WAITING,
    TRACED_A_MINUTE,
    TraceRecorder,
)
from shared.web.traced_exchange import LEFT_OUT
from tests.unit.web.conftest import TOKEN, OneToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Settings
    from shared.tables.azure_table import AzureTable
    from tests.support.fakes.clock import Time

HOUR = 3_600


@pytest.fixture(scope="module")
def keys() -> SealKeys:
    return draw_seal_keys()


def new_trace(keys: SealKeys, user: str = "") -> OpenTrace:
    now = time.time()
    trace_id = layout.new_trace_id(int(now * 1_000))
    return OpenTrace(trace_id, keys.public, "version", int(now) + HOUR, user)


def opened(keys: SealKeys, tenant: str, entry: SealedEntry) -> TraceContent:
    return TraceContent.unpack(unseal(keys.private, entry.content, trace_place(tenant, entry.key)))


# In the service


@pytest.fixture
def process(table: AzureTable, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Services:
    store = open_store(table, changed_names, beside=table.beside())
    built = Services(settings, OneToken(), store)
    monkeypatch.setattr(services, "_current", built)
    return built


async def written(
    process: Services, keys: SealKeys, context: RequestContext, trace: OpenTrace
) -> list[TraceContent]:
    await process.trace_recorder.drain()
    entries = process.store.traces.entries(context, trace.id)
    found = [opened(keys, context.tenant, each) async for each in entries]
    return sorted(found, key=lambda each: str(each.told.get("status")))


async def test_a_request_and_its_answer_are_kept_as_they_were(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    sent = {"userName": "ána@contoso.test", "name": {"familyName": "Ruiz"}, "password": "hunter2"}
    url = f"https://scim.example.com/tenants/{context.tenant}/scim/v2/Users?attributes=userName"
    answers = [
        await call(
            "tenant_users", "POST", body=json.dumps(sent).encode(), url=url, tenant=context.tenant
        )
        for _ in range(2)
    ]
    created, refused = await written(process, keys, context, trace)
    assert json.loads(created.body) == {**sent, "password": LEFT_OUT}
    assert json.loads(refused.body) == {**sent, "password": LEFT_OUT}
    for answer, content in zip(answers, (created, refused), strict=True):
        assert content.answer == answer.get_body()
        assert content.told["status"] == answer.status_code
        assert content.told["method"] == "POST"
        assert content.told["target"] == url.removeprefix("https://scim.example.com")


async def test_the_token_and_the_values_are_nowhere_in_the_clear(
    process: Services,
    keys: SealKeys,
    call: Any,
    context: RequestContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", logger="shared")
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    await call("tenant_users", "POST", body=b'{"userName": "ana"}', tenant=context.tenant)
    (content,) = await written(process, keys, context, trace)
    assert TOKEN.encode() not in content.pack()
    (entry,) = [each async for each in process.store.traces.entries(context, trace.id)]
    assert b"ana" not in entry.content
    assert "ana" not in caplog.text


async def test_a_bulk_request_is_one_entry_with_all_its_operations(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys, user="bo")
    await process.store.traces.open(context, trace)
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}}
        for name in ("ana", "bo")
    ]
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    body = {"schemas": [schema], "Operations": operations}
    answer = await call(
        "tenant_bulk", "POST", body=json.dumps(body).encode(), tenant=context.tenant
    )
    (content,) = await written(process, keys, context, trace)
    assert json.loads(content.body) == body
    assert content.answer == answer.get_body()


async def test_a_request_costs_the_same_whether_a_trace_is_open_or_not(
    process: Services,
    keys: SealKeys,
    call: Any,
    context: RequestContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="scim.requests")
    trace = new_trace(keys)
    for name in ("ana", "bo"):
        await call(
            "tenant_users",
            "POST",
            body=b'{"userName": "%s"}' % name.encode(),
            tenant=context.tenant,
        )
        await process.store.traces.open(context, trace) if name == "ana" else None
    without, within = (json.loads(line)["calls"] for line in caplog.messages)
    assert (without, within) == (2, 2), "what the documents count"
    assert [each async for each in process.store.traces.entries(context, trace.id)] == [], (
        "the client is answered before"
    )
    assert len(await written(process, keys, context, trace)) == 1


async def test_another_tenant_is_not_traced(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    await call("tenant_users", tenant=f"{context.tenant}x")
    assert await written(process, keys, context, trace) == []
    other = RequestContext(f"{context.tenant}x", "request", "test", time.monotonic() + 25)
    assert [each async for each in process.store.traces.entries(other, trace.id)] == []


async def test_after_its_end_nothing_more_is_kept(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    await call("tenant_users", tenant=context.tenant)
    await process.store.traces.close(context)
    await call("tenant_users", tenant=context.tenant)
    assert len(await written(process, keys, context, trace)) == 1


async def test_a_request_without_a_valid_token_leaves_nothing(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    await call("tenant_users", headers={"authorization": "Bearer wrong"}, tenant=context.tenant)
    assert await written(process, keys, context, trace) == []


async def test_a_request_for_a_token_leaves_nothing(
    process: Services, keys: SealKeys, call: Any, context: RequestContext
) -> None:
    trace = new_trace(keys)
    await process.store.traces.open(context, trace)
    body = b"grant_type=client_credentials&client_id=a&client_secret=hunter2"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    await call("tenant_oauth2_token", "POST", headers=headers, body=body, tenant=context.tenant)
    assert await written(process, keys, context, trace) == []


# What is taken


@dataclass(slots=True)
class Traced:
    """Stands for the traces in the table: one is open, and takes what is written, or fails.

    Attributes:
        trace: which is open.
        transactions: what was written.
        failures: how often a writing fails.
        number: how many entries are there already.
    """

    trace: OpenTrace | None
    transactions: list[list[SealedEntry]] = field(default_factory=list)
    failures: float = 0
    number: int = 0

    def latest(self, tenant: str) -> OpenTrace | None:
        del tenant
        return self.trace

    async def count(self, context: RequestContext, trace_id: str, limit: int) -> int:
        del context, trace_id
        return min(self.number, limit)

    async def write(self, context: RequestContext, entries: Sequence[SealedEntry]) -> None:
        del context
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("ana could not be written")
        self.transactions.append([*entries])

    def contents(self, keys: SealKeys, tenant: str = "acme") -> list[TraceContent]:
        return [opened(keys, tenant, each) for some in self.transactions for each in some]

    def left_out(self, keys: SealKeys) -> Counter[str]:
        counted: Counter[str] = Counter()
        for each in self.contents(keys):
            counted.update(each.told.get("leftOut", {}))
        return counted


@pytest.fixture
def traced(keys: SealKeys) -> Traced:
    return Traced(new_trace(keys))


@pytest.fixture
def recorder(traced: Traced, clock: Time) -> TraceRecorder:
    return TraceRecorder(traced, clock=clock.clock())  # type: ignore[arg-type] # stands for it


def finished(tenant: str = "acme", **known: Any) -> RequestRecord:
    body = Body(b'{"userName": "ana"}', None, 1_000)
    values: dict[str, Any] = {"tenant": tenant, "token": "label", "body": body, **known}
    record = RequestRecord("request", "POST", "scim/v2/Users", **values)
    record.status = 201
    return record


async def test_what_the_product_asks_for_is_not_traced(
    recorder: TraceRecorder, traced: Traced
) -> None:
    recorder.take(finished(is_product=True))
    await recorder.drain()
    assert traced.transactions == []


async def test_only_requests_that_name_the_user_are_kept(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys
) -> None:
    traced.trace = new_trace(keys, user="ANA")
    for name in ("ana", "bo"):
        body = Body(b'{"userName": "%s"}' % name.encode(), None, 1_000)
        body.read()
        recorder.take(finished(body=body))
    await recorder.drain()
    assert [json.loads(each.body) for each in traced.contents(keys)] == [{"userName": "ana"}]


async def test_a_burst_is_written_in_few_transactions(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys
) -> None:
    for _ in range(100):
        recorder.take(finished())
    await recorder.drain()
    assert len(traced.contents(keys)) == 100
    assert max(map(len, traced.transactions)) <= TRANSACTION_ENTRIES
    assert len(traced.transactions) == 3


async def test_more_than_may_wait_is_counted(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys
) -> None:
    for _ in range(MOST_TRACED_WAITING + 7):
        recorder.take(finished())
    await recorder.drain()
    assert traced.left_out(keys) == {"tooMany": 7}


async def test_an_instance_keeps_so_many_in_a_minute(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys, clock: Time
) -> None:
    clock.steady = 6_000.0
    for _ in range(TRACED_A_MINUTE // 100 + 1):
        for _ in range(100):
            recorder.take(finished())
        await recorder.drain()
    kept = [each for each in traced.contents(keys) if "leftOut" not in each.told]
    assert (len(kept), traced.left_out(keys)) == (TRACED_A_MINUTE, {"tooMany": 100})


async def test_a_trace_has_an_end_in_number(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys
) -> None:
    traced.number = MOST_TRACED - 3
    for _ in range(2):
        for _ in range(10):
            recorder.take(finished())
        await recorder.drain()
    kept = [each for each in traced.contents(keys) if "leftOut" not in each.told]
    assert (len(kept), traced.left_out(keys)) == (3, {"total": 17})


async def test_what_waits_is_of_few_tenants(recorder: TraceRecorder, traced: Traced) -> None:
    for number in range(MOST_TRACED_TENANTS + 1):
        recorder.take(finished(f"t{number}"))
    await recorder.drain()
    assert len(traced.transactions) == MOST_TRACED_TENANTS


async def test_a_storage_that_fails_is_tried_again_and_then_counted(
    recorder: TraceRecorder, traced: Traced, keys: SealKeys, caplog: pytest.LogCaptureFixture
) -> None:
    traced.failures = 4
    for _ in range(50):
        recorder.take(finished())
    await recorder.drain()
    assert traced.left_out(keys) == {"notWritten": 39}
    assert caplog.messages == ["the trace of tenant acme could not be written: Unavailable"]


async def test_a_storage_that_stays_away_ends_the_attempts(
    recorder: TraceRecorder, traced: Traced
) -> None:
    traced.failures = float("inf")
    for _ in range(50):
        recorder.take(finished())
    await recorder.drain()
    assert traced.transactions == []


async def test_a_record_that_cannot_be_kept_leaves_the_answer_alone(
    recorder: TraceRecorder, traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.take(finished(body=object()))
    await recorder.drain()
    assert traced.transactions == []
    assert caplog.messages == ["the trace of tenant acme could not be written: AttributeError"]


async def test_to_close_is_not_to_wait_for_ever(
    recorder: TraceRecorder, traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Traced, "write", hang)
    monkeypatch.setattr("shared.web.writings._CLOSE_SECONDS", 0.05)
    recorder.take(finished())
    await recorder.close()
    assert traced.transactions == []


async def test_without_a_trace_no_cryptography_is_imported(
    traced: Traced, recorder: TraceRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "shared.trace_seals")
    traced.trace = None
    recorder.take(finished())
    await recorder.drain()
    assert "shared.trace_seals" not in sys.modules
