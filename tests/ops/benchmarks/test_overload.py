"""What is told of an instance that is offered too much."""

from __future__ import annotations

from benchmarks.offered import Told
from benchmarks.overload import LIMITS, Overload, rows


def told(*answers: tuple[str, float]) -> Told:
    found = Told()
    for status, seconds in answers:
        found.note(status, seconds)
    return found


def test_successes_are_one_and_refusals_are_told_apart_by_who_refused() -> None:
    crowd = told(("200", 0.01), ("201", 0.03), ("429", 0.002), ("429 host", 0.004), ("503", 25.0))
    row = rows([Overload(LIMITS[3], 900, crowd, told(("200", 0.01)), 50.0, 61.4)])
    cells = [cell.strip() for cell in row.splitlines()[-1].strip("|").split("|")]
    assert cells[:3] == ["both", "900", "2 2xx, 1 429, 1 429 host, 1 503"]
    assert cells[5:] == ["50 to 61", "1 2xx", ""]


def test_latencies_of_refusals_are_not_among_those_of_what_was_let_in() -> None:
    crowd = told(*[("200", 1.0)] * 50, *[("429", 0.001)] * 50)
    assert (max(crowd.refused), min(crowd.admitted)) == (0.001, 1.0)
    assert "| 1,000, 1,000 |" in rows([Overload(LIMITS[0], 25, crowd, Told(), 50.0, 50.0)])
