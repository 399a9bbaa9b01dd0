"""What every client of Table Storage does: the contract of `shared.tables.client.StorageClient`.

It is stated here once. The tests hold both clients to it on Azurite, and `storage verify` on the
account that serves. Each rule is a check that writes rows of its own, and expects what Table
Storage is documented to answer, rather than what the other client makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from shared.tables.client import StorageError
from shared.tables.operations import (
    MAX_TRANSACTION_BYTES,
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
)
from shared.tables.retry import TOO_LARGE_CODES
from shared.tables.rows import ANY_ETAG, Row, Span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from shared.tables.client import StorageClient
    from shared.tables.operations import RowOperation
    from shared.tables.rows import Value, Values
    from shared.tables.table import Page

VALUES: Final[dict[str, Value]] = {
    "text": "é'\"\\\u2028\x7f😀",
    "empty": "",
    "number": 7,
    "negative": -7,
    "largest": 2**31 - 1,
    "bytes": bytes(range(256)),
    "odata": "'; drop",
}
"""Properties of every type, with what is special in JSON, in OData and on the wire."""

STALE = "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\""
"""An ETag that no row has."""

_LONG = "x" * 30_000
_LONGER = "x" * 32_769
_FULL = {f"p{number}": _LONG for number in range(17)}
_MANY_ROWS = MAX_TRANSACTION_BYTES // (17 * len(_LONG)) + 2
_PAGE, _PAGED = 2, 5


class BrokenRuleError(Exception):
    """A client does not do what the contract says; the text says what it did."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a rule writes: a client, and rows of one partition whose keys begin alike.

    Attributes:
        client: the client that is checked.
        partition: the partition of the rows.
        prefix: what their keys begin with; of hexadecimal digits.
    """

    client: StorageClient
    partition: str
    prefix: str

    def key(self, name: str) -> str:
        """Build the key of a row."""
        return f"{self.prefix}-{name}"

    async def submit(self, *operations: RowOperation) -> list[str]:
        """Submit a transaction."""
        return await self.client.submit(self.partition, operations)

    async def page(self, limit: int = 1_000, **options: Any) -> Page:
        """Read a page of the rule's own rows."""
        span = Span(f"{self.prefix}-", f"{self.prefix}.")
        return await self.client.query(
            self.partition, span, limit, options.get("token"), options.get("select")
        )

    async def rows(self) -> list[Row]:
        """Read the rule's own rows, page by page."""
        page = await self.page()
        rows = page.rows
        while page.token is not None:
            page = await self.page(token=page.token)
            rows += page.rows
        return rows


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that every client does.

    Attributes:
        name: what it does.
        check: finds out; raises `BrokenRuleError` when the client does something else.
    """

    name: str
    check: Callable[[Scratch], Awaitable[None]]


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise BrokenRuleError(f"{what}: {found!r:.200}, not {expected!r:.200}")


async def _reads_what_it_inserts(scratch: Scratch) -> None:
    key = scratch.key("a")
    (etag,) = await scratch.submit(Insert(key, VALUES))
    expected = Row(key, VALUES, etag)
    _expect("the row by its key", await scratch.client.get(scratch.partition, key), expected)
    _expect("the row in a page", await scratch.rows(), [expected])


async def _reads_nothing_where_nothing_is(scratch: Scratch) -> None:
    absent = await scratch.client.get(scratch.partition, scratch.key("absent"))
    _expect("a row that is not there", absent, None)
    _expect("the rows of an empty span", await scratch.rows(), [])


async def _pages(scratch: Scratch) -> None:
    keys = [scratch.key(str(number)) for number in range(_PAGED)]
    await scratch.submit(*(Insert(key, {}) for key in keys))
    page = await scratch.page(_PAGE)
    found = [row.key for row in page.rows]
    while page.token is not None:
        _expect("whether a page is within its limit", len(page.rows) <= _PAGE, expected=True)
        page = await scratch.page(_PAGE, token=page.token)
        found += [row.key for row in page.rows]
    _expect("the rows of all pages", found, keys)


async def _selects(scratch: Scratch) -> None:
    first, second = scratch.key("1"), scratch.key("2")
    await scratch.submit(Insert(first, VALUES), Insert(second, {"other": 8}))
    for select in ((), ("number",), ("number", "text")):
        values = {name: VALUES[name] for name in select}
        expected = [Row(first, values, ""), Row(second, {}, "")]
        rows = (await scratch.page(select=select)).rows
        _expect(f"what is selected by {select}", rows, expected)


async def _commits(scratch: Scratch) -> None:
    a, b, c, d = (scratch.key(name) for name in "abcd")
    await scratch.submit(*(Insert(key, {"n": 1}) for key in (b, c, d)))
    etags = await scratch.submit(
        Insert(a, {}), Merge(b, {"x": "y"}), Replace(c, {"z": 1}, ANY_ETAG), Delete(d)
    )
    _expect("the ETag of a deleted row", etags[3:], [""])
    values: list[Values] = [{}, {"n": 1, "x": "y"}, {"z": 1}]
    expected = list(map(Row, (a, b, c), values, etags))
    _expect("the rows afterwards", await scratch.rows(), expected)


async def _changes_under_the_etag(scratch: Scratch) -> None:
    key = scratch.key("a")
    (inserted,) = await scratch.submit(Insert(key, {"n": 1}))
    (merged,) = await scratch.submit(Merge(key, {"n": 2}, inserted))
    (replaced,) = await scratch.submit(Replace(key, {"n": 3}, merged))
    _expect("how many ETags there were", len({inserted, merged, replaced}), 3)
    _expect("the row", await scratch.rows(), [Row(key, {"n": 3}, replaced)])
    await scratch.submit(Delete(key, replaced))
    _expect("the rows afterwards", await scratch.rows(), [])


async def _rejects(
    operation: Callable[[str], RowOperation],
    status: int,
    index: int,
    size: int,
    scratch: Scratch,
) -> None:
    """Submit a transaction of which one operation is rejected; nothing of it is committed."""
    exists = scratch.key("exists")
    await scratch.submit(Insert(exists, {"n": 1}))
    before = await scratch.rows()
    transaction: list[RowOperation] = [
        Insert(scratch.key(f"new{number}"), {}) for number in range(size)
    ]
    rejected = operation(scratch.key("absent") if status == 404 else exists)
    transaction[index] = rejected
    try:
        await scratch.submit(*transaction)
    except OperationRejected as rejection:
        found = (rejection.index, rejection.status, rejection.operation)
        _expect("what was rejected", found, (index, status, rejected))
    else:
        raise BrokenRuleError("the transaction is said to be committed")
    _expect("the rows afterwards", await scratch.rows(), before)


async def _refuses(
    operations: Callable[[Scratch], Sequence[RowOperation]],
    codes: frozenset[str],
    scratch: Scratch,
) -> None:
    """Submit a transaction that the storage refuses as a whole; nothing of it is committed."""
    try:
        await scratch.submit(*operations(scratch))
    except StorageError as error:
        _expect(f"whether {error} is one of {sorted(codes)}", error.code in codes, expected=True)
    else:
        raise BrokenRuleError("the transaction is said to be committed")
    _expect("the rows afterwards", await scratch.rows(), [])


def _too_many_bytes(scratch: Scratch) -> Sequence[RowOperation]:
    return [Insert(scratch.key(str(number)), _FULL) for number in range(_MANY_ROWS)]


def _too_long_a_value(scratch: Scratch) -> Sequence[RowOperation]:
    return [Insert(scratch.key("a"), {}), Insert(scratch.key("b"), {"text": _LONGER})]


def _one_row_twice(scratch: Scratch) -> Sequence[RowOperation]:
    return [Insert(scratch.key("a"), {"n": 1}), Insert(scratch.key("a"), {"n": 2})]


async def _meets_its_receipt(scratch: Scratch) -> None:
    """Submit a transaction whose answer is taken for lost, and then the same once more."""
    receipt = Insert(scratch.key("receipt"), {"rq": scratch.prefix})
    transaction = (receipt, Insert(scratch.key("row"), {}))
    await scratch.submit(*transaction)
    try:
        await scratch.submit(*transaction)
    except OperationRejected as rejection:
        _expect("what was rejected", (rejection.index, rejection.status), (0, 409))
    else:
        raise BrokenRuleError("the transaction is said to be committed twice")
    row = await scratch.client.get(scratch.partition, receipt.key)
    _expect("the receipt", row and row.values, receipt.values)


def _rejections() -> Iterator[Rule]:
    """Yield a rule for each operation that can be rejected, each reason and each place."""
    rejected: dict[str, tuple[Callable[[str], RowOperation], int]] = {
        "an insert of a row that exists": (lambda key: Insert(key, {}), 409),
        "a replace of a row that is not found": (lambda key: Replace(key, {}, ANY_ETAG), 404),
        "a merge of a row that is not found": (lambda key: Merge(key, {}), 404),
        "a delete of a row that is not found": (Delete, 404),
        "a replace under another ETag": (lambda key: Replace(key, {}, STALE), 412),
        "a merge under another ETag": (lambda key: Merge(key, {}, STALE), 412),
        "a delete under another ETag": (lambda key: Delete(key, STALE), 412),
    }
    for name, (operation, status) in rejected.items():
        for index in range(3):
            check = partial(_rejects, operation, status, index, 3)
            yield Rule(f"rejects {name}, as operation {index} of 3", check)
    last = MAX_TRANSACTION_OPERATIONS - 1
    check = partial(_rejects, lambda key: Insert(key, {}), 409, last, MAX_TRANSACTION_OPERATIONS)
    yield Rule(f"rejects an insert of a row that exists, as operation {last} of {last + 1}", check)


RULES: Final = (
    Rule("reads what it inserts", _reads_what_it_inserts),
    Rule("reads nothing where nothing is", _reads_nothing_where_nothing_is),
    Rule("reads page by page", _pages),
    Rule("reads what is selected", _selects),
    Rule("commits a transaction of every operation", _commits),
    Rule("changes a row under its ETag", _changes_under_the_etag),
    *_rejections(),
    Rule(
        "refuses a transaction of too many bytes",
        partial(_refuses, _too_many_bytes, TOO_LARGE_CODES),
    ),
    Rule("refuses a value that is too long", partial(_refuses, _too_long_a_value, TOO_LARGE_CODES)),
    Rule(
        "refuses a transaction that names a row twice",
        partial(_refuses, _one_row_twice, frozenset({"InvalidDuplicateRow"})),
    ),
    Rule("meets its own receipt when it is sent again", _meets_its_receipt),
)
"""The contract. A rule writes rows, and removes none but those that it is about."""
