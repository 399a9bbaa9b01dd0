"""What is measured of the feed, and how it is told."""

from __future__ import annotations

import asyncio

from benchmarks.feed import Walk, delays_table, measured, walks_table


def cells(table: str) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")]


def test_the_rate_is_that_of_the_median_round() -> None:
    walks = [Walk(100_000, 100, 100, seconds, 4.0, 5.0) for seconds in (9.0, 10.0, 40.0)]
    assert cells(walks_table(walks)) == [
        *("100,000", "100", "100", "10.0", "10,000"),
        *("40.0", "50.0"),
    ]


def test_delays_are_told_by_their_median_and_the_worst() -> None:
    assert cells(delays_table([0.1, 0.5, 1.25])) == ["3", "0.50", "1.25"]


async def test_a_request_reads_1000_changes_by_one_call() -> None:
    async with asyncio.timeout(120):
        walks, delays = (await measured(rows=2_500, rounds=1, waits=2)).split("\n\n")
    assert cells(walks)[:3] == ["2,500", "3", "3"]
    assert cells(delays)[0] == "2"
