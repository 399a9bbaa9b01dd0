"""The arithmetic of a run, and how its figures are written."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, apart, counted, figure, ratio, table, written


def test_a_slow_request_moves_no_median_and_a_slow_round_no_figure() -> None:
    rounds = [[1.0, 2.0, 90.0], [3.0, 3.0, 3.0], [80.0, 81.0, 82.0]]
    assert figure(rounds) == Figure(median=3.0, samples=9)


def test_a_round_without_samples_does_not_count() -> None:
    assert figure([[], [4.0]]) == Figure(4.0, 1)
    assert figure([[], []]) is None


def test_a_ratio_says_how_many_times_longer_the_peer_takes() -> None:
    ours, theirs = figure([[2.0]]), figure([[10.0]])
    assert ratio(theirs, ours) == 5.0
    assert ratio(None, ours) is None
    assert ratio(theirs, None) is None


def test_what_slows_a_pair_down_does_not_set_its_sides_apart() -> None:
    assert apart([10.0, 20.0, 10.0], [11.0, 22.0, 11.0]) == pytest.approx(0.1)


def test_one_pair_that_is_far_apart_does_not_count() -> None:
    assert apart([10.0, 10.0, 10.0], [9.0, 9.0, 90.0]) == pytest.approx(-0.1)


@pytest.mark.parametrize(("number", "text"), [(2.0, "2"), (2.006667, "2.01"), (1.999, "2")])
def test_a_count_is_written_to_a_hundredth(number: float, text: str) -> None:
    assert counted(number) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.123, "0.12"), (9.99, "9.99"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_a_figure_has_the_digits_that_count(value: float | None, text: str) -> None:
    assert written(value) == text


def test_a_table_aligns_its_figures() -> None:
    assert table(["", "ms"], [["get", "1.5"]]) == "|  | ms |\n| --- | ---: |\n| get | 1.5 |"
