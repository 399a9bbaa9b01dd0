"""Directory files: CSV with one row a user, or JSON with users and groups.

CSV columns are those of mapping.COLUMNS plus:

- `active`: true or false (also yes, no, 1, 0); empty means true
- `manager`: userName of the manager
- `groups`: display names, separated by `;`; one that holds a semicolon stands in double quotes

Cells are separated by commas, or by what separates the names of the header: semicolons, as a
spreadsheet writes them where the comma is decimal, or tabs.

JSON is an object with `users` (objects with the same keys, `groups` excepted) and `groups`
(objects with `displayName`, `members` as userNames, `groups` that are members by their display
names, and `id`).

`userName` alone is required. `id` defaults to the userName, and a group's to its display name;
without ids of its own a file cannot express a rename, only a removal and an addition.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import COLUMNS

USER_KEYS: Final = frozenset(COLUMNS) | {"active", "manager"}
"""The columns of a user."""

_SEPARATORS: Final = (",", ";", "\t")
_EMAIL: Final = COLUMNS["email"]
_GROUP_KEYS: Final = frozenset({"id", "displayName", "members", "groups"})
_BOOLEANS: Final = {
    **dict.fromkeys(("", "true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
}

_Located = tuple[str, dict[str, Any]]


class DirectoryFileError(Exception):
    """A directory file cannot be used; the text names the file and the row."""


class RowError(ValueError):
    """What is wrong and in which row; who reads the file adds its name."""


def load(path: Path) -> Directory:
    """Read a directory file.

    Args:
        path: a `.csv` or `.json` file in UTF-8.

    Raises:
        DirectoryFileError: in one line, with the row that is wrong.
    """
    readers = {".csv": _read_csv, ".json": _read_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DirectoryFileError(f"{path}: expected a file that ends in .csv or .json")
    try:
        return reader(path)
    except OSError as error:
        raise DirectoryFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DirectoryFileError(f"{path}: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise DirectoryFileError(f"{path}: nested too deeply") from error
    except ValueError as error:
        raise DirectoryFileError(f"{path}: {error}") from error


def _read_csv(path: Path) -> Directory:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv_reader(file)
        check_header(reader.fieldnames or ())
        try:
            rows = [(f"row {reader.line_num}", row) for row in reader]
        except csv.Error as error:
            raise RowError(f"row {reader.reader.line_num}: {error}") from error
    names = {where: _group_names(where, row) for where, row in rows}
    users = _users(rows)
    groups: dict[str, list[str]] = {}
    for (where, _), user in zip(rows, users, strict=True):
        for name in names[where]:
            groups.setdefault(name, []).append(user.id)
    return Directory(
        users, tuple(Group(name, name, tuple(members)) for name, members in groups.items())
    )


def csv_reader(file: TextIO) -> "csv.DictReader[str]":
    """Read CSV whose cells are separated as the names of its header are."""
    header = file.readline()
    file.seek(0)
    separator = next((each for each in _SEPARATORS if each in header), ",")
    return csv.DictReader(file, delimiter=separator, strict=True)


def check_header(names: Iterable[str]) -> None:
    """Refuse columns that are not known, and a header without userName, with a RowError."""
    refuse_unknown(names, USER_KEYS | {"groups"}, "row 1")
    if "userName" not in names:
        raise RowError("row 1: the column userName is missing")


def _group_names(where: str, row: dict[str, Any]) -> list[str]:
    if None in row:
        raise RowError(f"{where}: more cells than the header has columns")
    cell = row.pop("groups", None) or ""
    try:
        names = next(csv.reader([cell], delimiter=";", skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise RowError(f"{where}: groups: {error}") from error
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _read_json(path: Path) -> Directory:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict) or not content.keys() <= {"users", "groups"}:
        raise RowError('expected an object with "users" and "groups"')
    user_records = list(_records(content, "users"))
    for where, record in user_records:
        refuse_unknown(record, USER_KEYS, where)
    users = _users(user_records)
    ids = {user.user_name.casefold(): user.id for user in users}
    group_records = list(_records(content, "groups"))
    group_ids = {
        name.casefold(): _text(where, "id", record.get("id")) or name
        for where, record in group_records
        if (name := _text(where, "displayName", record.get("displayName")))
    }
    groups = tuple(_group(where, record, ids, group_ids) for where, record in group_records)
    _refuse_repeated("id", ((group.id, f"groups[{at}]") for at, group in enumerate(groups)))
    _refuse_repeated(
        "displayName",
        ((group.display_name.casefold(), f"groups[{at}]") for at, group in enumerate(groups)),
    )
    return Directory(users, groups)


def _records(content: dict[str, Any], key: str) -> Iterator[_Located]:
    records = content.get(key, [])
    if not isinstance(records, list):
        raise RowError(f"{key}: expected a list")
    for at, record in enumerate(records):
        where = f"{key}[{at}]"
        if not isinstance(record, dict):
            raise RowError(f"{where}: expected an object")
        yield where, record


def _users(records: list[_Located]) -> tuple[User, ...]:
    values = [_values(where, record) for where, record in records]
    located = list(zip(values, (where for where, _ in records), strict=True))
    _refuse_repeated("userName", ((each["userName"].casefold(), where) for each, where in located))
    _refuse_repeated("id", ((each["externalId"], where) for each, where in located))
    ids = {each["userName"].casefold(): each["externalId"] for each in values}
    return tuple(
        User(
            each["externalId"],
            each,
            is_active(where, record),
            _reference(where, "manager", record.get("manager"), ids),
        )
        for each, (where, record) in zip(values, records, strict=True)
    )


def _values(where: str, record: dict[str, Any]) -> dict[str, str]:
    values = user_values(where, record)
    return {"externalId": values["userName"], **values}


def user_values(where: str, record: Mapping[str, Any]) -> dict[str, str]:
    """Read the mapped columns of a row as text by SCIM path; empty ones are left out.

    Raises:
        RowError: when one is no text, there is no userName, or more than one address.
    """
    values = {path: _text(where, column, record.get(column)) for column, path in COLUMNS.items()}
    if not values["userName"]:
        raise RowError(f"{where}: userName is missing")
    if ";" in values[_EMAIL]:
        raise RowError(f"{where}: email: expected one address, found a semicolon")
    return {path: value for path, value in values.items() if value}


def _group(
    where: str, record: dict[str, Any], ids: Mapping[str, str], group_ids: Mapping[str, str]
) -> Group:
    refuse_unknown(record, _GROUP_KEYS, where)
    name = _text(where, "displayName", record.get("displayName"))
    if not name:
        raise RowError(f"{where}: displayName is missing")
    members = record.get("members") or []
    if not isinstance(members, list):
        raise RowError(f"{where}: members: expected a list of userNames")
    found = (_reference(where, "members", member, ids) for member in members)
    unique = dict.fromkeys(member for member in found if member is not None)
    children = record.get("groups") or []
    if not isinstance(children, list):
        raise RowError(f"{where}: groups: expected a list of display names")
    nested = dict.fromkeys(_child(where, _text(where, "groups", c), group_ids) for c in children)
    identifier = _text(where, "id", record.get("id")) or name
    return Group(identifier, name, tuple(unique), tuple(nested))


def _child(where: str, name: str, group_ids: Mapping[str, str]) -> str:
    if name.casefold() not in group_ids:
        raise RowError(f"{where}: groups: no group of the file has the displayName {name!r}")
    return group_ids[name.casefold()]


def _text(where: str, column: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError(f"{where}: {column}: expected text, found {json.dumps(value)}")
    return value.strip()


def is_active(where: str, record: Mapping[str, Any]) -> bool:
    """Read the column `active` of a row; without one the user is active.

    Raises:
        RowError: when it is neither true nor false.
    """
    value = record.get("active")
    if isinstance(value, bool):
        return value
    text = _text(where, "active", value)
    if text.lower() not in _BOOLEANS:
        raise RowError(f"{where}: active: expected true or false, found {text!r}")
    return _BOOLEANS[text.lower()]


def _reference(where: str, column: str, value: Any, ids: Mapping[str, str]) -> str | None:
    name = _text(where, column, value)
    if name and name.casefold() not in ids:
        raise RowError(f"{where}: {column}: no user of the file has the userName {name!r}")
    return ids[name.casefold()] if name else None


def refuse_unknown(names: Iterable[str], known: frozenset[str], where: str) -> None:
    """Refuse columns that are not known, with a RowError."""
    unknown = sorted(set(names) - known)
    if unknown:
        raise RowError(
            f"{where}: unknown column {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )


def _refuse_repeated(name: str, located: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for value, where in located:
        first = seen.setdefault(value, where)
        if first != where:
            raise RowError(f"{where}: {name} {value!r} is already used by {first}")
