"""Understood or refused: every attribute under every wrong name, in every place of a request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidPath, InvalidSyntax, InvalidValue, NoTarget
from shared.scim import documents, patch
from shared.scim.messages import parse_patch
from tests.support.generated import values
from tests.support.generated.names import wrong_names
from tests.support.generated.types import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.scim.schema import AttributePath, Document, ResourceType

OWN: dict[str, Document] = {
    "User": {"userName": "ana", "active": True},
    "Group": {"displayName": "Sales"},
    "Thing": {"label": "L"},
}
WRITABLE = [
    (of, path)
    for of in CATALOGUE.resource_types
    for path in of.attributes
    if not path.is_read_only and path.attribute.stored
]
REFUSALS = (InvalidPath, InvalidSyntax, InvalidValue)


def named(value: Any) -> str:
    text = getattr(value, "text", None) or value.name
    return str(text).rpartition(":")[2]


def requests(of: ResourceType, name: str, value: Any) -> Iterator[Callable[[], Document]]:
    """Yield every request that has a name with a value in one of its places."""
    own = OWN[of.name]
    others = {key: held for key, held in own.items() if of.find(key) != of.find(name)}
    body = others | {name: value}
    yield partial(documents.create, of, body)
    yield partial(documents.replace, of, own, body)
    operations: list[Document] = [
        *({"op": op, "path": name, "value": value} for op in ("add", "replace", "remove")),
        *({"op": op, "value": {name: value}} for op in ("add", "replace")),
    ]
    for operation in operations:
        yield partial(patched, of, operation)


def patched(of: ResourceType, *operations: Document) -> Document:
    return patch.apply(of, OWN[of.name], parse_patch({"Operations": list(operations)}))


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_a_wrong_name_is_refused_in_every_place(of: ResourceType, path: AttributePath) -> None:
    right = values.sent(path.attribute)
    for name in wrong_names(of, path):
        for request in requests(of, name, right):
            with pytest.raises(REFUSALS):
                request()


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_a_name_around_attributes_is_refused(of: ResourceType, path: AttributePath) -> None:
    right = {path.attribute.name: values.sent(path.attribute)}
    urn = path.extension or of.schema.id
    for name in ("value", "VALUE", of.name, of.name.lower()):
        for value in (right, [right], {}):
            for request in requests(of, name, value):
                with pytest.raises(REFUSALS):
                    request()
        with pytest.raises(REFUSALS):
            patched(of, {"op": "replace", "path": urn, "value": {name: right}})


@pytest.mark.parametrize(("of", "path"), WRITABLE, ids=named)
def test_value_means_the_value_of_what_is_simple(of: ResourceType, path: AttributePath) -> None:
    if path.attribute.type == "complex":
        return
    right = values.sent(path.attribute)
    for plain, request in zip(
        requests(of, path.text, right), requests(of, f"{path.text}.value", right), strict=True
    ):
        assert plain() == request()


@pytest.mark.parametrize("name", ["value", "Value", "path", "PATH", "op", "$ref"])
@pytest.mark.parametrize("of", CATALOGUE.resource_types, ids=named)
def test_what_stands_beside_a_path_is_no_attribute(of: ResourceType, name: str) -> None:
    """`{"op": "add", "value": [{"value": "<id>"}]}` has lost its path."""
    for value in ("x", False, 5, ["x"], [{"value": "x"}], {"value": "x"}):
        for request in requests(of, name, value):
            with pytest.raises(REFUSALS):
                request()
        for op in ("add", "replace"):
            with pytest.raises(REFUSALS):
                patched(of, {"op": op, "value": [{name: value}]})
        for schema in (of.schema, *of.extensions):
            for request in requests(of, schema.id, {name: value}):
                with pytest.raises((*REFUSALS, NoTarget)):
                    request()


@pytest.mark.parametrize("value", [[[]], [None], [""], {"value": {}}, "x", "[]", "{", 5, True])
def test_what_is_no_object_of_attributes_is_refused(value: Any) -> None:
    of = CATALOGUE.user
    for schema in of.extensions:
        for op in ("add", "replace"):
            for operation in (
                {"op": op, "path": schema.id, "value": value},
                {"op": op, "value": {schema.id: value}},
            ):
                with pytest.raises(REFUSALS):
                    patched(of, operation)
        with pytest.raises(REFUSALS):
            documents.create(of, OWN["User"] | {schema.id: value})


def test_an_extension_is_understood_in_every_shape() -> None:
    of = CATALOGUE.user
    urn = of.extensions[0].id
    plain = {"department": "D"}
    expected = OWN["User"] | {urn: plain}
    for value in (plain, [plain], '{"department":"D"}', ['{"department":"D"}'], {urn: plain}):
        assert documents.create(of, OWN["User"] | {urn: value}) == expected
        assert patched(of, {"op": "add", "path": urn, "value": value}) == expected
        assert patched(of, {"op": "add", "value": {urn: value}}) == expected


def test_keys_that_differ_in_letter_case_alone_are_refused() -> None:
    of, urn = CATALOGUE.user, CATALOGUE.user.extensions[0].id
    twice: list[Document] = [
        {"title": "a", "TITLE": "b"},
        {"name": {"givenName": "a", "GIVENNAME": "b"}},
        {"emails": [{"value": "a", "Value": "b"}]},
        {urn: {"department": "a", "Department": "b"}},
    ]
    for body in twice:
        with pytest.raises(InvalidSyntax, match="are one name"):
            documents.create(of, OWN["User"] | body)
        with pytest.raises(InvalidSyntax, match="are one name"):
            patched(of, {"op": "add", "value": body})


def test_what_the_service_alone_writes_is_passed_over_in_an_extension() -> None:
    """Libraries write `schemas` into each object of a resource, extensions included."""
    user = CATALOGUE.resource_types[0]
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    body = OWN["User"] | {urn: {"schemas": [urn], "department": "Sales"}}
    assert documents.create(user, body)[urn] == {"department": "Sales"}
