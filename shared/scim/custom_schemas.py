"""Custom schemas and resource types: read from files, beside those of `core_schemas`.

What a document asks for is what the service does. What it cannot do is refused here, with the place
in the document and what to put instead, so that nothing is published that does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from shared.scim.catalogue import Catalogue
from shared.scim.core_schemas import GROUP, USER, external_id
from shared.scim.schema import VALUE, Attribute, ResourceType, Schema
from shared.scim.schema_documents import (
    AttributeForm,
    Place,
    SchemaFile,
    SchemaForm,
    TypeForm,
    documents,
)

MAX_UNIQUE = 20
"""Unique attributes of one type: their claims change in one transaction of 100 rows."""

_BUILT_IN = {resource_type.name.lower(): resource_type for resource_type in (USER, GROUP)}
_BUILT_IN_SCHEMAS = {
    schema.id.lower(): schema
    for resource_type in _BUILT_IN.values()
    for schema in (resource_type.schema, *resource_type.extensions)
}
_COMPUTED_SCHEMAS = {schema.id.lower() for each in _BUILT_IN.values() for schema in each.computed}
_NAMES_OF_THE_PROTOCOL = {"schema", "resourcetype", "serviceproviderconfig"}
_PATHS_OF_THE_SERVICE = {
    "/schemas",
    "/resourcetypes",
    "/serviceproviderconfig",
    "/bulk",
    "/me",
    "/oauth2",
    "/.well-known",
    "/healthz",
    "/readyz",
}
"""Endpoints that no custom type may have; a test holds them against the routes."""
_OF_EVERY_RESOURCE = {"schemas", "id", "meta"}

_LABELS = frozenset({"type", "primary", "display", "$ref"})

_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")
_ENDPOINT = re.compile(r"/[A-Za-z][A-Za-z0-9_-]{0,63}")
# Without what stands between URNs in requests: commas, quotes, spaces, parentheses and brackets.
_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]{0,31}:[a-z0-9._~%+*$!/:-]{0,199}[a-z0-9]", re.IGNORECASE)
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$-]{0,99}")

Schemas = Mapping[str, Schema]
"""Schemas by their URNs in lower case."""


def read(files: Iterable[SchemaFile]) -> Catalogue:
    """Read what a deployer has described, on top of what is built in.

    A ResourceType document named `User` or `Group` adds its extensions to the built-in type; every
    other one is a type of its own.

    Raises:
        SchemaDocumentError: A document is wrong, or they do not fit together.
    """
    schemas: list[tuple[Place, SchemaForm]] = []
    types: list[tuple[Place, TypeForm]] = []
    for file in files:
        for place, form in documents(file):
            if isinstance(form, TypeForm):
                types.append((place, form))
            else:
                schemas.append((place, form))
    _check_ids(schemas)
    _check_types(types)
    _check_references(types, {form.id.lower() for _, form in schemas})
    roles = _Roles.of(types)
    described = {form.id.lower(): _schema(place, form, roles) for place, form in schemas}
    resource_types = [_resource_type(place, form, described) for place, form in types]
    by_name = {resource_type.name: resource_type for resource_type in resource_types}
    cores = roles.cores - _BUILT_IN_SCHEMAS.keys()
    return Catalogue(
        user=_among(cores, by_name.pop(USER.name, USER)),
        group=_among(cores, by_name.pop(GROUP.name, GROUP)),
        custom=tuple(_among(cores, resource_type) for resource_type in by_name.values()),
    )


def _among(cores: frozenset[str], resource_type: ResourceType) -> ResourceType:
    """Tell a type which schemas are those of other types."""
    other_schemas = cores - {resource_type.schema.id.lower()}
    return replace(resource_type, other_schemas=other_schemas) if other_schemas else resource_type


@dataclass(frozen=True, slots=True)
class _Roles:
    """What schemas are used for: their URNs in lower case."""

    cores: frozenset[str]
    extensions: frozenset[str]

    @classmethod
    def of(cls, types: list[tuple[Place, TypeForm]]) -> _Roles:
        forms = [form for _, form in types]
        extensions = (each.urn.lower() for form in forms for each in form.schema_extensions)
        return cls(frozenset(form.urn.lower() for form in forms), frozenset(extensions))


def _check_ids(schemas: list[tuple[Place, SchemaForm]]) -> None:
    taken: set[str] = set()
    for place, form in schemas:
        urn = form.id.lower()
        if not _URN.fullmatch(urn):
            place.at("id").refuse(
                "should be a URN of letters, digits and . _ ~ % + * $ ! / : -; put one such as "
                "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"
            )
        if urn in _BUILT_IN_SCHEMAS.keys() | _COMPUTED_SCHEMAS:
            place.at("id").refuse(
                "is the URN of a built-in schema; to add to it, put a URN of your own and name it "
                "in schemaExtensions of a ResourceType"
            )
        if urn in taken:
            place.at("id").refuse("is the URN of another schema; put one of its own")
        taken.add(urn)


def _check_types(types: list[tuple[Place, TypeForm]]) -> None:
    names: set[str] = set()
    endpoints = {resource_type.endpoint.lower() for resource_type in _BUILT_IN.values()}
    endpoints |= _PATHS_OF_THE_SERVICE
    for place, form in types:
        _check_name(place, form)
        if form.name.lower() in names:
            place.at("name").refuse("is that of another ResourceType; put all of a type into one")
        names.add(form.name.lower())
        built_in = _BUILT_IN.get(form.name.lower())
        if built_in is not None:
            _check_built_in(place, form, built_in)
            continue
        if not _ENDPOINT.fullmatch(form.endpoint):
            place.at("endpoint").refuse(
                "should be / and up to 64 letters, digits, _ and -, a letter first; put one such "
                "as /Devices"
            )
        if form.endpoint.lower() in endpoints:
            place.at("endpoint").refuse("is taken; put a path that nothing else has")
        endpoints.add(form.endpoint.lower())


def _check_name(place: Place, form: TypeForm) -> None:
    if not _TYPE_NAME.fullmatch(form.name):
        place.at("name").refuse(
            "should be up to 40 letters and digits, a letter first; put one such as Device"
        )
    if form.name.lower() in _NAMES_OF_THE_PROTOCOL:
        place.at("name").refuse("is a name of the protocol; put another one")
    if form.id not in {None, form.name}:
        place.at("id").refuse("should be the same as name; put that, or leave it out")


def _check_built_in(place: Place, form: TypeForm, built_in: ResourceType) -> None:
    """Refuse another name, endpoint or schema for a built-in type: only extensions are added."""
    for key, value, wanted in (
        ("name", form.name, built_in.name),
        ("endpoint", form.endpoint, built_in.endpoint),
        ("schema", form.urn, built_in.schema.id),
    ):
        if value != wanted:
            place.at(key).refuse(f"of the built-in type cannot be changed; put {wanted}")


def _check_references(types: list[tuple[Place, TypeForm]], described: set[str]) -> None:
    """Refuse a type that names a schema which nobody has described."""
    unknown = "should be the id of a Schema in these files; add that"
    for place, form in types:
        if form.urn.lower() not in described and form.name.lower() not in _BUILT_IN:
            place.at("schema").refuse(unknown)
        taken = {form.urn.lower()}
        for index, extension in enumerate(form.schema_extensions):
            at, urn = place.at("schemaExtensions", index, "schema"), extension.urn.lower()
            if urn not in described | _BUILT_IN_SCHEMAS.keys():
                at.refuse(unknown)
            if urn in taken:
                at.refuse("is named twice; leave one out")
            taken.add(urn)


def _resource_type(place: Place, form: TypeForm, described: Schemas) -> ResourceType:
    base = _BUILT_IN.get(form.name.lower())
    if base is None:
        schema = described[form.urn.lower()]
        base = ResourceType(form.name, form.endpoint, form.description, schema)
    known = {**_BUILT_IN_SCHEMAS, **described}
    extensions = {extension.id.lower(): extension for extension in base.extensions}
    extensions |= {each.urn.lower(): known[each.urn.lower()] for each in form.schema_extensions}
    required = {known[each.urn.lower()].id for each in form.schema_extensions if each.required}
    resource_type = replace(
        base,
        description=form.description or base.description,
        extensions=tuple(extensions.values()),
        required_extensions=frozenset(required),
    )
    _check_together(place, resource_type)
    return resource_type


def _check_together(place: Place, resource_type: ResourceType) -> None:
    """Refuse schemas that are right alone and ambiguous together."""
    for path in resource_type.attributes:
        prefix = path.extension or resource_type.schema.id
        spellings = (f"{prefix}{separator}{path.attribute.name}" for separator in ":.")
        if any(map(resource_type.schema_of, spellings)):
            place.refuse(
                f"has a schema whose URN is also the path of the attribute {path.attribute.name} "
                f"of {prefix}; put another URN"
            )
        if resource_type.name == GROUP.name and path.extension and path.attribute.name == "members":
            place.refuse("has an extension with members, which a group has; put another name")
    if len(resource_type.unique) > MAX_UNIQUE:
        place.refuse(f"has {len(resource_type.unique)} unique attributes; put at most {MAX_UNIQUE}")


def _schema(place: Place, form: SchemaForm, roles: _Roles) -> Schema:
    urn = form.id.lower()
    is_core, is_extension = urn in roles.cores, urn in roles.extensions
    if is_core == is_extension:
        place.at("id").refuse(
            "is the schema of one type and an extension of another; put two schemas"
            if is_core
            else "is the URN of a schema that no ResourceType uses; name it in one, as its schema "
            "or in its schemaExtensions"
        )
    attributes = tuple(_attributes(place.at("attributes"), form.attributes))
    for index, attribute in enumerate(attributes):
        _check_top_level(place.at("attributes", index), attribute, is_extension=is_extension)
    if is_core and not any(attribute.name == "externalId" for attribute in attributes):
        attributes = (external_id(), *attributes)
    return Schema(form.id, form.name, form.description, attributes)


def _check_top_level(at: Place, attribute: Attribute, *, is_extension: bool) -> None:
    name = attribute.name.lower()
    if name in _OF_EVERY_RESOURCE or (is_extension and name == "externalid"):
        at.at("name").refuse("is that of an attribute that every resource has; put another one")
    if name == "externalid":
        _check_external_id(at, attribute)
    if attribute.uniqueness == "none":
        return
    if is_extension:
        at.at("uniqueness").refuse('is not enforced in an extension; put "none"')
    if attribute.type != "string" or attribute.multi_valued:
        at.at("uniqueness").refuse(
            'is enforced for strings that are not multi-valued alone; put "none"'
        )


def _check_external_id(at: Place, given: Attribute) -> None:
    """Refuse an externalId that is not as in every other type (RFC 7643 section 3.1)."""
    ours = external_id()
    for key, value, wanted in (
        ("name", given.name, ours.name),
        ("type", given.type, ours.type),
        ("multiValued", given.multi_valued, ours.multi_valued),
        ("caseExact", given.case_exact, ours.case_exact),
        ("mutability", given.mutability, ours.mutability),
        ("returned", given.returned, ours.returned),
        ("uniqueness", given.uniqueness, ours.uniqueness),
    ):
        if value != wanted:
            text = str(wanted).lower() if isinstance(wanted, bool) else wanted
            at.at(key).refuse(f"is the same in every type; put {text}, or leave externalId out")


def _attributes(at: Place, forms: Iterable[AttributeForm]) -> Iterator[Attribute]:
    taken: set[str] = set()
    for index, form in enumerate(forms):
        place = at.at(index)
        if form.name.lower() in taken:
            place.at("name").refuse("is that of another attribute; put another one")
        taken.add(form.name.lower())
        if not _ATTRIBUTE_NAME.fullmatch(form.name) and not _is_ref(place, form):
            place.at("name").refuse(
                "should be letters, digits, _, - and $, a letter first; put one such as costCode"
            )
        _check_type(place, form)
        _check_access(place, form)
        subs = tuple(_attributes(place.at("subAttributes"), form.sub_attributes))
        for number, sub in enumerate(form.sub_attributes):
            _check_part(place.at("subAttributes", number), form, sub)
        yield _attribute(form, subs)


def _attribute(form: AttributeForm, subs: tuple[Attribute, ...]) -> Attribute:
    # RFC 7643 sections 2.3.6 and 2.3.7: binaries and references are case-exact by their nature.
    by_nature = form.type in {"binary", "reference"}
    return Attribute(
        form.name,
        form.type,
        multi_valued=form.multi_valued,
        description=form.description,
        required=form.required,
        case_exact=by_nature if form.case_exact is None else form.case_exact,
        mutability=form.mutability,
        returned=form.returned,
        uniqueness=form.uniqueness,
        canonical_values=form.canonical_values,
        reference_types=form.reference_types,
        sub_attributes=subs,
        labels=_labels(form),
    )


def _labels(form: AttributeForm) -> frozenset[str]:
    """Name the parts that are worth nothing without the `value` (RFC 7643 section 2.4).

    Where the deployer requires a `value`, one that is missing is refused instead.
    """
    has_value = any(sub.name == VALUE and not sub.required for sub in form.sub_attributes)
    if not (form.multi_valued and has_value):
        return frozenset()
    return _LABELS.intersection(sub.name for sub in form.sub_attributes)


def _is_ref(place: Place, form: AttributeForm) -> bool:
    """Tell whether it is the one name that begins with another character."""
    return form.name == "$ref" and "subAttributes" in place.steps


def _check_type(place: Place, form: AttributeForm) -> None:
    if form.type == "complex" and not form.sub_attributes:
        place.at("subAttributes").refuse("of a complex attribute are missing; put at least one")
    if form.type != "complex" and form.sub_attributes:
        place.at("subAttributes").refuse('are for the type complex; put "type": "complex"')
    if form.canonical_values and form.type not in {"string", "reference"}:
        place.at("canonicalValues").refuse("are for strings; leave them out")
    if form.reference_types and form.type != "reference":
        place.at("referenceTypes").refuse('are for the type reference; put "type": "reference"')


def _check_access(place: Place, form: AttributeForm) -> None:
    if form.mutability == "writeOnly" and form.returned != "never":
        place.at("returned").refuse('of a writeOnly attribute is always "never"; put that')
    if form.mutability == "readOnly" and form.required:
        place.at("required").refuse(
            "asks clients for what mutability readOnly keeps them from sending; put false"
        )


def _check_part(place: Place, whole: AttributeForm, part: AttributeForm) -> None:
    if part.type == "complex":
        place.at("type").refuse("of a sub-attribute cannot be complex; put another type")
    if part.multi_valued:
        place.at("multiValued").refuse("of a sub-attribute cannot be true; put false")
    if part.uniqueness != "none":
        place.at("uniqueness").refuse('is not enforced in a sub-attribute; put "none"')
    if part.mutability == "immutable" and whole.multi_valued:
        place.at("mutability").refuse(
            "of a part of a multi-valued attribute cannot be immutable, since values have no "
            "identity; put readWrite, or make the whole attribute immutable"
        )
