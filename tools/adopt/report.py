"""What the operator sees in the end: how many of what, and each line that needs attention."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.adopt.adoption import Adopted, Outcome

_NEED_ATTENTION: Final = frozenset({Outcome.SKIPPED, Outcome.FAILED})


def is_complete(adopted: Sequence[Adopted]) -> bool:
    """Tell whether every line of the file is an account of the service now, or would be."""
    return not any(each.outcome in _NEED_ATTENTION for each in adopted)


def print_report(console: Console, adopted: Sequence[Adopted], show: int, *, applied: bool) -> None:
    """Print the numbers, then at most `show` lines of each kind that needs attention."""
    counts = Counter(each.outcome for each in adopted)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("accounts")
    table.add_column("", justify="right")
    for outcome in Outcome:
        if counts[outcome]:
            style = "red" if outcome in _NEED_ATTENTION else None
            table.add_row(str(outcome), f"{counts[outcome]:,}", style=style)
    table.add_section()
    table.add_row("lines of the file", f"{len(adopted):,}")
    console.print(table)
    for outcome in (Outcome.FAILED, Outcome.SKIPPED):
        lines = [
            f"line {each.line}{_name(each)}: {each.reason}"
            for each in adopted
            if each.outcome is outcome
        ]
        _print_list(console, str(outcome), lines, show)
    differing = [
        f"line {each.line}{_name(each)}: {', '.join(each.differences)}"
        for each in adopted
        if each.differences
    ]
    _print_list(console, "already there and different in, left as they are", differing, show)
    if not applied:
        console.print("Nothing was written. To write it, run the same command with --apply.")


def print_json(adopted: Sequence[Adopted], *, applied: bool) -> None:
    """Print the report as one JSON object on standard output, every line of the file in it."""
    counts = Counter(str(each.outcome) for each in adopted)
    content = {
        "ok": is_complete(adopted),
        "applied": applied,
        "counts": counts,
        "accounts": [asdict(each) for each in adopted],
    }
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _print_list(console: Console, title: str, lines: list[str], show: int) -> None:
    if not lines:
        return
    console.print(f"[bold]{title}:[/]")
    for line in lines[:show]:
        console.print(f"  {escape(line)}", soft_wrap=True, highlight=False)
    if len(lines) > show:
        console.print(f"  and {len(lines) - show:,} more (--show, or --json for all)")


def _name(adopted: Adopted) -> str:
    return "" if adopted.user_name is None else f", {adopted.user_name!r}"
