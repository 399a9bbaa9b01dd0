"""The reading of a large group in turn and side by side, and how it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from benchmarks import large_groups
from benchmarks.large_groups import Reading, measured, row

if TYPE_CHECKING:
    import pytest


def test_a_row_has_the_medians_of_both_ways() -> None:
    in_turn = [Reading(seconds, 0.002, 5) for seconds in (0.5, 0.07, 0.01)]
    assert row(5_000, in_turn, [Reading(0.04, 0.003, 6)]) == [
        *("5,000", "70.0", "2.00", "5"),
        *("40.0", "3.00", "6"),
    ]


async def test_both_ways_find_all_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_groups, "SIZES", (10, 2_500))
    async with asyncio.timeout(60):
        small, large = (await measured(away=0, rounds=1)).splitlines()[2:]
    assert [small.split("|")[4].strip(), small.split("|")[7].strip()] == ["1", "1"]
    assert [large.split("|")[4].strip(), large.split("|")[7].strip()] == ["3", "3"]
