"""Compute: long computations give the event loop its turns, and end with their request."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Unavailable
from shared.scim.core_schemas import USER
from shared.scim.effort import SLICE, Effort, EffortExceeded
from shared.scim.filters import matches, parse_filter
from shared.tables.request_context import RequestContext
from shared.web.compute import SLICE_SECONDS, Compute, Slices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.scim.schema import Document
    from shared.web.requests import ScimRequest

    RequestOf = Callable[..., ScimRequest]


class Turns:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.fixture
async def turns() -> AsyncIterator[Turns]:
    counted = Turns()
    task = asyncio.create_task(counted.run())
    yield counted
    task.cancel()


@pytest.fixture
def context() -> RequestContext:
    return RequestContext("default", "request", "label", time.monotonic() + 25)


def spending(units: int, *, step: int = 1_000) -> Callable[[Effort], int]:
    """Make a computation that costs some units, and returns the thread that it was done in."""

    def work(effort: Effort) -> int:
        for _ in range(units // step):
            effort.spend(step)
        return threading.get_ident()

    return work


async def test_what_costs_less_than_a_slice_is_done_at_once(
    context: RequestContext, turns: Turns
) -> None:
    effort, before = Effort(), turns.count
    thread = await Compute().run(context, spending(SLICE - 1_000), effort)
    assert (thread, turns.count) == (threading.get_ident(), before)
    assert effort.spent == SLICE - 1_000


async def test_the_event_loop_has_a_turn_for_each_slice(
    context: RequestContext, turns: Turns
) -> None:
    effort = Effort()
    thread = await Compute().run(context, spending(30 * SLICE), effort)
    assert thread != threading.get_ident()
    assert turns.count >= 30
    assert effort.spent == 30 * SLICE


async def test_effort_of_several_computations_adds_up(context: RequestContext) -> None:
    effort = Effort(most=3 * SLICE)
    compute = Compute()
    await compute.run(context, spending(2 * SLICE), effort)
    with pytest.raises(EffortExceeded):
        await compute.run(context, spending(2 * SLICE), effort)


async def test_the_deadline_ends_it_at_the_next_slice(context: RequestContext) -> None:
    spent = 0

    def work(effort: Effort) -> None:
        nonlocal spent
        for _ in range(40):
            effort.spend(SLICE)
            spent += 1
            context.deadline = 0.0

    with pytest.raises(Unavailable):
        await Compute().run_long(context, work)
    assert spent == 1


async def test_what_comes_after_the_deadline_is_not_begun(context: RequestContext) -> None:
    context.deadline = 0.0
    with pytest.raises(Unavailable):
        await Compute().run_long(context, lambda _: pytest.fail("was begun"))


async def test_a_tenant_has_one_computation_under_way_and_holds_up_no_other() -> None:
    compute = Compute()
    under_way = {"a": 0, "b": 0}
    most = {"a": 0, "b": 0}
    both = threading.Barrier(2, timeout=20)

    async def run(tenant: str, *, meets: bool) -> None:
        context = RequestContext(tenant, "request", "label", time.monotonic() + 25)

        def work(_: Effort) -> None:
            under_way[tenant] += 1
            most[tenant] = max(most[tenant], under_way[tenant])
            if meets:
                both.wait()
            under_way[tenant] -= 1

        await compute.run_long(context, work)

    jobs = [("a", True), *[("a", False)] * 5, ("b", True)]
    await asyncio.gather(*(run(tenant, meets=meets) for tenant, meets in jobs))
    assert most == {"a": 1, "b": 1}


async def test_a_loop_of_small_steps_is_cut_into_slices_by_the_clock(turns: Turns) -> None:
    now = 0.0
    slices = Slices(lambda: now)
    for _ in range(100):
        now += SLICE_SECONDS / 10
        await slices.end_step()
    assert 8 <= turns.count <= 12


async def test_a_large_body_is_read_beside_the_event_loop(request_of: RequestOf) -> None:
    def thread_of(*, is_large: bool) -> Any:
        request = request_of(read=threading.get_ident, is_large=is_large)
        return request.make(lambda body: body)

    here = threading.get_ident()
    assert await thread_of(is_large=False) == here
    assert await thread_of(is_large=True) != here


NAMES: Document = {"displayName": "é" * 480_000}
ROLES: Document = {"roles": [{"value": f"r{n}"} for n in range(1_000)]}


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        (" or ".join(['displayName co "z"'] * 30), NAMES),
        (" or ".join(['roles[value co "z"]'] * 30), ROLES),
        (" and ".join(['not (roles[value eq "z"])'] * 30), ROLES),
        ("roles[" + " or ".join(['value co "z"'] * 30) + "]", ROLES),
    ],
)
async def test_comparing_gives_turns_in_every_form_of_a_filter(
    text: str, resource: Document, context: RequestContext, turns: Turns
) -> None:
    condition = parse_filter(text, USER)
    effort = Effort(most=10**9)
    await Compute().run(context, lambda spent: matches(condition, resource, spent), effort)
    assert turns.count >= effort.spent // SLICE > 1
