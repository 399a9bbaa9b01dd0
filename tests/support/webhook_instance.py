"""An instance of the service that writes, gives hints and sends webhooks until it is killed.

python -m tests.support.webhook_instance '{"tenant": ...}'
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.errors import NotFound
from shared.events.feed import Feed
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.store import Store, open_store
from shared.store.webhook_checkpoints import Checkpoint, WebhookCheckpoints
from shared.store.webhook_deliveries import WebhookDeliveries
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.webhooks.dispatcher import Dispatcher
from shared.webhooks.hints import ChangeHints
from shared.webhooks.sender import Attempt, WebhookSender
from shared.webhooks.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTS = ("commit", "hint", "send", "sent", "checkpoint", "never")
"""Behind which step the process is killed, or before it for `send`."""


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """What an instance does.

    Attributes:
        connection_string: of the storage.
        tenant: that is written to.
        secret: that signs.
        point: where it is killed; one of `POINTS`.
        after: how often it comes there before.
        requests: how many it does.
        seed: of all that is left to chance.
        users: ids of users that all instances change.
        groups: ids of groups that they join and leave.
    """

    connection_string: str
    tenant: str
    secret: str
    point: str
    after: int
    requests: int
    seed: int
    users: list[str]
    groups: list[str]


class Death:
    """Kills this process at its point, as a host does that is gone."""

    def __init__(self, plan: InstancePlan) -> None:
        self._point, self._left = plan.point, plan.after

    def come_to(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DyingSender(WebhookSender):
    """Dies before or behind an attempt."""

    def __init__(self, death: Death) -> None:
        super().__init__(to_loopback=True)
        self._death = death

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        self._death.come_to("send")
        attempt = await super().send(url, headers, body)
        self._death.come_to("sent")
        return attempt


class DyingCheckpoints(WebhookCheckpoints):
    """Dies behind the writing of a checkpoint."""

    def __init__(self, death: Death, *of: Any) -> None:
        super().__init__(*of)
        self._death = death

    async def write(self, *of: Any) -> Checkpoint:
        written = await super().write(*of)
        self._death.come_to("checkpoint")
        return written


class NoQueue:
    """Loses every hint; the instance itself dispatches when it likes."""

    async def put(self, text: str, delay: int = 0) -> None:
        del text, delay

    async def close(self) -> None:
        return


async def main(plan: InstancePlan) -> None:
    """Write, give hints and send, until all is done or the process is killed."""
    table = open_table(TableAddress("scim", connection_string=plan.connection_string))
    store = open_store(table, changed_names, member_writes_per_second=1_000_000)
    death, clock, chance = Death(plan), Clock(), random.Random(plan.seed)
    hints = ChangeHints(NoQueue(), store.webhook_endpoints, clock)

    async def signing(_: str) -> tuple[str, ...]:
        return (plan.secret,)

    sources = Sources(
        endpoints=store.webhook_endpoints,
        secrets=signing,
        feed=Feed(table, clock, store.guard),
        checkpoints=DyingCheckpoints(death, table),
        deliveries=WebhookDeliveries(table, clock),
        sender=DyingSender(death),
        hints=hints,
        paths={"User": "/Users", "Group": "/Groups"},
        kept_days=400,
    )
    dispatcher = Dispatcher(sources, clock)
    writer = _Writer(store, plan, chance)
    for _ in range(plan.requests):
        with suppress(NotFound):  # another instance has deleted the user
            await writer.change()
        death.come_to("commit")
        await hints.give(plan.tenant)
        death.come_to("hint")
        if chance.random() < 0.5:
            await dispatcher.dispatch(writer.context())
    await dispatcher.dispatch(writer.context())


class _Writer:
    """Changes users and groups at random."""

    def __init__(self, store: Store, plan: InstancePlan, chance: random.Random) -> None:
        self._store, self._plan, self._chance = store, plan, chance

    async def change(self) -> None:
        await self._chance.choice([self._create, self._switch, self._join, self._leave])()

    def context(self) -> RequestContext:
        deadline = time.monotonic() + 50
        return RequestContext(
            self._plan.tenant, secrets.token_hex(8), "writer", deadline, method="PATCH"
        )

    async def _create(self) -> None:
        document = {"userName": f"{secrets.token_hex(4)}@example.com", "active": True}
        user = await self._store.users.create(self.context(), document)
        if self._chance.random() < 0.5:
            await self._store.users.delete(self.context(), user.id)

    async def _switch(self) -> None:
        def switched(document: dict[str, Any]) -> dict[str, Any]:
            return {**document, "active": not document["active"]}

        await self._store.users.update(self.context(), self._user(), switched)

    async def _join(self) -> None:
        change = MemberChange(add=(self._user(),))
        await self._store.groups.update(self.context(), self._group(), change)

    async def _leave(self) -> None:
        change = MemberChange(remove=(self._user(),))
        await self._store.groups.update(self.context(), self._group(), change)

    def _user(self) -> str:
        return self._chance.choice(self._plan.users)

    def _group(self) -> str:
        return self._chance.choice(self._plan.groups)


if __name__ == "__main__":
    asyncio.run(main(InstancePlan(**json.loads(sys.argv[1]))))
