"""PATCH operations, brought to one form: an operation on one path (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import InvalidValue, NoTarget
from shared.scim.documents import entries
from shared.scim.paths import parse_path
from shared.scim.values import is_unassigned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.scim.schema import AttributePath, Document, ResourceType, Schema

MAX_PATCH_OPERATIONS = 1_000
"""Operations of one request. Entra's largest known request has about forty."""


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One operation.

    Attributes:
        index: 0-based place in the request, for errors.
        op: What is done.
        path: What it is done to; "" for the resource as a whole.
        value: Any JSON value; None if the client sent none.
    """

    index: int
    op: Literal["add", "replace", "remove"]
    path: str
    value: Any


def flatten(
    resource_type: ResourceType, operations: Iterable[PatchOperation]
) -> Iterator[PatchOperation]:
    """Yield operations that each have the path of one attribute.

    `{"op": "replace", "value": {"name.givenName": "Bo", "urn:...:User": {"department": "R"}}}` is
    one operation on `name.givenName` and one on `urn:...:User:department`: the dialect of Entra's
    `aadOptscim062020`, and plain RFC 7644. Keys that name no known attribute are left out.

    Raises:
        NoTarget: A remove has no path.
        InvalidValue: What should be an object of attributes is none.
    """
    for operation in operations:
        path = operation.path
        schema = resource_type.schema_of(path) if path else resource_type.schema
        if schema is None:
            yield operation
        else:
            yield from _taken_apart(resource_type, schema, operation)


def _taken_apart(
    resource_type: ResourceType, schema: Schema, operation: PatchOperation
) -> Iterator[PatchOperation]:
    is_extension = schema is not resource_type.schema
    if operation.op == "remove" and not is_extension:
        raise NoTarget(
            "A remove needs the path of what is to be removed.", operation=operation.index
        )
    clears = operation.op == "remove" or (
        operation.op == "replace" and is_unassigned(operation.value)
    )
    if is_extension and clears:
        parts: Document = {attribute.name: None for attribute in schema.attributes}
    else:
        parts = _attributes(schema, operation)
    for name, value in parts.items():
        yield from _part(resource_type, schema, operation, name, value)


def _part(
    resource_type: ResourceType, schema: Schema, whole: PatchOperation, name: str, value: Any
) -> Iterator[PatchOperation]:
    """Yield what one key of an operation's value says."""
    inner = resource_type.schema_of(name)
    if inner is not None:
        # A URN within a URN names nothing; to follow it would be recursion without end.
        if not whole.path:
            yield from _taken_apart(
                resource_type, inner, PatchOperation(whole.index, whole.op, name, value)
            )
        return
    path = name if schema is resource_type.schema else f"{schema.id}:{name}"
    if resource_type.find(path) is not None or "[" in path:
        yield PatchOperation(whole.index, whole.op, path, value)


def _attributes(schema: Schema, operation: PatchOperation) -> Document:
    value = operation.value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if operation.path and is_unassigned(value):
        return {}
    if not isinstance(value, dict):
        raise InvalidValue(
            f"Without the path of an attribute, the value must be an object with attributes of "
            f"{schema.name}.",
            operation=operation.index,
        )
    return value


def attributes_in_body(resource_type: ResourceType, body: Any) -> Iterator[AttributePath]:
    """Yield the attributes that the body of a POST or PUT names."""
    for path, _ in entries(resource_type, body):
        yield path


def attributes_in_patch(
    resource_type: ResourceType, operations: Iterable[PatchOperation]
) -> Iterator[AttributePath]:
    """Yield the attributes that the operations of a PATCH name."""
    for operation in flatten(resource_type, operations):
        path = parse_path(operation.path, resource_type)
        if path is not None:
            yield path.target
