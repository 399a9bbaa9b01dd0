"""Requests as Entra writes them: queries, bodies of POST, and PATCH operations in two dialects.

Entra's job sends the *legacy* dialect: capitalised operations, one attribute an operation,
booleans as text. With `?aadOptscim062020` in the Tenant URL it sends the *flag* dialect:
lower-case operations, real booleans, attributes without a filter merged in one operation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote_plus

from tools.provision.directory import Group
from tools.provision.mapping import ENTERPRISE_SCHEMA, MANAGER, USER_SCHEMA, build_user

PATCH_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
GROUP_SCHEMAS: Final = (
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
)

Json = dict[str, Any]


class Dialect(StrEnum):
    """How PATCH operations are written."""

    LEGACY = "legacy"
    FLAG = "flag"


class ManagerShape(StrEnum):
    """How a manager is written in a PATCH.

    STRING is Entra's; it breaks RFC 7643 section 4.3, where a manager is complex, and a service
    that knows no identity provider's habits refuses it. OBJECT is what RFC 7644 asks for.
    """

    STRING = "string"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute that differs from what was last sent.

    Attributes:
        path: in Entra's notation.
        value: the new value; True or False for `active`.
        added: the attribute had no value before.
    """

    path: str
    value: str | bool
    added: bool = False


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Compare values by path. A value that is gone is no change: Entra never sends nulls."""
    return [
        Change(path, value, added=path not in before)
        for path, value in after.items()
        if before.get(path) != value
    ]


def equals(attribute: str, value: str) -> str:
    """Write a filter `attribute eq "value"`; the value is escaped as JSON (RFC 7644 3.4.2.2)."""
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"


def query(**parameters: str) -> str:
    """Encode a query as Entra does: a space is `+`, a quote is `%22`."""
    return "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items())


def new_user(values: Mapping[str, str]) -> Json:
    """Build the body of POST /Users; a new user is always active, its manager comes later."""
    return {
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
        "active": True,
        "meta": {"resourceType": "User"},
        **build_user(values),
    }


def new_group(group: Group) -> Json:
    """Build the body of POST /Groups, which never has members."""
    return {
        "schemas": list(GROUP_SCHEMAS),
        "externalId": group.id,
        "displayName": group.display_name,
        "meta": {"resourceType": "Group"},
    }


def patch(operations: Sequence[Json]) -> Json:
    """Wrap operations in a PatchOp message (RFC 7644 section 3.5.2)."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def update(dialect: Dialect, attributes: Sequence[Change]) -> list[Json]:
    """Write the operations that set attributes."""
    if dialect is Dialect.LEGACY:
        return [
            _operation("Add" if each.added else "Replace", each.path, str(each.value))
            for each in attributes
        ]
    mergeable = [each for each in attributes if not each.added and "[" not in each.path]
    merged = mergeable if len(mergeable) > 1 else []
    operations = [
        _operation("add" if each.added else "replace", each.path, each.value)
        for each in attributes
        if each not in merged
    ]
    if merged:
        operations.append(
            {"op": "replace", "value": {each.path: each.value for each in merged}},
        )
    return operations


def set_manager(dialect: Dialect, shape: ManagerShape, target_id: str, *, first: bool) -> Json:
    """Write the operation that points a user to its manager."""
    value: Any = target_id if shape is ManagerShape.STRING else {"value": target_id}
    return _operation(_cased(dialect, "Add" if first else "Replace"), MANAGER, value)


def clear_manager(dialect: Dialect, shape: ManagerShape) -> Json:
    """Write the operation that takes the manager away.

    The legacy dialect replaces it by empty text; a strict service understands only a removal.
    """
    if dialect is Dialect.LEGACY and shape is ManagerShape.STRING:
        return _operation("Replace", MANAGER, "")
    return {"op": _cased(dialect, "Remove"), "path": MANAGER}


def add_members(dialect: Dialect, target_ids: Iterable[str]) -> list[Json]:
    """Write the one operation that adds members; `$ref` is null in every one of them."""
    return [_operation(_cased(dialect, "Add"), "members", _references(target_ids))]


def remove_members(dialect: Dialect, target_ids: Iterable[str]) -> list[Json]:
    """Write the removal of members: a list in one operation, or a filter path each."""
    if dialect is Dialect.LEGACY:
        return [_operation("Remove", "members", _references(target_ids))]
    return [
        {"op": "remove", "path": f"members[{equals('value', target_id)}]"}
        for target_id in target_ids
    ]


def _operation(name: str, path: str, value: Any) -> Json:
    return {"op": name, "path": path, "value": value}


def _references(target_ids: Iterable[str]) -> list[Json]:
    return [{"$ref": None, "value": target_id} for target_id in target_ids]


def _cased(dialect: Dialect, name: str) -> str:
    return name if dialect is Dialect.LEGACY else name.lower()
