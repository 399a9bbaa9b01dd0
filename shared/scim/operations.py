"""PATCH operations, brought to one form: an operation on one path (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import InvalidSyntax, InvalidValue, Mutability, NoTarget, ScimError
from shared.scim.documents import (
    attributes_of,
    check_unknown,
    check_wrapper,
    entries,
    unwrapped,
)
from shared.scim.names import check_keys
from shared.scim.paths import parse_path
from shared.scim.spellings import check_spellings
from shared.scim.values import is_unassigned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.scim.filters import Filter
    from shared.scim.paths import PatchPath
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


@dataclass(frozen=True, slots=True)
class AttributeOperation:
    """One operation on one attribute that the resource has.

    Attributes:
        operation: As it was sent, or was taken out of an operation without a path.
        path: Its path, as it was read.
        value: Its value, without the name of the attribute around it.
        replaces_parts: Whether the parts of a complex value that it does not name are gone. RFC
            7644 section 3.5.2.3 lets them stay, the interoperability profile does not.
    """

    operation: PatchOperation
    path: PatchPath
    value: Any
    replaces_parts: bool = False

    @property
    def is_remove(self) -> bool:
        """Whether it takes away."""
        return self.operation.op == "remove"


def on_attributes(
    resource_type: ResourceType, operations: Iterable[PatchOperation]
) -> Iterator[AttributeOperation]:
    """Yield operations that each are about one attribute that the type has.

    `{"op": "replace", "value": {"name.givenName": "Bo", "urn:...:User": {"department": "R"}}}` is
    one operation on `name.givenName` and one on `urn:...:User:department`: the dialect of Entra's
    `aadOptscim062020`, and plain RFC 7644. What no schema has, and what is `readOnly` in a value
    without a path, is left out.

    Raises:
        NoTarget: A remove has no path.
        InvalidPath: A path is malformed, or filters by what is not there.
        Mutability: A path names what is `readOnly`.
        InvalidSyntax: A key of a value is not the name of an attribute.
        InvalidValue: What should be an object of attributes is none, or names one of them twice.
    """
    for sent in operations:
        try:
            found = list(_on_known(resource_type, sent))
            if len(found) > 1:
                found = _reconciled(found)
        except ScimError as error:
            error.locate(operation=sent.index)
            raise
        yield from found


def _on_known(resource_type: ResourceType, sent: PatchOperation) -> Iterator[AttributeOperation]:
    """Yield what one operation does to each attribute that the type has."""
    for operation in _taken_apart(resource_type, sent):
        computed = resource_type.computed_schema(operation.path)
        if computed is not None:
            if operation.path == sent.path:
                raise _computed(computed)
            continue
        path = parse_path(operation.path, resource_type)
        if path is None:
            check_wrapper(resource_type, resource_type.schema, operation.path, operation.value)
        elif not path.target.is_read_only:
            value = unwrapped(resource_type, path.target, operation.value)
            replaces_parts = resource_type.is_closed and operation.op == "replace"
            yield AttributeOperation(operation, path, value, replaces_parts)
        elif operation.path == sent.path:
            raise _read_only(path.target)


def _reconciled(operations: Sequence[AttributeOperation]) -> list[AttributeOperation]:
    """Return what the keys of one object do, parts last: a whole would take their place.

    Raises:
        InvalidValue: Two keys say different things of one attribute.
    """
    by_filter: dict[Filter | None, list[tuple[AttributePath, Any]]] = {}
    for each in operations:
        by_filter.setdefault(each.path.filter, []).append((each.path.target, each.value))
    for condition, named in by_filter.items():
        check_spellings(named, of_one=condition is not None)
    return sorted(operations, key=_is_on_part)


def _is_on_part(each: AttributeOperation) -> bool:
    return each.path.filter is not None or each.path.target.sub_attribute is not None


def _taken_apart(
    resource_type: ResourceType, operation: PatchOperation
) -> Iterator[PatchOperation]:
    """Yield operations that each have the path of one attribute."""
    if not operation.path:
        if resource_type.is_closed:
            raise InvalidSyntax(
                "The operation has no path, and this tenant has the profile interop, which asks "
                "for one: send an operation for each attribute, with its path."
            )
        yield from _on_schema(resource_type, resource_type.schema, operation)
        return
    schema = resource_type.schema_of(operation.path)
    if schema is None:
        yield operation
    else:
        yield from _on_schema(resource_type, schema, operation)


def _on_schema(
    resource_type: ResourceType, schema: Schema, operation: PatchOperation
) -> Iterator[PatchOperation]:
    """Yield what an operation on the attributes of a schema does to each of them."""
    is_core = schema is resource_type.schema
    if operation.op == "remove" and is_core:
        raise NoTarget("A remove needs the path of what is to be removed.")
    if is_core or operation.op == "add" or not is_unassigned(operation.value):
        attributes = _attributes(resource_type, schema, operation)
        if operation.op == "remove" and not attributes:
            raise InvalidValue(
                f"The value names no attribute to remove from {schema.id}: leave it out to remove "
                "all, or send an object with attributes of that schema.",
                path=schema.id,
            )
        for name, value in attributes.items():
            yield from _on_key(resource_type, schema, operation, name, value)
    else:
        for attribute in schema.attributes:
            yield replace(operation, path=f"{schema.id}:{attribute.name}", value=None)


def _on_key(
    resource_type: ResourceType, schema: Schema, whole: PatchOperation, name: str, value: Any
) -> Iterator[PatchOperation]:
    """Yield what one key of an operation's value does."""
    inner = None if whole.path else resource_type.schema_of(name)
    if inner is not None:
        yield from _on_schema(resource_type, inner, replace(whole, path=name, value=value))
        return
    is_core = schema is resource_type.schema
    path = resource_type.find(name) if is_core else resource_type.find_within(schema, name)
    if path is not None:
        yield replace(whole, path=path.text, value=value)
    elif "[" in name:
        yield replace(whole, path=name if is_core else f"{schema.id}:{name}", value=value)
    else:
        check_unknown(resource_type, schema, name, value)


def _attributes(resource_type: ResourceType, schema: Schema, operation: PatchOperation) -> Document:
    value = operation.value
    if operation.path:
        return {} if is_unassigned(value) else attributes_of(resource_type, schema, value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise InvalidValue(
            f"Without the path of an attribute, the value must be an object with attributes of "
            f"{schema.name}."
        )
    check_keys(value)
    return value


def _read_only(target: AttributePath) -> Mutability:
    return Mutability(
        f"{target.text} is readOnly: the service alone writes it. Leave the operation out.",
        path=target.text,
    )


def _computed(schema: Schema) -> Mutability:
    return Mutability(
        f"{schema.id} is readOnly: the service alone writes it. {schema.description}. Leave the "
        "operation out.",
        path=schema.id,
    )


def attributes_in_body(resource_type: ResourceType, body: Any) -> Iterator[AttributePath]:
    """Yield the attributes that the body of a POST or PUT names."""
    for path, _ in entries(resource_type, body):
        yield path


def attributes_in_patch(
    resource_type: ResourceType, operations: Iterable[PatchOperation]
) -> Iterator[AttributePath]:
    """Yield the attributes that the operations of a PATCH name."""
    for each in on_attributes(resource_type, operations):
        yield each.path.target
