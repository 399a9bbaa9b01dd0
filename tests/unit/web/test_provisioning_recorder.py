"""The provisioning log is written after the answer, together, bounded, and never in the way."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Unavailable
from shared.scim.documents import changed_names
from shared.store.store import open_store
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web import services
from shared.web.bodies import PartOfBody
from shared.web.provisioning_recorder import (
    CONTACT_SECONDS,
    ENTRIES_A_MINUTE,
    MOST_PENDING_IN_ALL,
    SLOW_SECONDS,
    ProvisioningRecorder,
    entry_of,
)
from shared.web.services import Services
from tests.unit.web.conftest import TOKEN, OneToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.settings import Settings
    from shared.store.provisioning_log import KeptEntry, LogEntry
    from shared.tables.azure_table import AzureTable
    from tests.support.fakes.clock import Time


@dataclass(slots=True)
class Written:
    """Stands for the log in the table: takes what is written, or fails as often as it is told.

    Attributes:
        transactions: what was written.
        failures: how often it fails.
        attempts: how often it was asked.
    """

    transactions: list[tuple[str, list[LogEntry]]] = field(default_factory=list)
    failures: float = 0
    attempts: int = 0

    async def write(self, context: RequestContext, entries: Sequence[KeptEntry]) -> None:
        self.attempts += 1
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("The storage did not answer.")
        self.transactions.append((context.tenant, [each.entry for each in entries]))

    @property
    def entries(self) -> list[LogEntry]:
        return [entry for _, entries in self.transactions for entry in entries]

    def of(self, kind: str) -> list[LogEntry]:
        return [entry for entry in self.entries if entry.kind == kind]

    def left_out(self) -> Counter[str]:
        return Counter({str(each.reason): each.number for each in self.of("leftOut")})


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def recorder(written: Written, clock: Time) -> ProvisioningRecorder:
    return ProvisioningRecorder(written, clock=clock.clock())  # type: ignore[arg-type] # stands for it


def finished(status: int = 400, tenant: str = "acme", **known: Any) -> RequestRecord:
    record = RequestRecord(
        "request", "POST", "scim/v2/Users", tenant=tenant, token="label", **known
    )
    record.status = status
    return record


# What is taken


async def test_a_refusal_is_told_with_whom_it_concerned_and_why(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    body = PartOfBody({"userName": "ana@contoso.test", "emails": "none"})
    record = finished(
        scim_type="invalidValue", path="emails", detail="Send a list.", body=body, position=3
    )
    recorder.take(record)
    await recorder.drain()
    [entry] = written.of("refused")
    assert entry.names == {"userName": "ana@contoso.test"}
    assert entry.shape == ("userName: string of 16", "emails: string of 4")
    assert (entry.resource_type, entry.status, entry.position) == ("User", 400, 3)
    assert (entry.scim_type, entry.path, entry.detail) == ("invalidValue", "emails", "Send a list.")
    assert (entry.request_id, entry.token) == ("request", "label")


async def test_a_success_leaves_nothing_but_a_contact_once_an_hour(
    recorder: ProvisioningRecorder, written: Written, clock: Time
) -> None:
    for _ in range(100):
        recorder.take(finished(201))
    await recorder.drain()
    assert [entry.kind for entry in written.entries] == ["contact"]
    clock.advance(CONTACT_SECONDS)
    recorder.take(finished(200))
    await recorder.drain()
    assert [entry.kind for entry in written.entries] == ["contact", "contact"]
    assert all(not entry.names and not entry.shape for entry in written.entries)


async def test_an_api_key_is_no_contact_of_the_identity_provider(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    recorder.take(finished(404, is_product=True))
    await recorder.drain()
    assert [(each.kind, each.is_product) for each in written.entries] == [("refused", True)]


@pytest.mark.parametrize(("seconds", "kinds"), [(SLOW_SECONDS, ["slow"]), (SLOW_SECONDS - 0.1, [])])
async def test_a_slow_answer_is_told(
    recorder: ProvisioningRecorder, written: Written, seconds: float, kinds: list[str]
) -> None:
    recorder.take(finished(200, seconds=seconds))
    await recorder.drain()
    assert [each.kind for each in written.entries if each.kind != "contact"] == kinds


async def test_members_that_were_passed_over_are_told(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    recorder.take(finished(204, skipped=["a", "b", "a"]))
    await recorder.drain()
    assert [each.members for each in written.of("skippedMembers")] == [("a", "b")]


async def test_who_has_opened_no_tenant_leaves_nothing(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    for _ in range(1_000):
        recorder.take(finished(401, tenant=""))
    await recorder.drain()
    assert written.attempts == 0


async def test_nothing_is_taken_where_the_setting_says_so(written: Written) -> None:
    recorder = ProvisioningRecorder(written, is_on=False)  # type: ignore[arg-type] # stands for it
    recorder.take(finished())
    await recorder.drain()
    assert written.attempts == 0


@pytest.mark.parametrize(
    ("route", "resource_type"),
    [
        ("scim/v2/Users", "User"),
        ("tenants/{tenant}/scim/v2/Groups/{id}", "Group"),
        ("Bulk/Users/{id}", "User"),
        ("scim/v2/{endpoint}/{id}", ""),
        ("scim/v2", ""),
        ("scim/v2/.search", ""),
        ("scim/v2/Bulk", "Bulk"),
    ],
)
def test_the_route_says_what_a_request_is_about(route: str, resource_type: str) -> None:
    record = RequestRecord("request", "GET", route, tenant="acme")
    assert entry_of(record, "refused").resource_type == resource_type


async def test_a_body_that_was_not_read_is_told_by_its_size(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    recorder.take(finished(body=PartOfBody(None, 1_234)))
    await recorder.drain()
    assert written.of("refused")[0].shape == ("1,234 bytes that were not read as JSON",)


# Its bounds


async def test_of_10000_refusals_in_a_minute_300_are_written_and_the_others_counted(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    for _ in range(10_000):
        recorder.take(finished(is_product=True))
    await recorder.drain()
    assert len(written.of("refused")) == ENTRIES_A_MINUTE
    assert written.left_out() == {"tooMany": 10_000 - ENTRIES_A_MINUTE}
    assert len(written.transactions) == 4
    assert max(len(entries) for _, entries in written.transactions) <= 100


async def test_the_next_minute_has_room_again(
    recorder: ProvisioningRecorder, written: Written, clock: Time
) -> None:
    for _ in range(2):
        for _ in range(1_000):
            recorder.take(finished(is_product=True))
        await recorder.drain()
        clock.advance(60)
    assert len(written.of("refused")) == 2 * ENTRIES_A_MINUTE


async def test_a_tenant_takes_no_room_of_another(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    for _ in range(1_000):
        recorder.take(finished(is_product=True))
    recorder.take(finished(tenant="other", is_product=True))
    await recorder.drain()
    assert [tenant for tenant, _ in written.transactions].count("other") == 1


async def test_what_is_over_the_rate_limit_is_counted_and_not_told_one_by_one(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    for _ in range(500):
        recorder.take(finished(429, refused_by="rateLimit"))
    await recorder.drain()
    assert written.of("refused") == []
    assert written.left_out() == {"rateLimit": 500}


async def test_what_waits_is_bounded_over_all_tenants(
    recorder: ProvisioningRecorder, written: Written
) -> None:
    written.failures = float("inf")
    for number in range(50):
        for _ in range(ENTRIES_A_MINUTE):
            recorder.take(finished(tenant=f"t{number}", is_product=True))
    assert recorder._waiting == MOST_PENDING_IN_ALL
    written.failures = 0
    await recorder.drain()
    assert recorder._waiting == 0
    assert len(written.of("refused")) == MOST_PENDING_IN_ALL
    missing = sum(each.number for each in written.of("leftOut"))
    assert missing == 50 * ENTRIES_A_MINUTE - MOST_PENDING_IN_ALL


# Storage that fails


async def test_what_could_not_be_written_is_tried_again_later_and_later(
    recorder: ProvisioningRecorder, written: Written, clock: Time
) -> None:
    written.failures = 3
    recorder.take(finished(is_product=True))
    await recorder.drain()
    assert len(written.of("refused")) == 1
    assert clock.waits == [1, 2, 4, 8]


async def test_a_storage_that_stays_away_ends_the_attempts_with_one_line_a_minute(
    recorder: ProvisioningRecorder, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    written.failures = float("inf")
    recorder.take(finished(is_product=True))
    await recorder.drain()
    assert written.attempts == 8
    assert caplog.messages[0] == (
        "the provisioning log of tenant acme could not be written: Unavailable; it is tried again"
        " for some minutes"
    )
    assert len(caplog.messages) < written.attempts
    assert recorder._waiting == 0


async def test_a_record_that_cannot_be_told_leaves_the_answer_alone(
    recorder: ProvisioningRecorder, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.take(finished(body=object()))
    await recorder.drain()
    assert written.of("refused") == []
    assert "could not be noted in the provisioning log" in caplog.text


async def test_to_close_is_not_to_wait_for_ever(
    recorder: ProvisioningRecorder, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Written, "write", hang)
    monkeypatch.setattr("shared.web.writings._CLOSE_SECONDS", 0.05)
    recorder.take(finished())
    await recorder.close()
    assert written.entries == []


# In the service


@pytest.fixture
def serving(
    table: AzureTable, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Services]:
    def build() -> Services:
        store = open_store(table, changed_names, beside=table.beside())
        built = Services(settings, OneToken(), store)
        monkeypatch.setattr(services, "_current", built)
        return built

    return build


async def test_a_request_costs_the_same_and_its_entry_is_written_behind_its_answer(
    serving: Callable[[], Services],
    call: Any,
    tenant: str,
    caplog: pytest.LogCaptureFixture,
    context: RequestContext,
) -> None:
    caplog.set_level("INFO", logger="scim.requests")
    process = serving()
    sent = b'{"userName": "ana@contoso.test"}'
    for status in (201, 409):
        response = await call("tenant_users", "POST", body=sent, tenant=tenant)
        assert response.status_code == status
    create, conflict = (json.loads(line)["calls"] for line in caplog.messages)
    assert (create, conflict) == (2, 2), "what the documents count"
    assert await process.store.log.newest(context, 10) == [], "the client is answered before"
    await process.recorder.drain()
    entries = [each.entry for each in await process.store.log.newest(context, 10)]
    assert sorted(each.kind for each in entries) == ["contact", "refused"]
    refused = next(each for each in entries if each.kind == "refused")
    assert (refused.names, refused.scim_type) == ({"userName": "ana@contoso.test"}, "uniqueness")


async def test_it_takes_no_place_of_the_requests_of_the_tenant(
    serving: Callable[[], Services], call: Any, tenant: str, table: AzureTable
) -> None:
    """All calls that the tenant may have under way are taken; the log is written all the same."""
    process = serving()
    await call("tenant_users_id", tenant=tenant, id="0" * 32)
    own = _context(tenant)
    places = [table._queue.place(own) for _ in range(100)]
    for place in places:
        await place.__aenter__()
    try:
        await process.recorder.drain()
        assert table._queue.is_full(own)
    finally:
        for place in places:
            await place.__aexit__()
    assert len(await process.store.log.newest(_context(tenant), 10)) == 2


async def test_no_request_without_a_valid_token_leaves_a_row(
    serving: Callable[[], Services], call: Any, tenant: str, context: RequestContext
) -> None:
    process = serving()
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        response = await call("tenant_users", "POST", headers=headers, body=b"{}", tenant=tenant)
        assert response.status_code == 401
    await process.recorder.drain()
    assert await process.store.log.newest(context, 10) == []


def _context(tenant: str) -> RequestContext:
    return RequestContext(tenant, "request", "test", time.monotonic() + 25)


async def test_a_storage_that_hangs_holds_up_neither_requests_nor_other_tenants(
    recorder: ProvisioningRecorder, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake, is_written = asyncio.Event(), asyncio.Event()
    write = Written.write

    async def hang_for_one(
        self: Written, context: RequestContext, entries: Sequence[KeptEntry]
    ) -> None:
        if context.tenant == "slow":
            await awake.wait()
        await write(self, context, entries)
        is_written.set()

    monkeypatch.setattr(Written, "write", hang_for_one)
    recorder.take(finished(tenant="slow"))
    recorder.take(finished(tenant="quick"))
    await is_written.wait()
    assert [tenant for tenant, _ in written.transactions] == ["quick"]
    for _ in range(10_000):
        recorder.take(finished(tenant="slow"))
    assert len(recorder._tenants["slow"].waiting) <= ENTRIES_A_MINUTE
    awake.set()
    await recorder.drain()
    refused = [entry for entry in written.entries if entry.kind == "refused"]
    assert len(refused) + written.left_out()["tooMany"] == 10_002


@pytest.mark.parametrize("turns", [0, 1, 5, 50])
async def test_an_instance_that_is_killed_leaves_whole_transactions_or_none(
    serving: Callable[[], Services], tenant: str, context: RequestContext, turns: int
) -> None:
    process = serving()
    for _ in range(150):
        process.recorder.take(finished(tenant=tenant, is_product=True))
    writing = process.recorder._tenants[tenant].writing
    assert writing is not None
    for _ in range(turns):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    assert len(await process.store.log.newest(context, 1_000)) in (0, 100, 150)
