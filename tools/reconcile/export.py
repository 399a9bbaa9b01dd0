"""The export of a product: CSV with a header, read row by row.

A file that cannot be understood is refused with the line. A comparison with half of the accounts
would tell less than the truth, and nobody would see that.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.provision.files import RowError, csv_reader, is_active

Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the product.

    Attributes:
        line: where it ends in the file, from 1.
        key: what it is matched by.
        active: whether it may sign in to the product.
        values: cells of the columns that are compared, in their order.
    """

    line: int
    key: str
    active: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns that are read.

    Attributes:
        key: what accounts are matched by.
        active: whether an account may sign in; None takes all accounts as active.
        compared: what else is compared.
    """

    key: str
    active: str | None
    compared: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [self.key, *([self.active] if self.active is not None else []), *self.compared]


def read_accounts(path: Path, columns: Columns) -> Iterator[Account]:
    """Read the accounts of an export one by one.

    Raises:
        RowError: in one line, with that of the file.
        OSError: the file cannot be read.
    """
    # What is no UTF-8 becomes a surrogate, so that the line is known where it stands.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv_reader(file)
        try:
            _check_header(reader.fieldnames or (), columns)
            for row in reader:
                yield _account(reader.line_num, row, columns)
        except csv.Error as error:
            raise RowError(f"line {reader.reader.line_num}: {error}") from error


def _check_header(names: Sequence[str], columns: Columns) -> None:
    for name in names:
        _check_text("line 1", name)
    for name in columns.names:
        if name not in names:
            has = f"it has {', '.join(names)}" if names else "the file is empty"
            raise RowError(f"line 1: the column {name} is missing; {has}")
        if names.count(name) > 1:
            raise RowError(f"line 1: the column {name} is there {names.count(name)} times")


def _account(line: int, row: Row, columns: Columns) -> Account:
    where = f"line {line}"
    if None in row:  # where csv puts them
        raise RowError(f"{where}: more cells than the header has columns")
    if None in row.values():
        raise RowError(f"{where}: fewer cells than the header has columns")
    cells = {name: _check_text(where, row[name] or "").strip() for name in columns.names}
    if not cells[columns.key]:
        raise RowError(f"{where}: {columns.key} is empty")
    active = True
    if columns.active is not None:
        active = is_active(where, {"active": cells[columns.active]})
    return Account(
        line, cells[columns.key], active, tuple(cells[name] for name in columns.compared)
    )


def _check_text(where: str, text: str) -> str:
    if "\0" in text or any("\udc80" <= each <= "\udcff" for each in text):
        raise RowError(f"{where}: not UTF-8; save the export as CSV in UTF-8")
    return text
