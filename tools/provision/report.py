"""What the operator sees: progress bars, the closing table, failures, differences."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.command_line import printable, say
from tools.provision.run import Report

_NUMBERS: Final = ("count", "ok", "failed", "retries", "per s", "p50", "p95", "max")


class ProgressBars:
    """One bar for each stage, on the error stream so that the output stays clean."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<23}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[], None]]:
        """Show a bar; a stage with nothing to do shows none."""
        if total == 0:
            yield lambda: None
            return
        task = self._progress.add_task(name, total=total)
        yield partial(self._progress.advance, task)
        self._progress.stop_task(task)

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        self._progress.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> "ProgressBars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class Silence:
    """Watches without a word, as long as there is progress."""

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[], None]]:  # noqa: ARG002 - the parameters of Watch
        """Show nothing."""
        yield lambda: None

    def say(self, line: str) -> None:
        """Write a line on standard error, where no reader of JSON meets it."""
        say(line)


def print_report(console: Console, report: Report, show: int) -> None:
    """Print the closing table, then at most `show` failures and as many differences."""
    console.print(_table(report))
    failures = [
        f"{each.operation} [bold]{escape(each.subject)}[/]: {escape(each.detail)}"
        for each in report.failures
    ]
    _print_list(console, "failed, to be tried again by the next cycle", failures, show)
    if report.differences is None:
        return
    differences = [
        f"[bold]{escape(each.subject)}[/], {escape(each.what)}: "
        f"expected {escape(each.expected)}, found {escape(each.found)}"
        for each in report.differences
    ]
    _print_list(console, "differences between service and source", differences, show)
    if not differences:
        console.print("[green]Read back: the service holds exactly what the source says.[/]")


def print_json(report: Report) -> None:
    """Print the report as one JSON object on standard output."""
    content = {"ok": report.ok, **asdict(report)}
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _table(report: Report) -> Table:
    table = Table(
        title=f"Provisioning: {report.seconds:.1f} s, latencies in ms",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("operation", no_wrap=True)
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows:
        if row.operation == "all":
            table.add_section()
        counts = (row.count, row.ok, row.failed, row.retries)
        latencies = (row.p50, row.p95, row.slowest)
        table.add_row(
            row.operation,
            *(f"{count:,}" for count in counts),
            f"{row.rate:,.1f}",
            *(f"{latency:,.0f}" for latency in latencies),
            style="red" if row.failed else None,
        )
    return table


def _print_list(console: Console, title: str, lines: list[str], show: int) -> None:
    if not lines:
        return
    console.print(f"[red]{len(lines):,} {title}:[/]")
    for line in lines[:show]:
        console.print(f"  {line}", soft_wrap=True)
    if len(lines) > show:
        console.print(f"  and {len(lines) - show:,} more")
