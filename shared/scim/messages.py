"""Envelopes of the protocol: PatchOp, BulkRequest, SearchRequest, ListResponse (RFC 7644).

pydantic checks the envelope here, once; what it carries is checked by the schema of the resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import InvalidSyntax, InvalidValue, PayloadTooLarge
from shared.scim import bulk, declarations
from shared.scim.bulk import BulkOperation
from shared.scim.names import abridged, check_keys
from shared.scim.operations import MAX_PATCH_OPERATIONS, PatchOperation
from shared.scim.queries import checked, read_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.scim.queries import Query
    from shared.scim.schema import Document

PATCH_OP_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK_REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH_REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
LIST_RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
BULK_RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def _lower_names(message: Any) -> Any:
    """Attribute names are case-insensitive (RFC 7643 section 2.1), those of messages too."""
    if not isinstance(message, dict):
        return message
    check_keys(message)
    return {name.lower(): value for name, value in message.items()}


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """Take a whole number as text, or with a fraction of nothing, as what it says."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    number = read_whole(value.strip()) if isinstance(value, str) else None
    return value if number is None else number


def _path(value: Any) -> Any:
    return "" if value is None else value.strip() if isinstance(value, str) else value


class PatchElement(BaseModel):
    """One element of `Operations`. Entra writes `op` with a capital."""

    model_config = ConfigDict(frozen=True, strict=True)

    op: Annotated[Literal["add", "replace", "remove"], BeforeValidator(_lower)]
    path: Annotated[str, BeforeValidator(_path)] = ""
    value: Any = None


class PatchRequest(BaseModel):
    """The body of a PATCH."""

    model_config = ConfigDict(frozen=True, strict=True)

    operations: list[Annotated[PatchElement, BeforeValidator(_lower_names)]]


def _names(value: Any) -> Any:
    """Take a list of attribute names as the parameter of a URL writes it, with commas between."""
    is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return ",".join(value) if is_list else value


class SearchRequest(BaseModel):
    """The body of a POST to `/.search` (RFC 7644 section 3.4.3, RFC 9865 section 3)."""

    model_config = ConfigDict(frozen=True, strict=True)

    filter: str | None = None
    sortby: str | None = None
    sortorder: str | None = None
    startindex: Annotated[int | str | None, BeforeValidator(_whole)] = None
    count: Annotated[int | str | None, BeforeValidator(_whole)] = None
    cursor: str | None = None
    attributes: Annotated[str | None, BeforeValidator(_names)] = None
    excludedattributes: Annotated[str | None, BeforeValidator(_names)] = None


_SEARCHED = {
    "filter": "filter must be a string",
    "sortby": "sortBy must be a string, the name of an attribute",
    "sortorder": "sortOrder must be ascending or descending",
    "startindex": "startIndex must be a whole number",
    "count": "count must be a whole number",
    "cursor": "cursor must be a string",
    "attributes": "attributes must be a list of names",
    "excludedattributes": "excludedAttributes must be a list of names",
}

_EXPECTED = {
    "op": "needs an op, which is add, replace or remove",
    "path": "has a path that is not a string",
}


def parse_patch(
    body: Any, core_schemas: Collection[str] = (), *, is_closed: bool = False
) -> list[PatchOperation]:
    """Read the body of a PATCH.

    Args:
        body: Any JSON value.
        core_schemas: URNs, in lower case, of schemas that name a type and no message.
        is_closed: Whether what is no part of the message is refused instead of passed over.

    Raises:
        InvalidSyntax: It is not a PatchOp message with at least one operation, or says in its
            `schemas` that it is something else; the error bears the index of the operation that is
            not one.
        PayloadTooLarge: It has more than `MAX_PATCH_OPERATIONS` operations.
    """
    message = _lower_names(body)
    _check_operations(message, MAX_PATCH_OPERATIONS)
    declarations.check(message, PATCH_OP_SCHEMA, core_schemas)
    try:
        request = PatchRequest.model_validate(message)
    except ValidationError as error:
        raise _refusal(error, _EXPECTED) from None
    if is_closed:
        _check_closed(message, PATCH_OP_SCHEMA, {"operations"}, PatchElement.model_fields)
    return [_checked(index, operation) for index, operation in enumerate(request.operations)]


_PROFILE = "this tenant has the profile interop"


def _check_closed(
    message: dict[str, Any], urn: str, names: Collection[str], names_of_operations: Collection[str]
) -> None:
    """Refuse what is no part of a message, as the interoperability profile asks.

    Args:
        message: The message, with its names in lower case.
        urn: What its `schemas` are to name, and nothing else.
        names: Its parts, in lower case, besides `schemas`.
        names_of_operations: Parts of its operations, where it has any.

    Raises:
        InvalidSyntax: A key, or a schema, is none of the message, or it has no `schemas`; the error
            bears the index of the operation in which it is.
    """
    declarations.check_declared(message, urn)
    if declarations.others_than(message, urn):
        raise InvalidSyntax(f"The schemas of the body name more than {urn}: leave it out.")
    kind = urn.rpartition(":")[2]
    _check_keys(message, {"schemas", *names}, kind)
    for index, operation in enumerate(message["operations"] if names_of_operations else ()):
        try:
            _check_keys(operation, names_of_operations, kind)
        except InvalidSyntax as error:
            error.locate(operation=index)
            raise


def _check_keys(part: Any, known: Collection[str], kind: str) -> None:
    for name in part if isinstance(part, dict) else ():
        if name.lower() not in known:
            raise InvalidSyntax(
                f"{abridged(name)!r} is no part of a {kind} message, and {_PROFILE}: leave it out."
            )


class BulkElement(BaseModel):
    """One element of the `Operations` of a bulk request."""

    model_config = ConfigDict(frozen=True, strict=True)

    method: Annotated[bulk.Method, BeforeValidator(_upper)]
    path: Annotated[str, BeforeValidator(_path), Field(min_length=1)]
    bulkid: Annotated[str, Field(min_length=1)] | None = None
    version: str | None = None
    data: Any = None


class BulkRequest(BaseModel):
    """The body of a bulk request."""

    model_config = ConfigDict(frozen=True, strict=True)

    failonerrors: Annotated[int, Field(ge=0), BeforeValidator(_whole)] | None = None
    operations: list[Annotated[BulkElement, BeforeValidator(_lower_names)]]


_EXPECTED_OF_BULK = {
    "method": "needs a method, which is POST, PUT, PATCH or DELETE",
    "path": 'needs a path, such as "/Users" or "/Users/<id>"',
    "bulkid": "has a bulkId that is not a string with something in it",
    "version": "has a version that is not a string",
}


def parse_bulk(
    body: Any, core_schemas: Collection[str] = (), *, is_closed: bool = False
) -> tuple[list[BulkOperation], int | None]:
    """Read the body of a bulk request (RFC 7644 section 3.7).

    Args:
        body: Any JSON value.
        core_schemas: As for `parse_patch`.
        is_closed: Likewise.

    Returns:
        The operations, and after how many errors the client wants no more of them done.

    Raises:
        InvalidSyntax: It is not a BulkRequest message with at least one operation; the error bears
            the index of the operation that is not one.
        InvalidValue: Two POST operations have the same bulkId.
        PayloadTooLarge: It has more than `bulk.MAX_BULK_OPERATIONS` operations.
    """
    message = _lower_names(body)
    _check_operations(message, bulk.MAX_BULK_OPERATIONS)
    declarations.check(message, BULK_REQUEST_SCHEMA, core_schemas)
    try:
        request = BulkRequest.model_validate(message)
    except ValidationError as error:
        raise _refusal(error, _EXPECTED_OF_BULK) from None
    if is_closed:
        names = BulkRequest.model_fields
        _check_closed(message, BULK_REQUEST_SCHEMA, names, BulkElement.model_fields)
    operations = [
        _bulk_operation(index, element) for index, element in enumerate(request.operations)
    ]
    _check_bulk_ids(operations)
    # Some clients write 0 for "stop at the first error".
    limit = None if request.failonerrors is None else max(request.failonerrors, 1)
    return operations, limit


def _bulk_operation(index: int, element: BulkElement) -> BulkOperation:
    """Refuse an operation without what its method needs (RFC 7644 section 3.7)."""
    lacking = None
    if element.method == "POST" and element.bulkid is None:
        lacking = "a bulkId, which names what it creates"
    elif element.method != "DELETE" and element.data is None:
        lacking = "data, the body of the request that it stands for"
    if lacking is not None:
        raise InvalidSyntax(
            f"Operation {index} (the first is 0) is a {element.method} and needs {lacking}.",
            operation=index,
        )
    data = None if element.method == "DELETE" else element.data
    return BulkOperation(index, element.method, element.path, element.bulkid, element.version, data)


def _check_bulk_ids(operations: Sequence[BulkOperation]) -> None:
    """Refuse two POSTs of one bulkId, since a reference to it would mean either."""
    taken: set[str | None] = set()
    for operation in operations:
        if operation.method != "POST":
            continue
        if operation.bulk_id in taken:
            raise InvalidValue(
                f"Operation {operation.index} (the first is 0) has the bulkId of an earlier one; "
                "give each POST a bulkId of its own.",
                operation=operation.index,
            )
        taken.add(operation.bulk_id)


def bulk_response(results: Sequence[Document]) -> Document:
    """Return the answer to a bulk request: what became of each operation."""
    return {"schemas": [BULK_RESPONSE_SCHEMA], "Operations": list(results)}


def parse_search(
    body: Any,
    core_schemas: Collection[str] = (),
    in_url: Collection[str] = (),
    *,
    is_closed: bool = False,
) -> Query:
    """Read the body of a POST to `/.search`.

    Args:
        body: Any JSON value.
        core_schemas: As for `parse_patch`.
        in_url: Names of the parameters of the URL, in lower case.
        is_closed: As for `parse_patch`.

    Raises:
        InvalidSyntax: It is not an object, or holds what is no part of the message.
        InvalidValue: What it holds is not of its type, or the URL says what it does not: to pass
            over a filter would show everybody.
        ScimError: It asks for what cannot be asked for; see `queries.from_parameters`.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object: a SearchRequest.")
    declarations.check(body, SEARCH_REQUEST_SCHEMA, core_schemas)
    message = _lower_names(body)
    try:
        search = SearchRequest.model_validate(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        expected = _SEARCHED[str(first["loc"][0])]
        raise InvalidValue(f"{expected}.", path=expected.partition(" ")[0]) from None
    if is_closed:
        _check_closed(message, SEARCH_REQUEST_SCHEMA, SearchRequest.model_fields, ())
    _check_none_in_url(search, in_url)
    return checked(
        filter=search.filter,
        sort_by=search.sortby,
        sort_order=search.sortorder,
        start_index=search.startindex,
        count=search.count,
        cursor=search.cursor,
        attributes=search.attributes,
        excluded_attributes=search.excludedattributes,
    )


def _check_none_in_url(search: SearchRequest, in_url: Collection[str]) -> None:
    for name, expected in _SEARCHED.items():
        if name in in_url and getattr(search, name) is None:
            spelling = expected.partition(" ")[0]
            raise InvalidValue(
                f"{spelling} stands in the URL: a search is read from its body, so put it there "
                "(RFC 7644 section 3.4.3).",
                path=spelling,
            )


def list_response(
    resources: Sequence[Document],
    total: int | None,
    start_index: int | None,
    next_cursor: str | None = None,
) -> Document:
    """Return the answer to a query (RFC 7644 section 3.4.2, RFC 9865 section 2).

    Args:
        resources: The page. Entra needs `Resources` also when it is empty.
        total: How many resources satisfy the query on all pages; None where that is not known,
            which a page by cursor may leave open.
        start_index: 1-based place of the first one of the page; None for a page by cursor.
        next_cursor: Where the next page begins; None for the last page, or paging by index.
    """
    counts = {
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "nextCursor": next_cursor,
    }
    return {
        "schemas": [LIST_RESPONSE_SCHEMA],
        **{name: count for name, count in counts.items() if count is not None},
        "Resources": list(resources),
    }


def _check_operations(message: Any, limit: int) -> None:
    """Refuse a message without operations, or with more than are done at once."""
    operations = message.get("operations") if isinstance(message, dict) else None
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax('The body must be an object with "Operations", a list of at least one.')
    if len(operations) > limit:
        raise PayloadTooLarge(
            f"The request has {len(operations)} operations; send at most {limit} at once."
        )


def _checked(index: int, operation: PatchElement) -> PatchOperation:
    """Refuse a write without a value: a slip must not empty a list, and null says so on purpose."""
    if operation.op != "remove" and "value" not in operation.model_fields_set:
        raise InvalidSyntax(
            f"Operation {index} (the first is 0) needs a value; null unassigns the attribute.",
            operation=index,
        )
    return PatchOperation(index, operation.op, operation.path, operation.value)


def _refusal(error: ValidationError, expectations: Mapping[str, str]) -> InvalidSyntax:
    """Say in our words what pydantic found first; its own would repeat the client's values."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["loc"] == ("failonerrors",):
        return InvalidSyntax("failOnErrors must be a whole number from 1 on, or be left out.")
    _, index, *names = first["loc"]
    expected = expectations.get(str(names[0]) if names else "", "must be an object")
    return InvalidSyntax(f"Operation {index} (the first is 0) {expected}.", operation=int(index))
