"""How soon a session ends: `python -m benchmarks.session_end --rounds 50`.

Somebody signs in to `examples/product` and is disabled by the identity provider. The time runs from
the service's answer to that until the product no longer lets the browser in.
"""

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import table
from local.example import LONGEST_WAIT, running, time_to_end

INTERVAL = 60.0
"""Seconds between two polls that are not held back, as the client library has it."""

_HEAD = ("the product", "median, s", "longest, s")
_MARKS = re.compile(r"(?<=<!-- session-end -->\n).*(?=<!-- /session-end -->)", re.DOTALL)


async def measure(rounds: int) -> list[float]:
    """Measure a number of rounds, one after the other, of a product that waits for events."""
    async with running(wait=LONGEST_WAIT) as example:
        return [
            await time_to_end(example, f"user{number}@contoso.test") for number in range(rounds)
        ]


def rows(seconds: Sequence[float]) -> str:
    """Write the table: what was measured, and what follows for a poll every minute.

    A poll that is not held back finds the event on average half an interval later, and a whole one
    at worst. What is left of a measured time is for reading the user and ending the session; the
    part for which the event lay there until the service looked again is at most a second.
    """
    middle, longest = median(seconds), max(seconds)
    waiting = (f"polls with `wait={LONGEST_WAIT}`, {len(seconds)} rounds measured",)
    polling = (f"polls every {INTERVAL:g} s, by arithmetic: half an interval, a whole one",)
    return table(
        _HEAD,
        [
            (*waiting, f"{middle:.2f}", f"{longest:.2f}"),
            (*polling, f"{INTERVAL / 2:.0f}", f"{INTERVAL + longest:.0f}"),
        ],
    )


def main() -> None:
    """Measure, and print the table or write it into a document."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.session_end")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--write", type=Path, help="a document with a place for the table")
    given = parser.parse_args()
    written = rows(asyncio.run(measure(given.rounds)))
    print(written)
    if given.write is not None:
        text = given.write.read_text("utf-8")
        given.write.write_text(_MARKS.sub(lambda _: f"\n{written}\n\n", text), "utf-8")


if __name__ == "__main__":
    main()
