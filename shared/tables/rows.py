"""Rows, spans of their keys, and how large a row may be.

Limits of Table Storage: an entity 1 MiB, 255 properties, a string property 64 KiB (32,768 UTF-16
units), a binary property 64 KiB. Azurite does not enforce all of them, so they are checked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import PayloadTooLarge

Value = str | int | bytes
Values = Mapping[str, Value]

ANY_ETAG = "*"

_ENTITY_BYTES = 1_048_576
_ENTITY_PROPERTIES = 252
_ENTITY_OVERHEAD = 512


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
