"""The operations of an entity group transaction, and what may become of one.

Nothing is ever an upsert, because an upsert checks no concurrency: a row is inserted, or changed
or deleted under its ETag or, where only its existence matters, under `*`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import PayloadTooLarge
from shared.tables.rows import ANY_ETAG, Values, check_size, wire_bytes

MAX_TRANSACTION_OPERATIONS = 100
"""Operations that one entity group transaction takes."""

MAX_TRANSACTION_BYTES = 4_000_000
"""Bytes that a transaction's body may take; the service refuses 4 MiB."""

REJECTED_STATUSES = frozenset({404, 409, 412})
"""Statuses of an operation that was definitely not done."""

_OPERATION_OVERHEAD = 1_024
_SURELY_FITS = 10_000
"""Bytes on the wire that no row over a limit is below: each of 252 properties takes 40 at least."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Insert a row; rejected with 409 when the key exists.

    `unique` names the SCIM attribute whose uniqueness the key guards. A 409 on such a row, and on
    no other, means that the value is taken, in this letter case (`case_exact`) or in any.
    """

    key: str
    values: Values
    unique: str | None = None
    case_exact: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace all properties of a row; rejected with 412 on another ETag, 404 when it is gone."""

    key: str
    values: Values
    etag: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Change some properties of a row; rejected with 404 when it is gone, 412 on another ETag."""

    key: str
    values: Values
    etag: str = ANY_ETAG


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a row; rejected with 404 when it is gone, 412 on another ETag."""

    key: str
    etag: str = ANY_ETAG


RowOperation = Insert | Replace | Merge | Delete


def payload_bytes(operation: RowOperation) -> int:
    """Estimate from above what an operation adds to a transaction, in bytes on the wire.

    Raises:
        PayloadTooLarge: its row is over the limits of the service.
    """
    if isinstance(operation, Delete):
        return _OPERATION_OVERHEAD
    size = wire_bytes(operation.values)
    if size > _SURELY_FITS:
        check_size(operation.key, operation.values)
    return size + _OPERATION_OVERHEAD


def check_transaction(operations: Sequence[RowOperation]) -> None:
    """Refuse a transaction that the service would refuse.

    Raises:
        PayloadTooLarge: a row or the whole is over the limits of the service.
    """
    size = sum(map(payload_bytes, operations))
    if len(operations) > MAX_TRANSACTION_OPERATIONS or size > MAX_TRANSACTION_BYTES:
        raise PayloadTooLarge(
            f"The change needs {len(operations)} rows and {size:,} bytes in one transaction; at "
            f"most {MAX_TRANSACTION_OPERATIONS} rows and {MAX_TRANSACTION_BYTES:,} bytes fit. Send "
            "less at a time."
        )


class OperationRejected(Exception):  # noqa: N818 - an outcome that callers act on, not a fault
    """A transaction was definitely not committed, because one of its operations was rejected.

    Attributes:
        index: position of that operation in the transaction.
        status: 404, 409 or 412.
        operation: the operation itself.
    """

    def __init__(self, index: int, status: int, operation: RowOperation) -> None:
        super().__init__(f"operation {index} ({type(operation).__name__}) answered {status}")
        self.index = index
        self.status = status
        self.operation = operation


class OutcomeUnknown(Exception):  # noqa: N818 - an outcome that callers act on, not a fault
    """The answer to a transaction was lost or says nothing about it: it may be committed or not.

    Attributes:
        throttled: the service said that it is busy.
    """

    def __init__(self, reason: str, *, throttled: bool = False) -> None:
        super().__init__(reason)
        self.throttled = throttled
