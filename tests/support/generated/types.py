"""Resource types for generated requests: those of the core, and one with every kind of attribute.

What is here is described by documents as a deployer writes them, so that the tests know no more of
an attribute than its description says.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Final

from shared.scim import custom_schemas
from shared.scim.schema_documents import SchemaFile

CONTOSO: Final = "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"
THING: Final = "urn:ietf:params:scim:schemas:contoso:2.0:Thing"

_SIMPLE: Final = ("string", "boolean", "integer", "decimal", "dateTime", "reference", "binary")

_BADGE: Final = [{"name": "value"}, {"name": "colour"}]
_SEATS: Final = [
    {"name": "value"},
    {"name": "type"},
    {"name": "primary", "type": "boolean"},
    {"name": "row", "type": "integer"},
]


def _attributes() -> list[dict[str, Any]]:
    """An attribute of every type, with one value and with many, and what has parts."""
    simple = [
        {"name": f"{kind}{'s' if many else ''}", "type": kind, "multiValued": many}
        for kind, many in product(_SIMPLE, (False, True))
    ]
    return [
        *simple,
        {"name": "badge", "type": "complex", "subAttributes": _BADGE},
        {"name": "place", "type": "complex", "subAttributes": [{"name": "room"}, {"name": "desk"}]},
        {"name": "seats", "type": "complex", "multiValued": True, "subAttributes": _SEATS},
        {
            "name": "boxes",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [{"name": "label"}, {"name": "size", "type": "decimal"}],
        },
        {"name": "state", "mutability": "readOnly"},
        {"name": "marks", "multiValued": True, "mutability": "readOnly"},
    ]


_ATTRIBUTES_OF_A_THING: Final = [
    {"name": "label"},
    {"name": "children", "type": "integer"},
    {"name": "otherMails", "multiValued": True},
    {"name": "badge", "type": "complex", "subAttributes": _BADGE},
    {"name": "seats", "type": "complex", "multiValued": True, "subAttributes": _SEATS},
]

CATALOGUE: Final = custom_schemas.read(
    [
        SchemaFile(
            "types.json",
            [
                {"id": CONTOSO, "name": "ContosoUser", "attributes": _attributes()},
                {"id": THING, "name": "Thing", "attributes": _ATTRIBUTES_OF_A_THING},
                {
                    "name": "User",
                    "endpoint": "/Users",
                    "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
                    "schemaExtensions": [{"schema": CONTOSO}],
                },
                {"name": "Thing", "endpoint": "/Things", "schema": THING},
            ],
        )
    ]
)
"""User with the enterprise extension and one of the deployer's, Group, and a type of theirs."""
