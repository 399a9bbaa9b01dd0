"""An instance of the service that is written to, with a clock of its own: for tests of the feed.

python -m tests.support.feed_writers '{"tenant": ...}'
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from shared.errors import NotFound
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import layout
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext

_DEADLINE = 25.0
_FEW = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """What an instance does.

    Attributes:
        connection_string: of the storage.
        tenant: that is written to.
        skew: by how many seconds its clock is ahead.
        late: by how many seconds before its commit the key of a change row may be drawn.
        writers: how many requests are under way at once.
        requests: how many each of them does.
        seed: of all that is left to chance.
        users: ids of users that all instances change.
        groups: ids of groups that they join and leave.
    """

    connection_string: str
    tenant: str
    skew: float
    late: float
    writers: int
    requests: int
    seed: int
    users: list[str]
    groups: list[str]


async def main(plan: Plan) -> None:
    """Write as planned."""
    chance = random.Random(plan.seed)

    def drawn() -> int:
        ago = chance.choice([0.0, chance.uniform(0, plan.late)])
        return time.time_ns() + int((plan.skew - ago) * 1e9)

    vars(layout)["time"] = SimpleNamespace(time_ns=drawn)  # keys are drawn by it
    table = open_table(TableAddress("scim", connection_string=plan.connection_string))
    store = open_store(table, changed_names, member_writes_per_second=1_000_000)
    writers = [_Writer(store, plan, random.Random(chance.random())) for _ in range(plan.writers)]
    await asyncio.gather(*(each.run() for each in writers))
    await table.close()


class _Writer:
    """Does one request after the other. Writers of all instances change the same users."""

    def __init__(self, store: Store, plan: Plan, chance: random.Random) -> None:
        self._store, self._plan, self._chance = store, plan, chance
        self._users = [*plan.users]

    async def run(self) -> None:
        acts = [self._create, self._switch, self._switch, self._join, self._leave, self._delete]
        for _ in range(self._plan.requests):
            with suppress(NotFound):  # another writer has deleted the user
                await self._chance.choice(acts)()

    async def _create(self) -> None:
        document = {"userName": f"{secrets.token_hex(4)}@example.com", "active": True}
        self._users.append((await self._store.users.create(self._context(), document)).id)

    async def _switch(self) -> None:
        def switched(document: dict[str, Any]) -> dict[str, Any]:
            return {**document, "active": not document["active"]}

        await self._store.users.update(self._context(), self._any_user(), switched)

    async def _join(self) -> None:
        change = MemberChange(add=(self._any_user(),))
        await self._store.groups.update(self._context(), self._any_group(), change)

    async def _leave(self) -> None:
        change = MemberChange(remove=(self._any_user(),))
        await self._store.groups.update(self._context(), self._any_group(), change)

    async def _delete(self) -> None:
        """Delete a user, but seldom one of those that all writers change."""
        its_own = len(self._plan.users)
        if len(self._users) > its_own:
            uid = self._users.pop()
        elif self._chance.random() < _FEW:
            uid = self._any_user()
        else:
            return
        await self._store.users.delete(self._context(), uid)

    def _any_user(self) -> str:
        return self._chance.choice(self._users)

    def _any_group(self) -> str:
        return self._chance.choice(self._plan.groups)

    def _context(self) -> RequestContext:
        deadline = time.monotonic() + _DEADLINE
        return RequestContext(
            self._plan.tenant, secrets.token_hex(8), "writer", deadline, method="PATCH"
        )


if __name__ == "__main__":
    asyncio.run(main(Plan(**json.loads(sys.argv[1]))))
