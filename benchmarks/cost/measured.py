"""What was measured of the service: `measured.toml`, as `--measure` has written it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from benchmarks.cost.requests import Request

FILE: Final = Path(__file__).with_name("measured.toml")


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one run.

    Attributes:
        machine: what they were measured on.
        rounds: how often each request was sent.
        cpu_microseconds: median CPU of the process by request, from the call of the function to
            its return; Azurite's own is not in it.
        log_line_bytes: mean length of the service's line in the log.
        row_bytes: mean size of a row by kind (`u`, `un`, `m`, `l` ...), as Table Storage bills it.
    """

    machine: str
    rounds: int
    cpu_microseconds: Mapping[Request, int]
    log_line_bytes: int
    row_bytes: Mapping[str, int]

    @classmethod
    def read(cls, file: Path = FILE) -> Self:
        """Read what was measured last."""
        held = tomllib.loads(file.read_text("utf-8"))
        cpu = {Request(name): microseconds for name, microseconds in held["cpu"].items()}
        return cls(held["machine"], held["rounds"], cpu, held["log_line_bytes"], held["row_bytes"])

    def write(self, file: Path = FILE) -> None:
        """Keep the figures for the documents."""
        lines = [
            "# Written by `python -m benchmarks.cost --measure`.",
            f'machine = "{self.machine}"',
            f"rounds = {self.rounds}",
            f"log_line_bytes = {self.log_line_bytes}",
            "",
            "[cpu]  # microseconds",
            *(f'"{name}" = {value}' for name, value in self.cpu_microseconds.items()),
            "",
            "[row_bytes]",
            *(f"{kind} = {value}" for kind, value in self.row_bytes.items()),
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
