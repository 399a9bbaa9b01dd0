"""Webhook endpoints on a real table: in a partition of no tenant, remembered for a minute."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import tenants
from shared.errors import Conflict, NotFound, PreconditionFailed, Unavailable
from shared.events.event import events_of
from shared.scim.documents import changed_names
from shared.store import layout, webhook_endpoints
from shared.store.changes import recorded
from shared.store.remembered import REMEMBERED_SECONDS
from shared.store.store import Store, open_store
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.tables.table import collect
from tests.support.fakes.storage_proxy import answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time
    from tests.support.fakes.storage_proxy import StorageProxy

URL = "https://hooks.example.com/scim"


@pytest.fixture
async def endpoint(store: Store, context: RequestContext) -> AsyncIterator[WebhookEndpoint]:
    wanted = WebhookEndpoint(layout.new_id_without_name(), URL, ("acme",), ("user.deleted",))
    yield await store.webhook_endpoints.create(context, wanted)
    try:
        await store.webhook_endpoints.delete(context, wanted.id)
    except NotFound:
        return


@pytest.fixture
def other(table: AzureTable, clock: Time) -> Store:
    """Another instance than the one that changes the endpoint."""
    return open_store(table, changed_names, clock=clock.clock())


def found_in(known: tuple[WebhookEndpoint, ...] | None, endpoint: WebhookEndpoint) -> str | None:
    """The state in which an endpoint is known."""
    return next((each.state for each in known or () if each.id == endpoint.id), None)


async def test_what_was_kept_is_read_back(
    store: Store, context: RequestContext, endpoint: WebhookEndpoint
) -> None:
    assert await store.webhook_endpoints.get(context, endpoint.id) == endpoint
    assert endpoint in await store.webhook_endpoints.list(context)
    assert (endpoint.version, endpoint.created) == (1, endpoint.modified)
    assert (endpoint.is_of("acme"), endpoint.is_of("globex")) == (True, False)
    assert (endpoint.takes("user.deleted"), endpoint.takes("user.created")) == (True, False)
    of_all = replace(endpoint, tenants=None, types=())
    assert of_all.is_of("globex")
    assert of_all.takes("user.created")


def test_the_partition_is_that_of_no_tenant() -> None:
    assert tenants.named(tenants.WEBHOOKS_PARTITION) is None


async def test_each_operation_costs_what_it_says(
    store: Store, new_context: NewContext, endpoint: WebhookEndpoint
) -> None:
    kept = store.webhook_endpoints
    costs = []
    for work in (
        kept.list,
        kept.require_room,
        lambda own: kept.get(own, endpoint.id),
        lambda own: kept.create(own, replace(endpoint, id=layout.new_id_without_name())),
        lambda own: kept.update(own, endpoint.id, lambda each: replace(each, state="paused")),
        lambda own: kept.update(own, endpoint.id, lambda each: each),
        lambda own: kept.disable(own, endpoint.id, "It answered 410."),
        lambda own: kept.delete(own, endpoint.id),
    ):
        own = new_context()
        await work(own)
        costs.append(own.meter.calls)
    assert costs == [1, 1, 1, 2, 2, 1, 1, 2]
    for each in await kept.list(new_context()):
        await kept.delete(new_context(), each.id)


async def test_of_changes_at_once_each_is_done_and_a_stale_one_is_not(
    store: Store, new_context: NewContext, endpoint: WebhookEndpoint
) -> None:
    kept = store.webhook_endpoints

    def more(each: WebhookEndpoint) -> WebhookEndpoint:
        return replace(each, types=(*each.types, str(len(each.types))))

    await asyncio.gather(*(kept.update(new_context(), endpoint.id, more) for _ in range(4)))
    now = await kept.get(new_context(), endpoint.id)
    assert (now.version, now.types) == (5, ("user.deleted", "1", "2", "3", "4"))
    with pytest.raises(PreconditionFailed):
        await kept.update(new_context(), endpoint.id, more, lambda version: version == "1")
    with pytest.raises(PreconditionFailed):
        await kept.delete(new_context(), endpoint.id, lambda version: version == "1")


async def test_the_service_disables_what_is_enabled_and_somebody_enables_it(
    store: Store, context: RequestContext, endpoint: WebhookEndpoint
) -> None:
    kept = store.webhook_endpoints
    for _ in range(2):
        disabled = await kept.disable(context, endpoint.id, "It answered 410.")
        assert (disabled.state, disabled.reason, disabled.version) == (
            "disabled",
            "It answered 410.",
            2,
        )
    await kept.update(context, endpoint.id, lambda each: replace(each, state="paused", reason=None))
    assert (await kept.disable(context, endpoint.id, "Again.")).state == "paused"
    await kept.delete(context, endpoint.id)
    with pytest.raises(NotFound):
        await kept.disable(context, endpoint.id, "It answered 410.")


async def test_a_commit_knows_without_a_call_here_at_once_and_elsewhere_within_a_minute(
    store: Store, other: Store, clock: Time, context: RequestContext, endpoint: WebhookEndpoint
) -> None:
    here, there = store.webhook_endpoints, other.webhook_endpoints
    for kept in (here, there):
        assert found_in(await kept.current(), endpoint) == "enabled"
    own = replace(context)
    await here.update(own, endpoint.id, lambda each: replace(each, state="paused"))
    assert (found_in(here.latest(), endpoint), found_in(there.latest(), endpoint)) == (
        "paused",
        "enabled",
    )
    clock.advance(REMEMBERED_SECONDS)
    assert found_in(await there.current(), endpoint) == "paused"
    await here.delete(own, endpoint.id)
    assert found_in(here.latest(), endpoint) is None
    await there.close()


async def test_endpoints_that_could_never_be_read_are_not_none(
    faulty_store: Store, proxy: StorageProxy
) -> None:
    proxy.order(answer(503, "ServerBusy"), "read", times=float("inf"))
    assert faulty_store.webhook_endpoints.latest() is None
    with pytest.raises(Unavailable):
        await faulty_store.webhook_endpoints.current()


async def test_there_is_a_bound(
    store: Store,
    context: RequestContext,
    endpoint: WebhookEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = len(await store.webhook_endpoints.list(context))
    assert endpoint.id
    monkeypatch.setattr(webhook_endpoints, "MOST_ENDPOINTS", number)
    with pytest.raises(Conflict, match="Delete one"):
        await store.webhook_endpoints.require_room(context)
    with pytest.raises(Conflict, match="Delete one"):
        await store.webhook_endpoints.create(
            context, replace(endpoint, id=layout.new_id_without_name())
        )


async def test_the_bound_holds_when_many_are_created_at_once_on_two_instances(
    store: Store, other: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.webhook_endpoints
    before = {each.id for each in await kept.list(new_context())}
    monkeypatch.setattr(webhook_endpoints, "MOST_ENDPOINTS", len(before) + 100)

    def endpoints(number: int) -> list[WebhookEndpoint]:
        return [WebhookEndpoint(layout.new_id_without_name(), URL) for _ in range(number)]

    for each in endpoints(95):
        await kept.create(new_context(), each)
    made = await asyncio.gather(
        *(
            instance.webhook_endpoints.create(new_context(), each)
            for instance in (store, other)
            for each in endpoints(10)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, WebhookEndpoint) for each in made) == 5
    assert sum(isinstance(each, Conflict) for each in made) == 15
    found = {each.id for each in await kept.list(new_context())} - before
    assert len(found) == 100
    for endpoint_id in found:
        await kept.delete(new_context(), endpoint_id)
    await other.webhook_endpoints.close()


async def test_of_creations_at_once_where_there_is_room_each_is_done(
    store: Store, new_context: NewContext
) -> None:
    kept = store.webhook_endpoints
    wanted = [WebhookEndpoint(layout.new_id_without_name(), URL) for _ in range(20)]
    made = await asyncio.gather(*(kept.create(new_context(), each) for each in wanted))
    assert len(made) == 20
    for each in made:
        await kept.delete(new_context(), each.id)


async def test_each_change_leaves_a_row_that_is_no_event(
    store: Store, context: RequestContext, endpoint: WebhookEndpoint
) -> None:
    kept = store.webhook_endpoints
    await kept.update(context, endpoint.id, lambda each: replace(each, url=f"{URL}/2", types=()))
    await kept.delete(context, endpoint.id)
    own = replace(context, tenant=tenants.WEBHOOKS_PARTITION)
    rows = await collect(store.table, own, layout.changes_span())
    changes = [each for each in map(recorded, rows) if each.change.id == endpoint.id]
    assert [(each.change.verb, each.change.names) for each in changes] == [
        ("create", ()),
        ("update", ("types", "url")),
        ("delete", ()),
    ]
    assert {each.actor for each in changes} == {"test"}
    assert [event for each in changes for event in events_of(each)] == []
    assert not any(URL in str(value) for row in rows for value in row.values.values())
