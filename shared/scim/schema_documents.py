"""Documents that describe schemas and resource types (RFC 7643 sections 6 and 7): their form.

They are those that `/Schemas` and `/ResourceTypes` serve. pydantic checks the form here; whether
what they ask for can be served is seen where they are put together (`custom_schemas`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from shared.scim.discovery import RESOURCE_TYPE_SCHEMA, SCHEMA_SCHEMA

# pydantic evaluates the annotations of its models, so these must really be imported.
from shared.scim.schema import (  # noqa: TC001
    AttributeMutability,
    AttributeReturned,
    AttributeType,
    AttributeUniqueness,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Step = str | int
"""A key of an object or a 0-based place in a list."""


class SchemaDocumentError(ValueError):
    """A document that describes nothing that could be served.

    The message is one line: the file, the place in it, what is wrong, and what to put.
    """


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """A file of descriptions.

    Attributes:
        name: For errors.
        content: Its JSON value: one document, a list of them, or a ListResponse of them.
    """

    name: str
    content: Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: the steps that lead to it."""

    file: str
    steps: tuple[_Step, ...] = ()

    def at(self, *steps: _Step) -> Place:
        """Return a place below this one."""
        return Place(self.file, (*self.steps, *steps))

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error about what stands here; `problem` goes on after the path to it."""
        raise self.error(problem)

    def error(self, problem: str) -> SchemaDocumentError:
        """Make that error."""
        path = "".join(map(_written, self.steps)).removeprefix(".")
        where = f"{path} " if path else ""
        return SchemaDocumentError(f"{self.file}: {where}{problem}")


def _written(step: _Step) -> str:
    """Write a step as JavaScript does, which keeps a strange key on the one line of the error."""
    is_plain = isinstance(step, str) and re.fullmatch(r"[\w$]+", step)
    return f".{step}" if is_plain else f"[{json.dumps(step)}]"


_Text = Annotated[str, StringConstraints(min_length=1)]


class _Form(BaseModel):
    """An object whose keys are spelled as the RFC spells them; others would do nothing."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)


class AttributeForm(_Form):
    """One attribute (RFC 7643 section 7); what is left out has the default of section 2.2."""

    name: _Text
    type: AttributeType = "string"
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    case_exact: bool | None = None
    mutability: AttributeMutability = "readWrite"
    returned: AttributeReturned = "default"
    uniqueness: AttributeUniqueness = "none"
    canonical_values: tuple[_Text, ...] = Field((), strict=False)
    reference_types: tuple[_Text, ...] = Field((), strict=False)
    sub_attributes: tuple[AttributeForm, ...] = Field((), strict=False)


class SchemaForm(_Form):
    """A Schema document."""

    schemas: list[str] = []
    id: _Text
    name: _Text
    description: str = ""
    attributes: Annotated[tuple[AttributeForm, ...], Field(min_length=1, strict=False)]
    meta: dict[str, Any] = {}


class ExtensionForm(_Form):
    """One element of `schemaExtensions`."""

    urn: _Text = Field(alias="schema")
    required: bool = False


class TypeForm(_Form):
    """A ResourceType document."""

    schemas: list[str] = []
    id: str | None = None
    name: _Text
    endpoint: _Text
    description: str = ""
    urn: _Text = Field(alias="schema")
    schema_extensions: tuple[ExtensionForm, ...] = Field((), strict=False)
    meta: dict[str, Any] = {}


_F = TypeVar("_F", bound=_Form)

_FORMS: dict[_Step, type[_Form]] = {
    "attributes": AttributeForm,
    "subAttributes": AttributeForm,
    "schemaExtensions": ExtensionForm,
}
"""The form of the elements of each list."""

_SHOULD = {
    "bool_type": "should be true or false, without quotes",
    "string_type": "should be a string",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
    "missing": "is missing; add it",
}
"""What is said about each kind of error of pydantic that these forms can have."""


def read_form(form: type[_F], value: Any, place: Place) -> _F:
    """Read one document.

    Raises:
        SchemaDocumentError: It is not of that form.
    """
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise place.at(*first["loc"]).error(_problem(form, first)) from None


def documents(file: SchemaFile) -> Iterator[tuple[Place, SchemaForm | TypeForm]]:
    """Read every document of a file.

    Raises:
        SchemaDocumentError: One is not of the form of a Schema or a ResourceType, or there is none.
    """
    found = list(_values(file))
    if not found:
        Place(file.name).refuse("holds no document; put a Schema or a ResourceType")
    for place, value in found:
        yield place, read_form(_form_of(value, place), value, place)


def _values(file: SchemaFile) -> Iterator[tuple[Place, Any]]:
    place, content = Place(file.name), file.content
    if isinstance(content, dict) and isinstance(content.get("Resources"), list):
        place, content = place.at("Resources"), content["Resources"]
    if not isinstance(content, list):
        yield place, content
        return
    for index, value in enumerate(content):
        yield place.at(index), value


def _form_of(value: Any, place: Place) -> type[SchemaForm | TypeForm]:
    """Tell what a document is, by its `schemas` or, as in RFC 7643 section 8.7, without them."""
    if not isinstance(value, dict):
        place.refuse("should be an object: a Schema or a ResourceType")
    schemas = value.get("schemas")
    if schemas == [SCHEMA_SCHEMA]:
        return SchemaForm
    if schemas == [RESOURCE_TYPE_SCHEMA]:
        return TypeForm
    if schemas is not None:
        place.at("schemas").refuse(f'should be ["{SCHEMA_SCHEMA}"] or ["{RESOURCE_TYPE_SCHEMA}"]')
    return TypeForm if "endpoint" in value else SchemaForm


def _problem(form: type[_Form], error: Mapping[str, Any]) -> str:
    """Say in our words what pydantic found."""
    if error["type"] == "extra_forbidden":
        return f"is no key that is known here; put {_known_key(form, error['loc'])}"
    if error["type"] == "literal_error":
        return f"should be {error['ctx']['expected']}"
    return _SHOULD.get(error["type"], "is not of the form of RFC 7643 section 7")


def _known_key(form: type[_Form], steps: tuple[_Step, ...]) -> str:
    """Return the key that an unknown one was perhaps meant to be, or all that there are."""
    *above, key = steps
    lists = [step for step in above if step in _FORMS]
    meant = _FORMS[lists[-1]] if lists else form
    keys = {str(field.alias).lower(): str(field.alias) for field in meant.model_fields.values()}
    close = get_close_matches(str(key).lower(), keys, n=1)
    return keys[close[0]] if close else f"one of {', '.join(keys.values())}"
