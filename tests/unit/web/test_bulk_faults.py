"""A bulk request whose storage fails, or whose time is up, in the middle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from scim_protocol.bulk import run_bulk
from shared.auth.tokens import DevelopmentTokens
from shared.errors import Unavailable
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.deletions_row import LEASE_SECONDS
from shared.store.store import Store, open_store
from shared.tables.operations import Delete, Insert, Replace, RowOperation
from shared.web.services import Services

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from shared.web.requests import ScimRequest
    from tests.support.fakes.clock import Time

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def circle(one: str, other: str) -> list[dict[str, Any]]:
    """Two users, each the manager of the other."""
    return [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": name,
            "data": {"userName": name, ENTERPRISE: {"manager": f"bulkId:{manager}"}},
        }
        for name, manager in ((one, other), (other, one))
    ]


CIRCLE = circle("ana", "bo")


class Failing:
    """Azurite, but for the transactions that a test lets fail."""

    def __init__(
        self,
        table: AzureTable,
        fails: Callable[[Sequence[RowOperation]], bool],
        deadlines: list[float],
    ) -> None:
        self._table = table
        self._fails = fails
        self._deadlines = deadlines
        self.get = table.get
        self.page = table.page
        self.close = table.close

    async def transact(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        if self._fails(operations):
            self._deadlines.append(context.deadline)
            raise Unavailable("The storage is away.", retry_after=10)
        return await self._table.transact(context, operations)


Results = Callable[..., Any]


@pytest.fixture
def results(
    table: AzureTable,
    settings: Settings,
    context: RequestContext,
    clock: Time,
    request_of: Callable[..., ScimRequest],
) -> Results:
    """Do operations in bulk while some transactions fail, whose deadlines are noted."""

    async def do(
        operations: list[Any],
        fails: Callable[[Sequence[RowOperation]], bool],
        deadlines: list[float] | None = None,
        **members: Any,
    ) -> list[dict[str, Any]]:
        noted = [] if deadlines is None else deadlines
        failing = Failing(table, fails, noted)
        store = open_store(failing, changed_names, clock=clock.clock())
        services = Services(settings, DevelopmentTokens({}), store)
        request = request_of(
            method="POST", context=context, read=lambda: {"Operations": operations, **members}
        )
        answer = await run_bulk(request, services)
        assert answer.body is not None
        return list(answer.body["Operations"])

    return do


def replaces_a_user(operations: Sequence[RowOperation]) -> bool:
    return any(isinstance(each, Replace) and each.key.startswith("u-") for each in operations)


def sweeps(operations: Sequence[RowOperation]) -> bool:
    return any(isinstance(each, Delete) and each.key.startswith("q-g-") for each in operations)


def is_no_create(operations: Sequence[RowOperation]) -> bool:
    inserts = [each.key for each in operations if isinstance(each, Insert)]
    return not any(key.startswith("u-") for key in inserts)


async def test_a_circle_that_cannot_be_closed_is_taken_back(
    results: Results, store: Store, context: RequestContext
) -> None:
    ana, bo = await results(CIRCLE, replaces_a_user)
    assert (ana["status"], bo["status"]) == ("409", "409")
    assert "was not created" in bo["response"]["detail"]
    assert "The storage is away." in bo["response"]["detail"]
    assert "location" not in bo
    assert await store.users.by_user_name(context, "bo") is None
    assert await store.users.by_user_name(context, "ana") is None, "her manager would be nobody"


async def test_what_cannot_be_taken_back_either_is_named(
    results: Results, store: Store, context: RequestContext
) -> None:
    _, bo = await results(CIRCLE, is_no_create)
    assert bo["status"] == "409"
    assert "It exists without that reference" in bo["response"]["detail"]
    left = await store.users.by_user_name(context, "bo")
    assert left is not None
    assert bo["location"].endswith(f"/Users/{left.id}")


async def test_all_that_is_taken_back_shares_a_few_seconds(
    results: Results, context: RequestContext
) -> None:
    """A request of a thousand circles would otherwise go on for hours while the storage fails."""
    deadlines: list[float] = []
    circles = [
        operation for number in range(5) for operation in circle(f"ana{number}", f"bo{number}")
    ]
    context.deadline = time.monotonic() + 5
    outcomes = await results(circles, is_no_create, deadlines)
    assert {each["status"] for each in outcomes} == {"409"}
    assert len({each for each in deadlines if each != context.deadline}) == 1


async def test_a_circle_that_cannot_be_closed_is_an_error_that_counts(results: Results) -> None:
    more = {"method": "POST", "path": "/Users", "bulkId": "cy", "data": {"userName": "cy"}}
    outcomes = await results([*CIRCLE, more], replaces_a_user, failOnErrors=1)
    assert [each["bulkId"] for each in outcomes] == ["ana", "bo"]


async def test_what_there_was_no_time_for_is_answered_503(
    results: Results, store: Store, context: RequestContext
) -> None:
    large = {"displayName": "large", "members": [{"value": layout.new_id("")} for _ in range(50)]}
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "ana", "data": {"userName": "ana"}},
        {"method": "POST", "path": "/Groups", "bulkId": "large", "data": large},
    ]
    context.deadline = time.monotonic() - 1
    assert [each["status"] for each in await results(operations, is_no_create)] == ["503", "503"]
    assert context.meter.calls == 0
    context.deadline += 60
    assert await store.users.count(context) == 0


async def test_a_group_that_is_deleted_and_not_swept_is_answered_when_no_user_shows_it(
    results: Results, store: Store, context: RequestContext, clock: Time
) -> None:
    ana = await store.users.create(context, {"userName": "ana"})
    staff = await store.groups.create(context, {"displayName": "staff"}, [ana.id])
    assert (await store.users.get(context, ana.id)).group_ids == (staff.id,)
    delete = {"method": "DELETE", "path": f"/Groups/{staff.id}"}
    assert [each["status"] for each in await results([delete], sweeps)] == ["204"]
    assert clock.waits == [LEASE_SECONDS]
    assert (await store.users.get(context, ana.id)).group_ids == ()
