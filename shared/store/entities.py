"""Rows as JSON entities of Table Storage (OData, `minimalmetadata`).

A number without an annotation is an Int32, and text a String; other types are named beside the
property: `"g@odata.type": "Edm.Binary"`.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from shared.store.rows import Row, Value, Values

_INT32 = range(-(2**31), 2**31)
_TYPE = "@odata.type"
_NOT_OURS = frozenset({"PartitionKey", "RowKey", "Timestamp", "odata.etag", "odata.metadata"})


def write_entity(partition: str, key: str, values: Values) -> bytes:
    """Write a row as the body of a request.

    In ASCII: Azurite takes a bare U+2028 in a transaction for the end of a line.
    """
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": key}
    for name, value in values.items():
        _put(entity, name, value)
    return json.dumps(entity, separators=(",", ":")).encode()


def read_entity(entity: Mapping[str, Any]) -> Row:
    """Read a row out of an answer."""
    values = {
        name: value if (kind := entity.get(name + _TYPE)) is None else _value(value, kind)
        for name, value in entity.items()
        if name not in _NOT_OURS and not name.endswith(_TYPE)
    }
    return Row(entity["RowKey"], values, entity["odata.etag"])


def _put(entity: dict[str, Any], name: str, value: Value) -> None:
    if isinstance(value, bytes):
        entity[name + _TYPE] = "Edm.Binary"
        entity[name] = base64.b64encode(value).decode()
    elif isinstance(value, int) and value not in _INT32:
        entity[name + _TYPE] = "Edm.Int64"
        entity[name] = str(value)
    else:
        entity[name] = value


def _value(value: Any, kind: str) -> Value:
    match kind:
        case "Edm.Binary":
            return base64.b64decode(value)
        case "Edm.Int64":
            return int(value)
        case _:
            known: Value = value
            return known
