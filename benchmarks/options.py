"""What a run measures, and for how long."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """The sizes of a run.

    Attributes:
        levels: Directories that every service gets: users, all of them members of one group.
        own_levels: Directories that only this service gets.
        flat: The two directories that must cost the same.
        clients: Requests under way at once.
        rounds: Times that each operation is measured for each service; the median counts.
        requests: Requests of an operation in a round, at most.
        seconds: Time for an operation in a round, after which no request is begun.
        repeats: Times that an operation is done in a round where CPU is measured.
        output: Folder for results.md and the plot.
    """

    levels: tuple[int, ...] = (10, 1_000, 10_000)
    own_levels: tuple[int, ...] = (100_000,)
    flat: tuple[int, int] = (1_000, 100_000)
    clients: int = 4
    rounds: int = 5
    requests: int = 200
    seconds: float = 3.0
    repeats: int = 200
    output: Path = FOLDER


DEFAULT = Options()
QUICK = replace(
    DEFAULT,
    levels=(10, 1_000),
    own_levels=(5_000,),
    flat=(1_000, 5_000),
    rounds=3,
    requests=60,
    seconds=1.0,
    repeats=60,
)
"""Ends after two or three minutes; shows that everything works rather than how fast it is."""


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line; what it does not say is as in `DEFAULT`, or `QUICK` with `--quick`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short: 2-3 minutes")
    for name, kind, text in (
        ("levels", int, "users of the directories that every service gets"),
        ("own-levels", int, "users of the directories that only this service gets"),
    ):
        parser.add_argument(f"--{name}", type=kind, nargs="*", help=text)
    parser.add_argument("--flat", type=int, nargs=2, help="the two sizes that must cost the same")
    parser.add_argument("--clients", type=int, help="requests under way at once")
    parser.add_argument("--rounds", type=int, help="rounds, whose median counts")
    parser.add_argument("--requests", type=int, help="requests of an operation in a round")
    parser.add_argument("--seconds", type=float, help="time for an operation in a round")
    parser.add_argument("--repeats", type=int, help="repeats in a round where CPU is measured")
    parser.add_argument("--output", type=Path, help="folder for results.md and the plot")
    given = vars(parser.parse_args(arguments))
    basis = QUICK if given.pop("quick") else DEFAULT
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(
        basis,
        **{name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()},
    )
