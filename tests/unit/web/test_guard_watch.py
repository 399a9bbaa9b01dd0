"""The look beside requests: it comes after a removal, once for many, and for nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from shared.web.guard_watch import EVERY_SECONDS, FIRST_SECONDS, GuardWatch

if TYPE_CHECKING:
    import pytest

    from tests.support.fakes.clock import Time


class CountingGuard:
    """Stands for the guard: counts the looks, and has more removed during the first ones."""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.fault: Exception | None = None
        self.meanwhile: Any = None

    async def check(self, context: Any) -> None:
        self.looks.append(context.tenant)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.fault is not None:
            raise self.fault


async def test_many_removals_bring_one_look_about(clock: Time) -> None:
    guard: Any = CountingGuard()
    watch = GuardWatch(guard, clock.clock())
    for tenant in 5 * ["acme"] + ["hooli"]:
        watch.take(tenant)
    assert guard.looks == []
    await watch.drain()
    assert sorted(guard.looks) == ["acme", "hooli"]
    assert clock.waits == [FIRST_SECONDS, FIRST_SECONDS]


async def test_what_is_removed_meanwhile_is_looked_at_a_minute_later(clock: Time) -> None:
    guard: Any = CountingGuard()
    watch = GuardWatch(guard, clock.clock())
    guard.meanwhile = lambda: watch.take("acme") if len(guard.looks) < 3 else None
    watch.take("acme")
    await watch.drain()
    assert len(guard.looks) == 3
    assert clock.waits == [FIRST_SECONDS, EVERY_SECONDS, EVERY_SECONDS]


async def test_a_look_that_fails_is_logged_and_harms_nothing(
    clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    guard: Any = CountingGuard()
    guard.fault = ValueError("of a name that no log may have")
    watch = GuardWatch(guard, clock.clock())
    watch.take("acme")
    with caplog.at_level(logging.WARNING):
        await watch.drain()
    assert caplog.messages == ["the guard could not look at tenant acme: ValueError"]
    watch.take("acme")
    await watch.close()
