"""Envelopes of the protocol: PatchOp and ListResponse (RFC 7644 sections 3.4.2 and 3.5.2).

pydantic checks the envelope here, once; what it carries is checked by the schema of the resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shared.scim.errors import InvalidSyntax, PayloadTooLarge
from shared.scim.operations import MAX_OPERATIONS, PatchOperation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.scim.schema import Document

LIST_RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def _lower_names(message: Any) -> Any:
    """Attribute names are case-insensitive (RFC 7643 section 2.1), those of messages too."""
    if not isinstance(message, dict):
        return message
    return {name.lower(): value for name, value in message.items()}


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _path(value: Any) -> Any:
    return "" if value is None else value.strip() if isinstance(value, str) else value


class Operation(BaseModel):
    """One element of `Operations`. Entra writes `op` with a capital."""

    model_config = ConfigDict(frozen=True, strict=True)

    op: Annotated[Literal["add", "replace", "remove"], BeforeValidator(_lower)]
    path: Annotated[str, BeforeValidator(_path)] = ""
    value: Any = None


class PatchRequest(BaseModel):
    """The body of a PATCH. Its `schemas` are not looked at: there is nothing else it could be."""

    model_config = ConfigDict(frozen=True, strict=True)

    operations: list[Annotated[Operation, BeforeValidator(_lower_names)]]


_EXPECTED = {
    "op": "needs an op, which is add, replace or remove",
    "path": "has a path that is not a string",
}


def parse_patch(body: Any) -> list[PatchOperation]:
    """Read the body of a PATCH.

    Args:
        body: Any JSON value.

    Raises:
        InvalidSyntax: It is not a PatchOp message with at least one operation; the error bears
            the index of the operation that is not one.
        PayloadTooLarge: It has more than `MAX_OPERATIONS` operations.
    """
    message = _lower_names(body)
    operations = message.get("operations") if isinstance(message, dict) else None
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax('The body must be an object with "Operations", a list of at least one.')
    if len(operations) > MAX_OPERATIONS:
        raise PayloadTooLarge(
            f"The request has {len(operations)} operations; send at most {MAX_OPERATIONS} at once."
        )
    try:
        request = PatchRequest.model_validate(message)
    except ValidationError as error:
        raise _refusal(error) from None
    return [_checked(index, operation) for index, operation in enumerate(request.operations)]


def list_response(resources: Sequence[Document], total: int, start_index: int) -> Document:
    """Return the answer to a query (RFC 7644 section 3.4.2).

    Args:
        resources: The page. Entra needs `Resources` also when it is empty.
        total: How many resources satisfy the query on all pages.
        start_index: 1-based place of the first one of the page.
    """
    return {
        "schemas": [LIST_RESPONSE_SCHEMA],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def _checked(index: int, operation: Operation) -> PatchOperation:
    """Refuse a write without a value: a slip must not empty a list, and null says so on purpose."""
    if operation.op != "remove" and "value" not in operation.model_fields_set:
        raise InvalidSyntax(
            f"Operation {index} (the first is 0) needs a value; null unassigns the attribute.",
            operation=index,
        )
    return PatchOperation(index, operation.op, operation.path, operation.value)


def _refusal(error: ValidationError) -> InvalidSyntax:
    """Say in our words what pydantic found first; its own would repeat the client's values."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    _, index, *names = first["loc"]
    expected = _EXPECTED.get(str(names[0]) if names else "", "must be an object")
    return InvalidSyntax(f"Operation {index} (the first is 0) {expected}.", operation=int(index))
