"""Files of existing accounts: CSV with one row each, or NDJSON with one object a line.

Columns are those of the provisioning client (`tools/provision/files.py`). `manager` and `groups`
are left out, so that one file serves both. Unlike there, an account without an `id` has no
externalId: it is for the identity provider to give one.

A line that cannot be used stops no other; a file that cannot be read at all is refused.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.provision.files import (
    USER_KEYS,
    DirectoryFileError,
    RowError,
    check_header,
    csv_reader,
    is_active,
    refuse_unknown,
    user_values,
)

_NOT_ADOPTED: Final = frozenset({"manager", "groups"})


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the file.

    Attributes:
        line: where it ends in the file, from 1.
        values: text by SCIM path; a value that is not there has no key.
        active: whether it may sign in.
    """

    line: int
    values: Mapping[str, str]
    active: bool

    @property
    def user_name(self) -> str:
        """The name that identity providers match by."""
        return self.values["userName"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is no account, and why."""

    line: int
    reason: str


Entry = Account | Rejected

_Record = tuple[int, Any]


def load(path: Path) -> list[Entry]:
    """Read the accounts of a file, in its order.

    Args:
        path: a `.csv`, `.ndjson` or `.jsonl` file in UTF-8.

    Raises:
        DirectoryFileError: in one line, when nothing of the file can be used.
    """
    readers = {".csv": _csv_records, ".ndjson": _json_records, ".jsonl": _json_records}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DirectoryFileError(f"{path}: expected a file that ends in .csv, .ndjson or .jsonl")
    try:
        return [_entry(line, record) for line, record in reader(path)]
    except OSError as error:
        raise DirectoryFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DirectoryFileError(f"{path}: not UTF-8 at byte {error.start}") from error
    except RowError as error:
        raise DirectoryFileError(f"{path}: {error}") from error


def _csv_records(path: Path) -> Iterator[_Record]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv_reader(file)
        try:
            check_header(reader.fieldnames or ())
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            # After a broken quote nobody knows where the next row begins.
            raise RowError(f"row {reader.reader.line_num}: {error}") from error


def _json_records(path: Path) -> Iterator[_Record]:
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield line, _parsed(text)


def _parsed(text: str) -> Any:
    """Return the JSON value of a line, or the error that says why it has none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return error


def _entry(line: int, record: Any) -> Entry:
    where = f"line {line}"
    try:
        return _account(line, where, record)
    except RowError as error:
        return Rejected(line, str(error).removeprefix(f"{where}: "))


def _account(line: int, where: str, record: Any) -> Account:
    if isinstance(record, RecursionError):
        raise RowError(f"{where}: nested too deeply")
    if isinstance(record, ValueError):
        raise RowError(f"{where}: not JSON: {record}")
    if not isinstance(record, dict):
        raise RowError(f"{where}: expected an object")
    if None in record:  # where csv puts them
        raise RowError(f"{where}: more cells than the header has columns")
    refuse_unknown(record, USER_KEYS | _NOT_ADOPTED, where)
    return Account(line, user_values(where, record), is_active(where, record))


def without_duplicates(entries: Iterable[Entry], paths: Iterable[str]) -> list[Entry]:
    """Reject accounts that repeat what an earlier line has at one of the paths.

    Only the externalId is compared with letter case (RFC 7643 section 3.1).
    """
    seen: dict[tuple[str, str], int] = {}
    columns = list(paths)
    return [_unless_seen(entry, columns, seen) for entry in entries]


def _unless_seen(entry: Entry, paths: list[str], seen: dict[tuple[str, str], int]) -> Entry:
    if isinstance(entry, Rejected):
        return entry
    held = {path: entry.values[path] for path in paths if path in entry.values}
    keys = [
        (path, value if path == "externalId" else value.casefold()) for path, value in held.items()
    ]
    for path, value in keys:
        first = seen.get((path, value))
        if first is not None:
            return Rejected(entry.line, f"{path} {held[path]!r} stands in line {first} already")
    seen.update(dict.fromkeys(keys, entry.line))
    return entry
