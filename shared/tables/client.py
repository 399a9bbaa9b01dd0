"""What `AzureTable` needs of a client of Table Storage: one request each, without retry.

Two clients do the same: `RestClient`, which serves, and `SdkClient`, which is its oracle.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from shared.tables.operations import REJECTED_STATUSES, Delete, OperationRejected, RowOperation
from shared.tables.rows import Row, Span
from shared.tables.table import ContinuationToken, Page, Selection

_WITHOUT_CODE = frozenset({401, 403, 408, 429})
"""Statuses below 500 of which it does not matter whether the answer has an error code."""

_ETAG = re.compile(r'(W/)?"[^"]+"')
_INDEX = re.compile(r"(\d{1,3}):")


class StorageError(Exception):
    """An error of the Table service, or no answer: the request may be done, or not.

    Attributes:
        status: HTTP status; None when there was no answer that could be read.
        code: error code of the service, such as `ServerBusy`; "" without one.
    """

    def __init__(self, status: int | None, code: str = "", reason: str = "") -> None:
        super().__init__(f"{status or 'no answer'} {code or reason}".strip())
        self.status = status
        self.code = code


def error_of_answer(status: int, code: str, reason: str = "") -> StorageError:
    """Build the error that an answer stands for.

    What is no error of the service, such as the page of something in between, says nothing about
    the request: it counts as no answer. The service gives every refusal a code; without one it
    is believed what it says of rights, and that it failed.
    """
    is_failure = status in _WITHOUT_CODE or 500 <= status < 600
    if is_failure or (code and 400 <= status < 500):
        return StorageError(status, code, reason)
    return StorageError(None, reason=f"garbled answer ({status})")


def check_etags(operations: Sequence[RowOperation], etags: Sequence[str]) -> list[str]:
    """Return the ETags of a transaction that was committed, if the answer is whole.

    Raises:
        StorageError: it has another number of them, or some are cut.
    """
    is_whole = len(etags) == len(operations) and all(
        isinstance(operation, Delete) or _ETAG.fullmatch(etag)
        for operation, etag in zip(operations, etags, strict=True)
    )
    if not is_whole:
        raise StorageError(None, reason="garbled answer")
    return list(etags)


def error_of_operation(
    operations: Sequence[RowOperation], status: int, code: str, message: str
) -> OperationRejected | StorageError:
    """Build the error that the answer to one operation of a transaction stands for.

    Args:
        operations: the transaction.
        status: of the operation.
        code: the service's error code.
        message: begins with the index of the operation: `1:The specified entity already exists.`
    """
    if status not in REJECTED_STATUSES or code == "TableNotFound":
        return error_of_answer(status, code)
    index = _INDEX.match(message)
    if not code or index is None or int(index[1]) >= len(operations):
        return StorageError(None, reason="garbled answer")
    return OperationRejected(int(index[1]), status, operations[int(index[1])])


class StorageClient(Protocol):
    """A client of one table."""

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; None when there is none.

        Raises:
            StorageError: anything else than 200 or `ResourceNotFound`, `TableNotFound` among it.
        """
        ...

    async def query(
        self,
        partition: str,
        span: Span,
        limit: int,
        token: ContinuationToken | None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span.

        Raises:
            StorageError: anything else than 200.
        """
        ...

    async def submit(self, partition: str, operations: Sequence[RowOperation]) -> list[str]:
        """Commit an entity group transaction; return the new ETags, "" for deleted rows.

        Raises:
            OperationRejected: an operation met 404, 409 or 412.
            StorageError: anything else than success.
        """
        ...

    async def create_table(self) -> None:
        """Create the table.

        Raises:
            StorageError: anything else than success, `TableAlreadyExists` among it.
        """
        ...

    async def close(self) -> None:
        """Close the connections and the credential."""
        ...
