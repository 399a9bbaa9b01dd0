"""The comparison: accounts are put into a file, users are looked up in it one by one.

The file is a temporary one of SQLite, so that memory does not grow with the number of people.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from tools.provision.files import RowError
from tools.reconcile.attributes import Chosen, Match, is_same, value_of
from tools.reconcile.export import Account

_TABLES: Final = """
    CREATE TABLE accounts (
        key TEXT PRIMARY KEY, line INTEGER, shown TEXT, active INTEGER, cells TEXT,
        user TEXT
    ) WITHOUT ROWID;
    CREATE TABLE findings (kind INTEGER, line INTEGER, content TEXT);
"""


class Kind(StrEnum):
    """How an account and the directory disagree; the most dangerous first."""

    ACTIVE_BUT_DISABLED = "activeButDisabled"
    ONLY_IN_PRODUCT = "onlyInProduct"
    AMBIGUOUS = "ambiguous"
    ONLY_IN_DIRECTORY = "onlyInDirectory"
    INACTIVE_BUT_ENABLED = "inactiveButEnabled"
    DIFFERENT = "different"

    @property
    def meaning(self) -> str:
        """The kind in words."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Kind.ACTIVE_BUT_DISABLED: "active in the product, disabled in the directory",
    Kind.ONLY_IN_PRODUCT: "only in the product",
    Kind.AMBIGUOUS: "several users of the directory for one account",
    Kind.ONLY_IN_DIRECTORY: "only in the directory",
    Kind.INACTIVE_BUT_ENABLED: "inactive in the product, active in the directory",
    Kind.DIFFERENT: "different attributes",
}
_KINDS: Final = [*Kind]


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute that is not the same; "" where there is no value."""

    attribute: str
    product: str
    directory: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement.

    Attributes:
        kind: which.
        key: what the account is matched by; of who is only in the directory, the user's.
        active: whether the person may sign in where they are: of who is only in one of the two.
        line: of the account; None for who is only in the directory.
        id: SCIM id of the user; None for who is only in the product.
        user_name: of the user, likewise.
        differences: attributes that differ.
    """

    kind: Kind
    key: str
    active: bool | None = None
    line: int | None = None
    id: str | None = None
    user_name: str | None = None
    differences: tuple[Difference, ...] = ()


class Comparison:
    """Compares accounts with users. First come all accounts, then all users, then `finish`.

    Attributes:
        accounts: how many there are.
        users: how many there are.
        counts: findings of each kind.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        match: Match,
        compared: tuple[Chosen, ...],
        *,
        ignores_inactive: bool,
    ) -> None:
        self._database = database
        self._match = match
        self._compared = compared
        self._ignores_inactive = ignores_inactive
        self.accounts = 0
        self.users = 0
        self.counts: Counter[Kind] = Counter()
        database.executescript(_TABLES)

    @classmethod
    @contextmanager
    def open(
        cls, match: Match, compared: tuple[Chosen, ...], *, ignores_inactive: bool = False
    ) -> Iterator[Self]:
        """Open a comparison, whose file goes with the block.

        Args:
            match: by what accounts and users are matched.
            compared: what else is compared, in the order of the accounts' values.
            ignores_inactive: whether nothing is said of who is in one of the two and inactive.
        """
        database = sqlite3.connect("", isolation_level=None)  # a temporary file of its own
        try:
            yield cls(database, match, compared, ignores_inactive=ignores_inactive)
        finally:
            database.close()

    def add_accounts(self, accounts: Iterable[Account]) -> None:
        """Take the accounts of the product.

        Raises:
            RowError: two of them have the same key.
        """
        with self._transaction():
            for account in accounts:
                self._add_account(account)

    def add_users(self, users: Iterable[Mapping[str, Any]]) -> None:
        """Compare some users of the directory with the accounts."""
        with self._transaction():
            for user in users:
                self.users += 1
                self._compare(user)

    def finish(self) -> None:
        """Find the accounts that no user has matched."""
        alone = "SELECT line, shown, active FROM accounts WHERE user IS NULL ORDER BY line"
        with self._transaction():
            for line, key, active in self._database.execute(alone).fetchall():
                self._find(Finding(Kind.ONLY_IN_PRODUCT, key, bool(active), line))

    def findings(self, kind: Kind | None = None) -> Iterator[Finding]:
        """Give the findings, the most dangerous first, in the order of the file."""
        where = "" if kind is None else f"WHERE kind = {_KINDS.index(kind)}"
        query = f"SELECT content FROM findings {where} ORDER BY kind, line, rowid"  # noqa: S608 - a number
        for (content,) in self._database.execute(query):
            yield _finding(json.loads(content))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        yield
        self._database.execute("COMMIT")

    def _add_account(self, account: Account) -> None:
        key = self._match.normalized(account.key)
        cells = json.dumps(account.values)
        row = (key, account.line, account.key, account.active, cells)
        insert = "INSERT INTO accounts (key, line, shown, active, cells) VALUES (?, ?, ?, ?, ?)"
        try:
            self._database.execute(insert, row)
        except sqlite3.IntegrityError:
            first = "SELECT line FROM accounts WHERE key = ?"
            (line,) = self._database.execute(first, (key,)).fetchone()
            raise RowError(
                f"line {account.line}: {self._match} {account.key!r} stands in line {line} already"
            ) from None
        self.accounts += 1

    def _compare(self, user: Mapping[str, Any]) -> None:
        keys = self._match.values_of(user)
        found = [row for key in sorted(keys) if (row := self._account_of(key)) is not None]
        for row in found:
            self._compare_with(user, row)
        if not found:
            key = next(iter(sorted(keys)), "")
            active = user.get("active") is True
            self._find(Finding(Kind.ONLY_IN_DIRECTORY, key, active, None, *_names(user)))

    def _account_of(self, key: str) -> tuple[Any, ...] | None:
        query = "SELECT key, line, shown, active, cells, user FROM accounts WHERE key = ?"
        row: tuple[Any, ...] | None = self._database.execute(query, (key,)).fetchone()
        return row

    def _compare_with(self, user: Mapping[str, Any], row: tuple[Any, ...]) -> None:
        key, line, shown, account_active, cells, other = row
        if other is not None:
            self._find(Finding(Kind.AMBIGUOUS, shown, None, line, *_names(user)))
        self._database.execute("UPDATE accounts SET user = ? WHERE key = ?", (user["id"], key))
        user_active = user.get("active") is True
        if account_active and not user_active:
            self._find(Finding(Kind.ACTIVE_BUT_DISABLED, shown, None, line, *_names(user)))
        if user_active and not account_active:
            self._find(Finding(Kind.INACTIVE_BUT_ENABLED, shown, None, line, *_names(user)))
        differences = tuple(self._differences(user, json.loads(cells)))
        if differences:
            found = Finding(Kind.DIFFERENT, shown, None, line, *_names(user), differences)
            self._find(found)

    def _differences(self, user: Mapping[str, Any], cells: list[str]) -> Iterator[Difference]:
        for chosen, cell in zip(self._compared, cells, strict=True):
            value = value_of(user, chosen.attribute)
            if not is_same(chosen.attribute, cell, value):
                yield Difference(chosen.attribute, cell, value)

    def _find(self, finding: Finding) -> None:
        if self._ignores_inactive and finding.active is False:
            return
        self.counts[finding.kind] += 1
        row = (_KINDS.index(finding.kind), finding.line or 0, json.dumps(content_of(finding)))
        self._database.execute("INSERT INTO findings VALUES (?, ?, ?)", row)


def content_of(finding: Finding) -> dict[str, Any]:
    """Write a finding as the report in JSON has it; what is not there is left out."""
    content: dict[str, Any] = {
        "kind": finding.kind.value,
        "key": finding.key,
        "active": finding.active,
        "line": finding.line,
        "id": finding.id,
        "userName": finding.user_name,
        "differences": [
            {"attribute": each.attribute, "product": each.product, "directory": each.directory}
            for each in finding.differences
        ]
        or None,
    }
    return {name: value for name, value in content.items() if value is not None}


def _finding(content: Mapping[str, Any]) -> Finding:
    return Finding(
        Kind(content["kind"]),
        content["key"],
        content.get("active"),
        content.get("line"),
        content.get("id"),
        content.get("userName"),
        tuple(Difference(**each) for each in content.get("differences", ())),
    )


def _names(user: Mapping[str, Any]) -> tuple[str, str]:
    return user["id"], str(user.get("userName", ""))
