"""The results of a command, on standard output; `tools.command_line.say` writes all else."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.command_line import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONTROLS = re.compile(r"[\x7f-\x9f]")
_PIPE_WIDTH = 1_000
"""Columns of a table that goes to no terminal, so that nothing is cut."""


def show_line(line: str) -> None:
    """Write a line of the result.

    Raises:
        OSError: standard output does not take it, or is closed.
    """
    print(line, file=_output(), flush=True)


def show_json(content: Any) -> None:
    """Write the result as JSON."""
    show_line(_json(content, indent=2))


def show_json_line(content: Any) -> None:
    """Write one of many results as a line of JSON (JSON Lines)."""
    show_line(_json(content))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write the result as a table."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _console().print(table, markup=False, highlight=False)


def show_fields(fields: Mapping[str, Any]) -> None:
    """Write the result as names and values, one a line; those without a value are left out."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        if value not in (None, "", (), []):
            show_line(f"{name:<{width}}  {_cell(value)}")


def time_of(seconds: float | None) -> str | None:
    """Write POSIX seconds as RFC 3339 in UTC."""
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_of_milliseconds(milliseconds: int) -> str:
    """Write POSIX milliseconds as RFC 3339 in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(content: Any, indent: int | None = None) -> str:
    """Write JSON as it is read best, but for the control characters that `json` lets pass."""
    text = json.dumps(content, ensure_ascii=False, indent=indent)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    if isinstance(value, dict):
        return printable(_json(value))
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def _console() -> Console:
    output = _output()
    return Console(file=output, markup=False, width=None if output.isatty() else _PIPE_WIDTH)


def _output() -> TextIO:
    """Return standard output; where it is closed, `print` would pass over it in silence."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    return sys.stdout
