"""The types of a tenant with the profile interop: what they do not have is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidSyntax
from shared.scim import documents, patch
from shared.scim.catalogue import Catalogue, interop_catalogue, product_catalogue
from shared.scim.core_schemas import GROUP, USER, USER_SCHEMA
from shared.scim.messages import PATCH_OP_SCHEMA, parse_patch

if TYPE_CHECKING:
    from shared.scim.schema import Document

CLOSED = interop_catalogue(Catalogue(USER, GROUP))


def changed(held: Document, **operation: Any) -> Document:
    body = {"schemas": [PATCH_OP_SCHEMA], "Operations": [operation]}
    return patch.apply(CLOSED.user, held, parse_patch(body, is_closed=True))


def test_what_a_closed_type_has_is_read_as_by_an_open_one() -> None:
    body = {"schemas": [USER_SCHEMA], "userName": "ana", "name": {"givenName": "Ana"}}
    assert documents.create(CLOSED.user, body) == documents.create(USER, body)


@pytest.mark.parametrize(
    "attributes",
    [
        {"shoeSize": 38},
        {"name": {"givenName": "Ana", "shoeSize": 38}},
        {"emails": [{"value": "a@b.test", "shoeSize": 38}]},
        {"urn:example:Shoes": {"shoeSize": 38}},
        {"password": "secret"},
    ],
)
def test_what_it_does_not_have_is_refused(attributes: Document) -> None:
    body = {"schemas": [USER_SCHEMA], "userName": "ana", **attributes}
    documents.create(USER, body)  # An open type passes over it.
    with pytest.raises(InvalidSyntax, match="interop"):
        documents.create(CLOSED.user, body)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "shoeSize", "value": 38},
        {"op": "add", "value": {"shoeSize": 38}},
        {"op": "replace", "path": "name", "value": {"shoeSize": 38}},
        {"op": "replace", "path": "title", "value": "x", "shoeSize": 38},
    ],
)
def test_a_patch_of_what_it_does_not_have_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntax):
        changed({"userName": "ana"}, **operation)


@pytest.mark.parametrize(
    "beside", [{"shoeSize": 38}, {"schemas": [PATCH_OP_SCHEMA, "urn:example:Shoes"]}]
)
def test_a_patch_message_with_more_in_it_is_refused(beside: dict[str, Any]) -> None:
    operation = {"op": "replace", "path": "title", "value": "x"}
    body = {"schemas": [PATCH_OP_SCHEMA], "Operations": [operation], **beside}
    assert parse_patch(body)
    with pytest.raises(InvalidSyntax):
        parse_patch(body, is_closed=True)


def test_an_operation_with_more_in_it_is_named() -> None:
    operation = {"op": "replace", "path": "title", "value": "x"}
    body = {"schemas": [PATCH_OP_SCHEMA], "Operations": [operation, {**operation, "x": 1}]}
    with pytest.raises(InvalidSyntax) as refused:
        parse_patch(body, is_closed=True)
    assert refused.value.operation == 1


def test_the_product_is_served_what_is_computed_besides() -> None:
    served = product_catalogue(Catalogue(USER, GROUP))
    assert served.user.extensions == (*USER.extensions, *USER.computed)
    assert served.group == GROUP
