"""What a run measures, and for how long."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.directory import OTHERS
from benchmarks.overload import QUICK_SECONDS, SECONDS

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """The sizes of a run.

    Attributes:
        levels: Directories that every service gets: users, all of them members of one group.
        large: A directory that only this service gets.
        small: What the large one is compared with, and what CPU is measured in.
        clients: Requests under way at once.
        rounds: Times that each operation is measured for each service; the median counts.
        requests: Requests of an operation in a round, at most.
        seconds: Time for an operation in a round, after which no request is begun.
        repeats: Times that an operation is done in a round where CPU is measured.
        overload: Seconds for which each rate of too many requests is offered.
        output: Folder for results.md and the plot.
    """

    levels: tuple[int, ...] = (10, 1_000, 10_000)
    large: int = 100_000
    small: int = 1_000
    clients: int = 4
    rounds: int = 4
    requests: int = 200
    seconds: float = 2.0
    repeats: int = 150
    overload: float = SECONDS
    output: Path = FOLDER


DEFAULT = Options()
QUICK = replace(
    DEFAULT,
    levels=(10, 1_000),
    large=5_000,
    rounds=2,
    requests=40,
    seconds=0.5,
    repeats=50,
    overload=QUICK_SECONDS,
)
"""Ends after four or five minutes; shows that everything works rather than how fast it is."""

_TYPES = {"seconds": float, "overload": float, "output": Path}
_DESCRIPTIONS = {
    "large": "users of the directory that only this service gets",
    "small": "users of the directory that the large one is compared with",
    "clients": "requests under way at once",
    "rounds": "rounds, whose median counts",
    "requests": "requests of an operation in a round, at most",
    "seconds": "time for an operation in a round",
    "repeats": f"repeats in a round where CPU is measured, at most {OTHERS}",
    "overload": "seconds for which each rate of too many requests is offered",
    "output": "folder for results.md and the plot",
}


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line; what it does not say is as in `DEFAULT`, or `QUICK` with `--quick`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short: 4-5 minutes")
    parser.add_argument(
        "--levels", type=int, nargs="+", help="users of the directories that every service gets"
    )
    for name, text in _DESCRIPTIONS.items():
        parser.add_argument(f"--{name}", type=_TYPES.get(name, int), help=text)
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value}
    basis = QUICK if given.pop("quick", False) else DEFAULT
    if "levels" in given:
        given["levels"] = tuple(given["levels"])
    options = replace(basis, **given)
    if max(options.requests, options.repeats) > OTHERS:
        parser.error(f"--requests and --repeats: at most {OTHERS}, the users who can be added")
    return options
