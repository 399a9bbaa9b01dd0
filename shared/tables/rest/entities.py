"""Rows as JSON entities of Table Storage (OData, `minimalmetadata`).

A number without an annotation is an Int32, and text a String; other types are named beside the
property: `"g@odata.type": "Edm.Binary"`.
"""

import base64
import json
from typing import Any

from shared.tables.rows import Row, Value, Values

_INT32 = range(-(2**31), 2**31)
_TYPE = "@odata.type"
_NOT_OURS = ("PartitionKey", "Timestamp", "odata.metadata")


_encode = json.JSONEncoder(separators=(",", ":")).encode


def write_entity(partition: str, key: str, values: Values) -> str:
    """Write a row as the body of a request.

    In ASCII: Azurite takes a bare U+2028 in a transaction for the end of a line.
    """
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": key, **values}
    for name, value in values.items():
        if not isinstance(value, str):
            _put(entity, name, value)
    return _encode(entity)


def read_entity(entity: dict[str, Any]) -> Row:
    """Read a row out of an answer; `entity` is used up."""
    key, etag = entity.pop("RowKey"), entity.pop("odata.etag")
    for name in _NOT_OURS:
        entity.pop(name, None)
    for annotation in [name for name in entity if name.endswith(_TYPE)]:
        kind, name = entity.pop(annotation), annotation.removesuffix(_TYPE)
        if name in entity:
            entity[name] = _value(entity[name], kind)
    return Row(key, entity, etag)


def read_selected(entity: dict[str, Any]) -> Row:
    """Read what was selected of a row (`nometadata`): no ETag; `entity` is used up."""
    return Row(entity.pop("RowKey"), entity, "")


def _put(entity: dict[str, Any], name: str, value: int | bytes) -> None:
    if isinstance(value, bytes):
        entity[name + _TYPE] = "Edm.Binary"
        entity[name] = base64.b64encode(value).decode()
    elif value not in _INT32:
        entity[name + _TYPE] = "Edm.Int64"
        entity[name] = str(value)


def _value(value: Any, kind: str) -> Value:
    match kind:
        case "Edm.Binary":
            return base64.b64decode(value)
        case "Edm.Int64":
            return int(value)
        case _:
            known: Value = value
            return known
