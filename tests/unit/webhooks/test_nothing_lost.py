"""Instances that are killed anywhere, and a receiver that fails in every way, lose no event.

Each round runs instances that write, give hints and send, and are killed with SIGKILL at a step of
their work. The receiver refuses, throttles, hangs up and answers half. The client library applies
what it has taken in the order in which that came, doubles and all; its copy is the directory then.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from scim_on_functions import Event
from scim_on_functions.webhooks import verify
from tests.clients.python.history import History
from tests.clients.python.test_any_order import Reader
from tests.support.fixtures.webhook_receiver import Receiver, taken
from tests.support.partition import read_partition
from tests.support.webhook_instance import POINTS, InstancePlan
from tests.unit.webhooks.conftest import SECRET, Courier

if TYPE_CHECKING:
    from local.azurite import Azurite

ROOT = Path(__file__).parents[3]
ROUNDS = int(os.environ.get("WEBHOOK_ROUNDS", "2"))
"""`make torture` runs 20."""

INSTANCES, REQUESTS = 3, 8


class Unreliable:
    """A receiver that fails in every way, and what it has taken."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.is_well = False
        self.taken: list[dict[str, Any]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        mood = 1.0 if self.is_well else self._chance.random()
        if mood < 0.15:
            return web.Response(status=self._chance.choice([301, 400, 500, 503]))
        if mood < 0.25:
            return web.Response(status=429, headers={"Retry-After": "1"})
        body = await request.read()
        # An answer that is lost or cut is of an event that was taken, and comes again.
        self.taken.append(verify(body, {**request.headers}, SECRET, now=None))
        if mood < 0.4:
            response = web.StreamResponse(status=200, headers={"Content-Length": "9"})
            await response.prepare(request)
            assert request.transport is not None
            request.transport.abort()
            return response
        return await taken(request)


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_what_a_receiver_has_taken_is_the_directory(
    courier: Courier, receiver: Receiver, storage: Azurite, seed: int
) -> None:
    chance = random.Random(seed)
    unreliable = Unreliable(chance)
    receiver.answer = unreliable.answer
    endpoint = await courier.endpoint(receiver.url)
    courier.time.wall = time.time() + 1
    users = [await courier.create_user() for _ in range(4)]
    groups = [await _create_group(courier, f"g{number}") for number in range(2)]

    async def run_instance(number: int) -> int:
        plan = InstancePlan(
            connection_string=storage.connection_string,
            tenant=courier.tenant,
            secret=SECRET,
            # The first one dies in every round: each request comes to these two points.
            point=POINTS[seed % 2 if number == 0 else (seed + number) % len(POINTS)],
            after=chance.randrange(4),
            requests=REQUESTS,
            seed=chance.randrange(2**32),
            users=users,
            groups=groups,
        )
        command = [sys.executable, "-m", "tests.support.webhook_instance", json.dumps(asdict(plan))]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        return await process.wait()

    ends = await asyncio.gather(*map(run_instance, range(INSTANCES)))
    assert set(ends) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ends

    unreliable.is_well = True
    courier.time.wall = time.time() + 61  # who holds a checkpoint is dead by now
    for _ in range(12):
        await courier.dispatch()
        courier.time.advance(400)
    assert await courier.told(endpoint, "pending") == []

    reader = Reader(History([await _directory(courier)], []), chance)
    reader.take([(0, [Event.read(each)]) for each in unreliable.taken])
    reader.hold_equal()


async def _create_group(courier: Courier, name: str) -> str:
    return (await courier.store.groups.create(courier.context(), {"displayName": name})).id


async def _directory(courier: Courier) -> dict[str, dict[str, dict[str, Any]]]:
    """Write the rows of the tenant as the service shows them."""
    partition = await read_partition(courier.table, courier.context())
    users = {
        uid: {
            **partition.document(f"u-{uid}"),
            "id": uid,
            "meta": {"resourceType": "User", "version": f'W/"{int(row.values["v"])}"'},
        }
        for uid, row in partition.of("u").items()
    }
    groups = {
        gid: {
            **partition.document(f"g-{gid}"),
            "id": gid,
            "meta": {"resourceType": "Group"},
            "members": [
                {"value": member, "type": "User"}
                for group, member in partition.memberships()
                if group == gid
            ],
        }
        for gid in partition.of("g")
    }
    return {"User": users, "Group": groups}
