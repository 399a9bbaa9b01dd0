"""What a write names: the attributes that its client has specified (RFC 7643 section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.scim import paths
from shared.scim.documents import entries
from shared.scim.operations import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.scim.operations import PatchOperation
    from shared.scim.schema import AttributePath, ResourceType


def in_document(resource_type: ResourceType, body: Any) -> Iterator[AttributePath]:
    """Yield the attributes that the body of a POST or PUT names."""
    for path, _ in entries(resource_type, body):
        yield path


def in_patch(
    resource_type: ResourceType, operations: Iterable[PatchOperation]
) -> Iterator[AttributePath]:
    """Yield the attributes that the operations of a PATCH name."""
    for operation in flatten(resource_type, operations):
        path = paths.parse(operation.path, resource_type)
        if path is not None:
            yield path.target
