"""The command line of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.options import DEFAULT, QUICK, parse


def test_nothing_said_is_the_default() -> None:
    assert parse([]) == DEFAULT


def test_sizes_change_what_quick_leaves() -> None:
    found = parse(["--quick", "--levels", "10", "50", "--rounds", "1", "--output", "x"])
    assert (found.levels, found.rounds, found.output) == ((10, 50), 1, Path("x"))
    assert (found.large, found.seconds) == (QUICK.large, QUICK.seconds)


@pytest.mark.parametrize("option", ["--requests", "--repeats"])
def test_no_more_members_are_added_than_there_are_users_for_it(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse([option, "201"])
    assert "at most 200" in capsys.readouterr().err
