"""What the comparison prints: text for people, JSON and CSV for programs."""

import csv
import json
import sys
from enum import StrEnum
from itertools import islice
from typing import Final, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.command_line import printable
from tools.reconcile.comparison import Comparison, Finding, Kind, content_of

_CSV_COLUMNS: Final = (
    *("kind", "key", "active", "line", "id", "userName"),
    *("attribute", "product", "directory"),
)
_DANGEROUS: Final = frozenset({Kind.ACTIVE_BUT_DISABLED, Kind.ONLY_IN_PRODUCT, Kind.AMBIGUOUS})


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


def print_report(comparison: Comparison, form: Format, show: int) -> None:
    """Print the report on standard output.

    Args:
        comparison: when it is finished.
        form: how.
        show: how many of each kind are listed as text; the others are listed whole.
    """
    if form is Format.JSON:
        _write_json(comparison, sys.stdout)
    elif form is Format.CSV:
        _write_csv(comparison, sys.stdout)
    else:
        _print_text(comparison, Console(), show)


def _write_json(comparison: Comparison, out: TextIO) -> None:
    """Write one object, finding by finding, since there may be many."""
    head = {
        "equal": not comparison.counts,
        "accounts": comparison.accounts,
        "users": comparison.users,
        "counts": {kind.value: comparison.counts[kind] for kind in Kind},
    }
    out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "findings": [')
    for number, finding in enumerate(comparison.findings()):
        out.write(",\n" if number else "\n")
        out.write(json.dumps(content_of(finding), ensure_ascii=False))
    out.write("\n]}\n")


def _write_csv(comparison: Comparison, out: TextIO) -> None:
    """Write a line for each finding, and for each attribute of those that differ."""
    writer = csv.DictWriter(out, _CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for finding in comparison.findings():
        content = content_of(finding)
        differences = content.pop("differences", [{}])
        if finding.active is not None:
            content["active"] = str(finding.active).lower()
        writer.writerows(content | each for each in differences)


def _print_text(comparison: Comparison, console: Console, show: int) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("people")
    table.add_column("", justify="right")
    for kind in Kind:
        number = comparison.counts[kind]
        style = "red" if number and kind in _DANGEROUS else None
        table.add_row(kind.meaning, f"{number:,}", style=style)
    table.add_section()
    table.add_row("accounts of the product", f"{comparison.accounts:,}")
    table.add_row("users of the directory", f"{comparison.users:,}")
    console.print(table)
    for kind in Kind:
        _print_findings(comparison, console, kind, show)
    if not comparison.counts:
        console.print("The product and the directory are equal.")


def _print_findings(comparison: Comparison, console: Console, kind: Kind, show: int) -> None:
    number = comparison.counts[kind]
    if not number:
        return
    console.print(f"{kind.meaning}:", style="bold")
    for finding in islice(comparison.findings(kind), show):
        line = printable(_line(finding))
        console.print(f"  {line}", markup=False, soft_wrap=True, highlight=False)
    if number > show:
        console.print(f"  and {number - show:,} more (--show, or --format csv for all)")


def _line(finding: Finding) -> str:
    parts = [repr(finding.key)]
    if finding.line is not None:
        parts.insert(0, f"line {finding.line}")
    if finding.active is not None:
        parts.append("active" if finding.active else "inactive")
    if finding.id is not None:
        parts.append(f"{finding.user_name!r} ({finding.id})")
    line = ", ".join(parts)
    if not finding.differences:
        return line
    differing = (f"{d.attribute} {d.product!r} is {d.directory!r}" for d in finding.differences)
    return f"{line}: {', '.join(differing)}"
