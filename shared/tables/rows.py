"""How documents and id lists lie in the properties of a row, and how large a row may be.

Limits of Table Storage: an entity 1 MiB, 255 properties, a string property 64 KiB (32,768 UTF-16
units), a binary property 64 KiB. Azurite does not enforce all of them, so they are checked here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from shared.errors import PayloadTooLarge

Value = str | int | bytes
Values = Mapping[str, Value]
Document = dict[str, Any]

ANY_ETAG = "*"
FORMAT_VERSION = 1

_TEXT_UNITS = 30_000
_IDS_PER_PROPERTY = 4_096
_ID_BYTES = 16
_ENTITY_BYTES = 1_048_576
_ENTITY_PROPERTIES = 252
_ENTITY_OVERHEAD = 512

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Row:
    """One entity as it was read: its key, its properties without the keys, and its ETag."""

    key: str
    values: Values
    etag: str


@dataclass(frozen=True, slots=True)
class Span:
    """A range of row keys: `start` is inside, `end` is not."""

    start: str
    end: str


def pack_document(document: Document) -> dict[str, str]:
    """Write a document as JSON into properties `d`, `d1` ... of at most 30,000 UTF-16 units."""
    text = _encode(document)
    return {_numbered("d", index): piece for index, piece in enumerate(_pieces(text))}


def unpack_document(values: Values) -> Document:
    """Read the document that `pack_document` wrote."""
    is_cut = "d1" in values
    text = "".join(map(str, _series(values, "d"))) if is_cut else str(values["d"])
    document: Document = json.loads(text)
    return document


def pack_ids(ids: Iterable[str]) -> dict[str, bytes]:
    """Write ids (32 hex digits each) into properties `g`, `g1` ... of 4,096 ids of 16 bytes."""
    packed = bytes.fromhex("".join(ids))
    size = _IDS_PER_PROPERTY * _ID_BYTES
    starts = range(0, len(packed), size)
    return {_numbered("g", n): packed[start : start + size] for n, start in enumerate(starts)}


def unpack_ids(values: Values) -> tuple[str, ...]:
    """Read the ids that `pack_ids` wrote, in the same order."""
    if "g" not in values:
        return ()
    digits = b"".join(part for part in _series(values, "g") if isinstance(part, bytes)).hex()
    return tuple([digits[at : at + 32] for at in range(0, len(digits), 32)])


def with_ids(values: Values, ids: Iterable[str]) -> dict[str, Value]:
    """Copy the properties of a row, with another id list in it."""
    kept = {name: value for name, value in values.items() if not _is_numbered(name, "g")}
    return {**kept, **pack_ids(ids)}


def check_size(key: str, values: Values) -> None:
    """Refuse an entity that the service would refuse.

    Raises:
        PayloadTooLarge: the entity would pass 1 MiB or 252 properties of its own.
    """
    size = _ENTITY_OVERHEAD + 2 * len(key)
    size += sum(2 * len(name) + 16 + _value_bytes(value) for name, value in values.items())
    if size > _ENTITY_BYTES or len(values) > _ENTITY_PROPERTIES:
        raise PayloadTooLarge(
            f"The resource would take {size:,} bytes of storage; at most {_ENTITY_BYTES:,} fit. "
            "Send fewer or shorter values."
        )


def wire_bytes(values: Values) -> int:
    """Estimate from above what the properties take in a transaction's body, in bytes.

    Beyond ASCII a character is escaped (6 bytes a UTF-16 unit), quotes are too (2 bytes), and
    binary is base64.
    """
    size = 0
    for name, value in values.items():
        size += len(name) + 40
        if isinstance(value, str):
            size += 2 * len(value) if value.isascii() else 3 * len(value.encode("utf-16-le"))
        else:
            size += len(value) * 4 // 3 if isinstance(value, bytes) else 16
    return size


def _value_bytes(value: Value) -> int:
    if isinstance(value, str):
        return 2 * len(value) if value.isascii() else len(value.encode("utf-16-le"))
    return len(value) if isinstance(value, bytes) else 8


def _pieces(text: str) -> Iterable[str]:
    """Cut text so that no piece passes the limit; an astral character counts as two units."""
    step = _TEXT_UNITS if text.isascii() else _TEXT_UNITS // 2
    return (text[start : start + step] for start in range(0, len(text), step))


def _series(values: Values, name: str) -> Iterable[Value]:
    part = values.get(name)
    for index in count(1):
        if part is None:
            return
        yield part
        part = values.get(f"{name}{index}")


def _numbered(name: str, index: int) -> str:
    return f"{name}{index}" if index else name


def _is_numbered(name: str, base: str) -> bool:
    return name == base or (name.startswith(base) and name[len(base) :].isdigit())
