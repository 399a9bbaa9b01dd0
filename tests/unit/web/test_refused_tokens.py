"""Wrong tokens are counted in memory, a bounded number of tenants, and never written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.web.refused_tokens import MOST_TENANTS_COUNTED, RefusedToken, RefusedTokens

if TYPE_CHECKING:
    from tests.support.fakes.clock import Time


def test_refusals_are_counted_by_tenant(clock: Time) -> None:
    refused = RefusedTokens(clock.clock())
    assert refused.of("acme") is None
    for _ in range(3):
        refused.note("acme")
        clock.advance(1)
    assert refused.of("acme") == RefusedToken(3, int((clock.wall - 1) * 1_000))
    assert refused.of("other") is None


def test_names_that_strangers_invent_take_the_place_of_older_ones_alone(clock: Time) -> None:
    refused = RefusedTokens(clock.clock())
    for number in range(10 * MOST_TENANTS_COUNTED):
        refused.note("acme")
        refused.note(f"t{number}")
    assert len(refused._refused) == MOST_TENANTS_COUNTED
    assert refused.of("acme") is not None
