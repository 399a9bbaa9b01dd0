"""Receivers on loopback, and a dispatcher on a real table whose clock the test moves."""

from __future__ import annotations

import base64
import random
import secrets
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from shared.clock import Clock
from shared.events.feed import Feed
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.store import Store, open_store
from shared.store.webhook_checkpoints import WebhookCheckpoints
from shared.store.webhook_deliveries import (
    Delivery,
    DeliveryState,
    DeliveryStream,
    WebhookDeliveries,
)
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.tables.request_context import RequestContext
from shared.webhooks.dispatcher import Dispatcher
from shared.webhooks.hints import ChangeHints
from shared.webhooks.sender import WebhookSender
from shared.webhooks.sources import Sources
from tests.support.fixtures.webhook_receiver import receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.tables.azure_table import AzureTable
    from tests.support.fakes.clock import Time
    from tests.support.fixtures.webhook_receiver import Receiver

PATHS = {"User": "/Users", "Group": "/Groups"}
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@dataclass(slots=True)
class Queued:
    """A queue of hints that only remembers what was put: the tenant, and after how many seconds."""

    put_hints: list[tuple[str, int]] = field(default_factory=list)

    async def put(self, text: str, delay: int = 0) -> None:
        self.put_hints.append((text, delay))

    async def close(self) -> None:
        return


@dataclass(slots=True)
class Courier:
    """A tenant with webhook endpoints, and the dispatcher of an instance.

    Attributes:
        tenant: whose events are sent.
        store: what writes them.
        time: the time of the test; it begins with that of the machine.
        dispatcher: what sends.
        queue: where the dispatcher has itself called again.
        deliveries: what became of each event.
    """

    tenant: str
    store: Store
    table: AzureTable
    time: Time
    sender: WebhookSender
    queue: Queued = field(default_factory=Queued)
    signing: tuple[str, ...] = (SECRET,)
    kept_days: int = 400
    dispatcher: Dispatcher = field(init=False)
    deliveries: WebhookDeliveries = field(init=False)

    def __post_init__(self) -> None:
        self.dispatcher = self.another_instance()

    def another_instance(self) -> Dispatcher:
        clock = self.time.clock()
        self.deliveries = WebhookDeliveries(self.table, clock)

        async def signing(_: str) -> tuple[str, ...]:
            return self.signing

        sources = Sources(
            endpoints=self.store.webhook_endpoints,
            secrets=signing,
            feed=Feed(self.table, clock, self.store.guard),
            checkpoints=WebhookCheckpoints(self.table),
            deliveries=self.deliveries,
            sender=self.sender,
            hints=ChangeHints(self.queue, self.store.webhook_endpoints, clock),
            paths=PATHS,
            kept_days=self.kept_days,
        )
        return Dispatcher(sources, clock, random.Random(1))

    def context(self) -> RequestContext:
        return RequestContext(self.tenant, secrets.token_hex(8), "test", time.monotonic() + 60)

    async def endpoint(self, url: str, **of: Any) -> WebhookEndpoint:
        wanted = WebhookEndpoint(secrets.token_hex(16), url, (self.tenant,), **of)
        return await self.store.webhook_endpoints.create(self.context(), wanted)

    async def create_user(self) -> str:
        name = f"{secrets.token_hex(4)}@example.com"
        user = await self.store.users.create(self.context(), {"userName": name, "active": True})
        return user.id

    async def dispatch(self, **of: Any) -> RequestContext:
        """Run the dispatcher once; the context has what it cost."""
        context = self.context()
        assert await self.dispatcher.dispatch(context, **of)
        return context

    async def told(
        self, endpoint: WebhookEndpoint, state: DeliveryState | None = None
    ) -> list[Delivery]:
        stream = DeliveryStream(endpoint.id, self.tenant)
        return (await self.deliveries.page(self.context(), stream, state, 900)).deliveries


@pytest.fixture
async def courier(
    table: AzureTable, tenant: str, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Courier]:
    # An endpoint is told of what happens after its creation, whose time is that of the machine.
    clock.wall = time.time() + 5
    drawn = SimpleNamespace(time_ns=lambda: int(clock.wall * 1e9))
    monkeypatch.setattr(layout, "time", drawn)  # keys of change rows are drawn by it
    # Endpoints are remembered by a clock that stands, so the tests see what they have written.
    store = open_store(
        table, changed_names, member_writes_per_second=1_000_000, clock=Clock(lambda: clock.wall)
    )
    opened = Courier(tenant, store, table, clock, WebhookSender(to_loopback=True))
    yield opened
    await opened.sender.close()
    await store.webhook_endpoints.close()
