"""Thresholds and the window: how many removals are too many."""

from __future__ import annotations

import pytest

from shared.guard.removals import (
    LEAVERS,
    WINDOW_MS,
    Removal,
    Thresholds,
    find_mass,
    most_within_an_hour,
)

TEN_AND_TEN = Thresholds(users=10, percent=10)
MINUTE = 60_000


def removals(
    number: int, *, every: int = 1, subject: str = LEAVERS, first: int = 0
) -> list[Removal]:
    return [
        Removal(f"{subject}{n:05}", n * every, subject, (f"user {n}",))
        for n in range(first, first + number)
    ]


@pytest.mark.parametrize(
    ("removed", "active", "passed"),
    [(10, 20, False), (11, 20, True), (11, 110, False), (12, 110, True), (417, 900, True)],
)
def test_both_thresholds_have_to_be_passed(removed: int, active: int, *, passed: bool) -> None:
    found = find_mass(removals(removed), TEN_AND_TEN, active)
    assert bool(found.numbers) is passed
    assert found.most == (removed if passed else 0)


def test_only_what_lies_within_an_hour_counts_together() -> None:
    slow = removals(30, every=6 * MINUTE)
    assert find_mass(slow, TEN_AND_TEN, 50).removed == {LEAVERS: 11}
    slower = removals(30, every=7 * MINUTE)
    assert find_mass(slower, TEN_AND_TEN, 50).removed == {}


def test_all_that_lie_in_such_an_hour_are_part_of_it() -> None:
    early = removals(3)
    late = [Removal(f"z{n}", 2 * WINDOW_MS + n, LEAVERS, (f"later {n}",)) for n in range(11)]
    found = find_mass([*late, *early], TEN_AND_TEN, 50)
    assert found.numbers == {each.number for each in late}


def test_each_group_is_counted_by_itself() -> None:
    both = [*removals(8, subject="a"), *removals(8, subject="b")]
    assert find_mass(both, TEN_AND_TEN, 20).removed == {}
    assert most_within_an_hour(both) == 8


def test_a_user_who_is_removed_twice_counts_once() -> None:
    twice = [*removals(8), *(Removal(f"x{n}", 50, LEAVERS, (f"user {n}",)) for n in range(8))]
    assert find_mass(twice, TEN_AND_TEN, 20).removed == {}


def test_one_request_that_removes_many_is_enough() -> None:
    one = Removal("1", 0, "group", tuple(f"user {n}" for n in range(11)))
    assert find_mass([one], TEN_AND_TEN, 20).numbers == {"1"}


def test_without_removals_there_is_none() -> None:
    assert most_within_an_hour([]) == 0
