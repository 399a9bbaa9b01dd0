"""Which attributes are sent is recorded by name, after the answer, and in few rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Unavailable
from shared.telemetry.request_record import RequestRecord
from shared.web.attribute_recorder import (
    AGAIN_SECONDS,
    INTERVAL_SECONDS,
    MOST_NAMES,
    MOST_TENANTS_RECORDED,
    NAMES_GATHER_SECONDS,
    AttributeRecorder,
)
from shared.web.bodies import PartOfBody
from shared.web.sent_attributes import attributes_sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.provisioning_log import KeptEntry, LogEntry
    from shared.tables.request_context import RequestContext
    from tests.support.fakes.clock import Time

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ANA = {"schemas": ["x"], "userName": "ana", "emails": [{"value": "a@b", "type": "work"}]}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (ANA, {"userName", "emails.value", "emails.type"}),
        ({"name": {"givenName": "Ana", "familyName": ""}}, {"name.givenName"}),
        ({ENTERPRISE: {"department": "Sales"}}, {f"{ENTERPRISE}:department"}),
        ({f"{ENTERPRISE}:department": "Sales"}, {f"{ENTERPRISE}:department"}),
        ({"active": False}, {"active"}),
        ({"title": None, "nickName": "", "roles": [], "id": "1", "meta": {"x": 1}}, set()),
        ({"ana@contoso.test": 1, "a b": 1, "x" * 200: 1}, set()),
        ("text", set()),
        (None, set()),
        (
            {"Operations": [{"op": "Add", "path": 'emails[type eq "ana"].value', "value": "a@b"}]},
            {"emails.value"},
        ),
        (
            {"Operations": [{"op": "replace", "value": {"active": True, "name.givenName": "A"}}]},
            {"active", "name.givenName"},
        ),
        (
            {"Operations": [{"op": "add", "path": "members", "value": [{"value": "1"}]}]},
            {"members.value"},
        ),
        ({"Operations": [{"op": "remove", "path": "title"}, "text", {"op": "add"}]}, set()),
    ],
)
def test_names_are_told_and_no_value(body: Any, names: set[str]) -> None:
    assert attributes_sent(body) == names


@dataclass(slots=True)
class Written:
    """Stands for the log in the table: takes what is written, or fails.

    Attributes:
        transactions: what was written.
        is_failing: whether it fails.
    """

    transactions: list[list[LogEntry]] = field(default_factory=list)
    is_failing: bool = False

    async def write(self, context: RequestContext, entries: Sequence[KeptEntry]) -> None:
        assert context.tenant == "acme"
        if self.is_failing:
            raise Unavailable("The storage did not answer.")
        self.transactions.append([each.entry for each in entries])


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def recorder(written: Written, clock: Time) -> AttributeRecorder:
    return AttributeRecorder(written, clock=clock.clock())  # type: ignore[arg-type] # stands for it


def finished(body: Any = ANA, method: str = "POST", **known: Any) -> RequestRecord:
    told = {"tenant": "acme", "route": "tenants/{tenant}/scim/v2/Users", "status": 201, **known}
    status = told.pop("status")
    record = RequestRecord("request", method, body=PartOfBody(body, 1), **told)
    record.status = status
    return record


async def test_names_are_written_once_after_a_moment(
    recorder: AttributeRecorder, written: Written, clock: Time
) -> None:
    for _ in range(3):
        recorder.take(finished())
    await recorder.drain()
    [[entry]] = written.transactions
    assert (entry.kind, entry.resource_type, entry.number) == ("attributes", "User", 3)
    assert entry.shape == ("emails.type", "emails.value", "userName")
    assert (entry.names, entry.token, entry.request_id) == ({}, "", "")
    assert clock.waits == [NAMES_GATHER_SECONDS]
    recorder.take(finished())
    await recorder.drain()
    assert len(written.transactions) == 1


async def test_what_is_new_waits_until_a_row_is_due_again(
    recorder: AttributeRecorder, written: Written, clock: Time
) -> None:
    recorder.take(finished())
    await recorder.drain()
    recorder.take(finished({"title": "Head"}, "PATCH"))
    await recorder.drain()
    assert clock.waits == [NAMES_GATHER_SECONDS, INTERVAL_SECONDS]
    [_, [entry]] = written.transactions
    assert (entry.shape, entry.number) == (("title",), 0)


async def test_after_a_day_all_names_are_written_again(
    recorder: AttributeRecorder, written: Written, clock: Time
) -> None:
    for _ in range(2):
        recorder.take(finished())
        await recorder.drain()
        clock.advance(AGAIN_SECONDS)
    assert len(written.transactions) == 2


async def test_each_type_has_a_row_of_one_transaction(
    recorder: AttributeRecorder, written: Written
) -> None:
    recorder.take(finished())
    recorder.take(finished({"displayName": "Sales"}, route="scim/v2/Groups"))
    await recorder.drain()
    assert [[each.resource_type for each in one] for one in written.transactions] == [
        ["User", "Group"]
    ]


@pytest.mark.parametrize(
    "record",
    [
        finished(method="GET"),
        finished(status=400),
        finished(tenant=""),
        finished(is_product=True),
        finished(route="scim/v2/Users/.search"),
        finished(route="scim/v2/Devices"),
        finished({}),
    ],
)
async def test_of_what_is_no_write_of_an_identity_provider_nothing_is_kept(
    recorder: AttributeRecorder, written: Written, record: RequestRecord
) -> None:
    recorder.take(record)
    await recorder.drain()
    assert written.transactions == []


async def test_names_without_end_are_bounded(recorder: AttributeRecorder, written: Written) -> None:
    for number in range(50):
        recorder.take(finished({f"a{number}x{each}": 1 for each in range(10)}))
    await recorder.drain()
    [[entry]] = written.transactions
    assert len(entry.shape) == MOST_NAMES


async def test_storage_that_fails_is_asked_again_by_a_later_request(
    recorder: AttributeRecorder, written: Written
) -> None:
    written.is_failing = True
    recorder.take(finished())
    await recorder.drain()
    written.is_failing = False
    recorder.take(finished())
    await recorder.drain()
    assert len(written.transactions) == 1


async def test_of_more_tenants_than_are_kept_the_first_is_forgotten(
    recorder: AttributeRecorder, written: Written
) -> None:
    recorder.take(finished())
    await recorder.drain()
    for number in range(MOST_TENANTS_RECORDED):
        recorder.take(finished({}, tenant=f"t{number}"))
    recorder.take(finished())
    await recorder.drain()
    assert len(written.transactions) == 2


async def test_without_a_provisioning_log_nothing_is_recorded(written: Written) -> None:
    off = AttributeRecorder(written, is_on=False)  # type: ignore[arg-type] # stands for it
    off.take(finished())
    await off.drain()
    assert written.transactions == []
