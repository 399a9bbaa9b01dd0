"""Entity group transactions as multipart messages (OData `$batch` with one change set).

Written and read by hand, because the general parsers of MIME cost more than all the rest of a
transaction together.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.tables.operations import Delete, Insert, Merge, Replace, RowOperation
from shared.tables.rest.entities import write_entity

# No part holds a line break of its own: JSON escapes them, and keys have none. So no line of one
# can be taken for a boundary, and these need not be drawn again for each transaction.
_BATCH, _CHANGES = "batch_of_one", "changes_of_one"

CONTENT_TYPE = f"multipart/mixed; boundary={_BATCH}"
"""Value of the Content-Type header that goes with `write_batch`."""

_OPENING = (
    f"--{_BATCH}\r\nContent-Type: multipart/mixed; boundary={_CHANGES}\r\n\r\n--{_CHANGES}\r\n"
)
_BETWEEN = f"--{_CHANGES}\r\n"
_CLOSING = f"--{_CHANGES}--\r\n\r\n--{_BATCH}--\r\n"
_PART = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: "
_HEAD = " HTTP/1.1\r\nDataServiceVersion: 3.0\r\nAccept: application/json\r\n"
_NOT_SENT_BACK = "Prefer: return-no-content\r\n"  # by default the service echoes what is inserted
_BODY = "Content-Type: application/json\r\nContent-Length: "

_METHODS = {Replace: "PUT", Merge: "PATCH", Delete: "DELETE"}

_ANSWER = b"\nHTTP/1."
_ETAG = re.compile(rb"\n[Ee][Tt][Aa][Gg]: *([^\r\n]+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service says of a transaction.

    Attributes:
        etags: New ETag of each row, "" for a deleted one; empty when it was rejected.
        status: Status of the rejected operation, and of the last one otherwise.
        code: Error code of the rejection, `EntityAlreadyExists`; "" without one.
        message: What the service says of the rejection; it begins with the operation's index.
    """

    etags: tuple[str, ...]
    status: int
    code: str = ""
    message: str = ""


def write_batch(table_url: str, partition: str, operations: Sequence[RowOperation]) -> bytes:
    """Write a transaction.

    Args:
        table_url: URL of the table without a slash at its end.
        partition: The PartitionKey of every row.
        operations: 1 to 100, each on another row.
    """
    parts = (
        f"{_PART}{index}\r\n\r\n{_request(table_url, partition, operation)}"
        for index, operation in enumerate(operations)
    )
    return f"{_OPENING}{_BETWEEN.join(parts)}{_CLOSING}".encode()


def read_outcome(body: bytes) -> Outcome:
    """Read the body of a 202.

    Each operation of a committed transaction has a part; a rejected one has one part alone.

    Raises:
        ValueError: It is not the answer to a transaction.
    """
    answers = body.split(_ANSWER)[1:]
    if not answers:
        raise ValueError("no part of the answer has a status")
    etags: list[str] = []
    status = 0
    for answer in answers:
        status = int(answer[2:5])  # behind the minor version of HTTP and a space
        if status >= 300:
            return Outcome((), status, *read_error(answer))
        etag = _ETAG.search(answer)
        etags.append(etag[1].decode() if etag else "")
    return Outcome(tuple(etags), status)


def read_error(body: bytes) -> tuple[str, str]:
    """Read code and message of an error; "" and "" when the body holds none."""
    start, end = body.find(b"{"), body.rfind(b"}")
    try:
        error = json.loads(body[start : end + 1])["odata.error"]
        return str(error["code"]), str(error["message"]["value"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def _request(table_url: str, partition: str, operation: RowOperation) -> str:
    if isinstance(operation, Insert):
        head = f"POST {table_url}{_HEAD}{_NOT_SENT_BACK}"
    else:
        url = entity_url(table_url, partition, operation.key)
        head = f"{_METHODS[type(operation)]} {url}{_HEAD}If-Match: {operation.etag}\r\n"
    if isinstance(operation, Delete):
        return f"{head}\r\n\r\n"
    body = write_entity(partition, operation.key, operation.values)
    return f"{head}{_BODY}{len(body)}\r\n\r\n{body}\r\n"


def entity_url(table_url: str, partition: str, key: str) -> str:
    """Write the URL of a row; keys are of a form that needs no escape (`shared.store.layout`)."""
    return f"{table_url}(PartitionKey='{partition}',RowKey='{key}')"
