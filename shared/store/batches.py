"""Entity group transactions as multipart messages (OData `$batch` with one change set).

Written and read by hand, because the general parsers of MIME cost more than all the rest of a
transaction together.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from shared.store.entities import write_entity
from shared.store.operations import Delete, Insert, Operation

_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"^ETag: *([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_INDEX = re.compile(r"(\d+):")

_BATCH = b"--%b\r\nContent-Type: multipart/mixed; boundary=%b\r\n\r\n"
_PART = (
    b"--%b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    b"Content-ID: %d\r\n\r\n"
)
_HEAD = b"%b %b HTTP/1.1\r\nDataServiceVersion: 3.0\r\nAccept: application/json\r\n"
_NOT_SENT_BACK = b"Prefer: return-no-content\r\n"  # by default the service echoes what is inserted
_BODY = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b\r\n"


@dataclass(frozen=True, slots=True)
class Batch:
    """A transaction on the wire: the value of its Content-Type header, and its body."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service says of a transaction.

    Attributes:
        etags: New ETag of each row, "" for a deleted one; empty when it was refused.
        status: Status of the refused operation, and of the last one otherwise.
        code: Error code of the refusal, `EntityAlreadyExists`; "" without one.
        index: 0-based place of the refused operation.
    """

    etags: tuple[str, ...]
    status: int
    code: str = ""
    index: int = 0


def write_batch(table_url: str, partition: str, operations: Sequence[Operation]) -> Batch:
    """Write a transaction.

    Args:
        table_url: URL of the table without a slash at its end.
        partition: The PartitionKey of every row.
        operations: 1 to 100, each on another row.
    """
    batch, changes = (f"{kind}_{secrets.token_hex(16)}" for kind in ("batch", "changeset"))
    boundary = changes.encode()
    parts = [_BATCH % (batch.encode(), boundary)]
    for index, operation in enumerate(operations):
        parts.append(_PART % (boundary, index))
        parts.append(_request(table_url, partition, operation))
    parts.append(b"--%b--\r\n\r\n--%b--\r\n" % (boundary, batch.encode()))
    return Batch(f"multipart/mixed; boundary={batch}", b"".join(parts))


def read_outcome(body: bytes) -> Outcome:
    """Read the body of a 202.

    Each operation of a committed transaction has a part; a refused one has one part alone, whose
    message begins with the index of the operation: `1:The specified entity already exists.`

    Raises:
        ValueError: It is not the answer to a transaction.
    """
    parts = _STATUS.split(body)[1:]
    if not parts:
        raise ValueError("no part of the answer has a status")
    statuses, rests = [int(status) for status in parts[::2]], parts[1::2]
    for status, rest in zip(statuses, rests, strict=True):
        if status >= 300:
            return _refusal(status, rest)
    etags = (_ETAG.search(rest) for rest in rests)
    return Outcome(tuple(found[1].decode() if found else "" for found in etags), statuses[-1])


def read_error(body: bytes) -> tuple[str, str]:
    """Read code and message of an error; "" and "" when the body holds none."""
    start, end = body.find(b"{"), body.rfind(b"}")
    try:
        error = json.loads(body[start : end + 1])["odata.error"]
        return str(error["code"]), str(error["message"]["value"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def _request(table_url: str, partition: str, operation: Operation) -> bytes:
    if isinstance(operation, Insert):
        head = _HEAD % (b"POST", table_url.encode()) + _NOT_SENT_BACK
    else:
        method = {"Replace": b"PUT", "Merge": b"PATCH", "Delete": b"DELETE"}[
            type(operation).__name__
        ]
        head = _HEAD % (method, entity_url(table_url, partition, operation.key).encode())
        head += b"If-Match: %b\r\n" % operation.etag.encode()
    if isinstance(operation, Delete):
        return head + b"\r\n\r\n"
    body = write_entity(partition, operation.key, operation.values)
    return head + _BODY % (len(body), body)


def entity_url(table_url: str, partition: str, key: str) -> str:
    """Write the URL of a row; keys are of a form that needs no escape (`shared.store.keys`)."""
    return f"{table_url}(PartitionKey='{partition}',RowKey='{key}')"


def _refusal(status: int, rest: bytes) -> Outcome:
    code, message = read_error(rest)
    index = _INDEX.match(message)
    return Outcome((), status, code, int(index[1]) if index else 0)
