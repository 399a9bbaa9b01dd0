"""Documents: what is kept of a resource that a client has sent, and how it is shown again.

A stored document holds the client's attributes under their canonical names, those of an extension
in an object under its URN. What the service itself knows of a resource (`schemas`, `id`, `meta`,
the groups of a user, the members of a group) is added when it is presented.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from shared.errors import InvalidSyntax, InvalidValue, Mutability
from shared.scim import declarations, unknown
from shared.scim.core_schemas import ROLES_SCHEMA
from shared.scim.elements import (
    distinct,
    is_blank,
    is_primary,
    replacement,
    with_one_primary,
)
from shared.scim.equality import is_same
from shared.scim.names import check_keys, is_well_formed
from shared.scim.schema import AttributePath
from shared.scim.spellings import check_spellings
from shared.scim.values import (
    coerce,
    coerce_parts,
    elements,
    is_unassigned,
    merge,
    unpacked_object,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.scim.elements import Elements
    from shared.scim.schema import Document, ResourceType, Schema


def create(resource_type: ResourceType, body: Any) -> Document:
    """Return the document of a resource that is created (POST, RFC 7644 section 3.3).

    A user is `active` unless the client says otherwise, so that the product can rely on the
    attribute. Of several values with `primary: true` the first stays so.

    Raises:
        InvalidSyntax: The body is not an object, or has `schemas` of something else.
        InvalidValue: A value is not of its type, or a required one is missing.
    """
    document = _gather(resource_type, body, {})
    return _settled(resource_type, document, None)


def replace(resource_type: ResourceType, current: Document, body: Any) -> Document:
    """Return the document of a resource that is replaced (PUT, RFC 7644 section 3.5.1).

    What the body does not name is gone, apart from `active`: Okta leaves it out, and a user must
    be neither disabled nor enabled by accident. Immutable attributes stay as well.

    Raises:
        InvalidSyntax: The body is not an object, or has `schemas` of something else.
        InvalidValue: A value is not of its type, or a required one is missing.
        Mutability: An immutable attribute would get another value.
    """
    document = hold_immutable(resource_type, _gather(resource_type, body, current), current)
    return _settled(resource_type, document, current)


def hold_immutable(
    resource_type: ResourceType, document: Document, before: Document, *, is_patch: bool = False
) -> Document:
    """Return the document with the immutable values that it had before.

    RFC 7644 section 3.5.1: where an immutable attribute has a value, that of the request must
    match, and where it has none, it is set. A PUT that leaves it out leaves it alone; a PATCH has
    no other way to leave it out than to remove it, which is a change. A part of a complex
    attribute is held as long as the attribute has a value; of several values, which have no
    identity, no part is.

    Raises:
        Mutability: An immutable attribute would get another value, or none.
    """
    for path in _immutable(resource_type):
        held, value = _part(path, before), _part(path, document)
        if held is None or (path.sub_attribute is not None and path.read(document) is None):
            continue
        if is_patch if value is None else not is_same(path.leaf, held, value):
            raise Mutability(
                f"{path.text} was set and is immutable. Leave it out, or send the value that it "
                "has.",
                path=path.text,
            )
        document = _with_part(document, path, held)
    return document


def with_defaults(
    resource_type: ResourceType, document: Document, before: Document | None
) -> Document:
    """Return the document with the defaults that it lacks.

    An attribute with a default is not cleared by leaving it out or empty: it keeps what it had
    before, so that a client that does not know `active` neither enables nor disables a user.

    Args:
        resource_type: Type of the resource.
        document: What a request has made of it.
        before: What it was; None for a resource that is new and gets the defaults.
    """
    settled = document
    for path in resource_type.defaulted:
        if path.read(document) is None:
            held = path.attribute.default if before is None else path.read(before)
            settled = put(settled, path, held)
    return settled


def missing(resource_type: ResourceType, document: Document) -> Iterator[str]:
    """Yield the path of everything that is required and missing, or blank, in a document.

    An attribute is required where what holds it is there (RFC 7643 section 6): one of an extension
    that is not itself required, only in a resource that has attributes of the extension, and a
    sub-attribute in every value of its attribute.
    """
    for urn in resource_type.required_extensions:
        if urn not in document:
            yield urn
    for path in resource_type.required:
        if any(map(_is_blank, _required_values(path, document))):
            yield path.text


def refusal(path: str) -> InvalidValue:
    """Build the error about what is required and missing."""
    return InvalidValue(f"{path} is required: send a value that is not blank.", path=path)


def put(document: Document, path: AttributePath, value: Any) -> Document:
    """Return a document in which a top-level attribute has a value, or none if that is None.

    The given document stays as it is; the two share what did not change.
    """
    if path.extension is None:
        return _with(document, path.attribute.name, value)
    extension = _with(document.get(path.extension, {}), path.attribute.name, value)
    return _with(document, path.extension, extension or None)


def changed_names(before: Document | None, after: Document) -> tuple[str, ...]:
    """Return the names of the attributes that differ, those of an extension as `URN:name`."""
    old, new = _flat(before or {}), _flat(after)
    return tuple(name for name in {**old, **new} if old.get(name) != new.get(name))


def present(  # noqa: PLR0913 - a resource is made of that many things
    resource_type: ResourceType,
    document: Document,
    *,
    id: str,  # noqa: A002 - it is the attribute's name
    created: str,
    modified: str,
    version: str,
    location: str,
    groups: Sequence[Document] | None = None,
    members: Sequence[Document] | None = None,
) -> Document:
    """Return a resource as clients see it, before projection (RFC 7643 section 3).

    Args:
        resource_type: Its type.
        document: Its stored document; the result shares the values in it.
        id: Its identifier.
        created: When it was created (RFC 3339, with a time zone).
        modified: When it was last modified, likewise.
        version: Its entity tag, as in the `ETag` header: `W/"3"`.
        location: Its absolute URL.
        groups: The `groups` of a user; None leaves the attribute out, an empty list shows it so.
        members: The `members` of a group, likewise.
    """
    extensions = [schema.id for schema in resource_type.extensions if schema.id in document]
    resource: Document = {
        "schemas": [resource_type.schema.id, *extensions],
        "id": id,
        **document,
    }
    if groups is not None:
        resource["groups"] = list(groups)
    if members is not None:
        resource["members"] = list(members)
    resource["meta"] = {
        "resourceType": resource_type.name,
        "created": created,
        "lastModified": modified,
        "location": location,
        "version": version,
    }
    return resource


def with_roles(resource: Document, roles: Sequence[str]) -> Document:
    """Return a presented user with its roles in the product; as it is where it has none.

    Only whoever reads with an API key is shown them, by the catalogue that knows the extension.
    """
    if not roles:
        return resource
    schemas = [*resource["schemas"], ROLES_SCHEMA]
    return {**resource, "schemas": schemas, ROLES_SCHEMA: {"roles": list(roles)}}


def _settled(resource_type: ResourceType, document: Document, before: Document | None) -> Document:
    """Return a whole document with its defaults, after a check of what is required."""
    settled = with_defaults(resource_type, document, before)
    for path in missing(resource_type, settled):
        raise refusal(path)
    return settled


def _required_values(path: AttributePath, document: Document) -> Iterator[Any]:
    """Yield what a document has in every place where a path is required, None where nothing."""
    if path.sub_attribute is not None:
        for element in elements(path.read(document)):
            yield element.get(path.sub_attribute.name)
    elif path.extension is None or path.extension in document:
        yield path.read(document)


def _is_blank(value: Any) -> bool:
    return value is None or not str(value).strip()


Lists: TypeAlias = "dict[AttributePath, set[str]]"
"""The multi-valued attributes that a request writes, each with the parts that it names by path."""


def note_list(lists: Lists, path: AttributePath) -> None:
    """Note that a request writes a path, if that is one of a multi-valued attribute."""
    if path.attribute.multi_valued:
        named = lists.setdefault(path.without_part(), set())
        if path.sub_attribute is not None and path.leaf.type != "boolean":
            named.add(path.leaf.name)


def tidied(document: Document, before: Document, lists: Lists) -> Document:
    """Return a document after a request: each value once, and none that has nothing but labels.

    A label that was named by a path stays all the same: validators set
    `roles[primary eq "True"].display` alone, and read it back.
    """
    for path, named in lists.items():
        elements = path.read(document)
        if elements is not None:
            held = path.read(before) or []
            kept = distinct(
                path.attribute,
                [
                    each
                    for each in elements
                    if not is_blank(path.attribute, each, held) or named & each.keys()
                ],
            )
            if len(kept) < len(elements) or not kept:
                document = put(document, path, kept or None)
    return document


def _gather(resource_type: ResourceType, body: Any, current: Document) -> Document:
    """Keep of a body what the schema knows and a client may write.

    Args:
        resource_type: Type of the resource.
        body: Any JSON value.
        current: The document that the body replaces.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object: the resource.")
    declarations.check(body, resource_type.schema.id, resource_type.other_schemas)
    if resource_type.is_closed:
        declarations.check_known(body, resource_type)
    document: Document = {}
    lists: Lists = {}
    named = list(entries(resource_type, body))
    if check_spellings(named):
        # A part is written into the whole, which would take its place if it came later.
        named.sort(key=lambda each: each[0].sub_attribute is not None)
    for path, value in named:
        if path.is_writable:
            note_list(lists, path)
            document = _with_entry(document, path, value, current)
    return tidied(document, current, lists)


def _with_entry(document: Document, path: AttributePath, value: Any, current: Document) -> Document:
    """Write what one key of a body says."""
    if path.sub_attribute is not None:
        return _with_part_of_key(document, path, value)
    coerced = coerce(path.attribute, value, path.text)
    if path.attribute.multi_valued:
        held = path.read(current) or []
        named = _first_primary(replacement(path.attribute, held, coerced, path.text))
        return put(document, path, named or None)
    return put(document, path, None if coerced == {} else coerced)


def _with_part_of_key(document: Document, path: AttributePath, value: Any) -> Document:
    """Write a part that a key of a body names, as `name.givenName` does.

    Of a multi-valued attribute it is written in every element, as by a PATCH.
    """
    attribute = path.attribute
    part = coerce_parts(attribute, {path.leaf.name: value}, path.whole)
    if attribute.multi_valued:
        written = [merge(attribute, held, part) for held in path.read(document) or [{}]]
        return put(document, path, [element for element in written if element])
    return put(document, path, merge(attribute, path.read(document) or {}, part) or None)


def entries(resource_type: ResourceType, body: Document) -> Iterator[tuple[AttributePath, Any]]:
    """Yield each known attribute of a body with its value, wherever it stands.

    Entra's older samples put enterprise attributes at the top level.

    Raises:
        InvalidSyntax: A key with a value is not the name of an attribute, or two are one name.
        InvalidValue: What should be an object with the attributes of a schema is none.
    """
    check_keys(body)
    for name, value in body.items():
        schema = resource_type.schema_of(name)
        path = resource_type.find(name)
        if schema is not None:
            yield from _entries_of_schema(resource_type, schema, value)
        elif path is not None:
            yield path, unwrapped(resource_type, path, value)
        else:
            check_unknown(resource_type, resource_type.schema, name, value)


def _entries_of_schema(
    resource_type: ResourceType, schema: Schema, value: Any
) -> Iterator[tuple[AttributePath, Any]]:
    if is_unassigned(value):
        return
    for name, part in attributes_of(resource_type, schema, value).items():
        path = resource_type.find_within(schema, name)
        if path is not None:
            yield path, unwrapped(resource_type, path, part)
        else:
            check_unknown(resource_type, schema, name, part)


def attributes_of(resource_type: ResourceType, schema: Schema, value: Any) -> Document:
    """Return the object with the attributes of a schema that stands under its URN.

    JSON as text, a list around it and the URN once more around it are taken off.

    Raises:
        InvalidSyntax: Two keys are one name.
        InvalidValue: It is no such object.
    """
    value = unpacked_object(value)
    if isinstance(value, list) and len(value) == 1:
        value = unpacked_object(value[0])
    if isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        value = inner if resource_type.schema_of(name) is schema else value
    if not isinstance(value, dict):
        raise InvalidValue(
            f"{schema.id} takes an object with the attributes of that schema.", path=schema.id
        )
    check_keys(value)
    return value


def unwrapped(resource_type: ResourceType, path: AttributePath, value: Any) -> Any:
    """Return what stands under the name of the attribute, where the value repeats that alone.

    `{"path": "emails", "value": {"emails": [...]}}`. A part of that name comes first.

    Raises:
        InvalidSyntax: The type is closed, and a key names no part of the attribute.
    """
    inner = _without_name(resource_type, path, value)
    if resource_type.is_closed:
        unknown.check_parts(resource_type, path, inner)
    return inner


def _without_name(resource_type: ResourceType, path: AttributePath, value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((name, inner),) = value.items()
    is_name = name.lower() == path.leaf.name.lower() or resource_type.find(name) == path
    return inner if is_name and path.leaf.sub_attribute(name) is None else value


def check_unknown(resource_type: ResourceType, schema: Schema, name: str, value: Any) -> None:
    """Refuse a key that names nothing, unless it is the name of an attribute nobody here has.

    Args:
        resource_type: Type of the resource.
        schema: Whose attributes stand beside the key.
        name: The key.
        value: What it holds; what is unassigned loses nothing.

    Raises:
        InvalidSyntax: It is not such a name, or the type is closed.
        InvalidValue: It is the name of an attribute or of a schema in the wrong place, or holds
            attributes that belong a level higher.
    """
    if is_unassigned(value) and not resource_type.is_closed:
        return
    if resource_type.schema_of(name) is not None:
        raise InvalidValue(
            f"{schema.id} takes the attributes of that schema alone: put those of another schema "
            "beside it.",
            path=schema.id,
        )
    is_below = schema is not resource_type.schema and ":" not in name
    reason = unknown.remedy(resource_type, f"{schema.id}:{name}" if is_below else name)
    if reason:
        raise InvalidValue(reason) if is_well_formed(name) else InvalidSyntax(reason)
    check_wrapper(resource_type, schema, name, value)
    if resource_type.is_closed:
        raise InvalidSyntax(unknown.refusal(resource_type, name))


def check_wrapper(resource_type: ResourceType, schema: Schema, name: str, value: Any) -> None:
    """Refuse a name that means nothing around attributes that do.

    Raises:
        InvalidValue: It is such a wrapper.
    """
    reason = unknown.remedy_of_wrapper(resource_type, schema, name, value)
    if reason:
        raise InvalidValue(reason)


@cache
def _immutable(resource_type: ResourceType) -> tuple[AttributePath, ...]:
    """Return the immutable attributes of a type, and the immutable parts of single values."""
    found: list[AttributePath] = []
    for path in resource_type.attributes:
        attribute = path.attribute
        if attribute.mutability == "immutable" and attribute.stored:
            found.append(path)
        elif not attribute.multi_valued:
            found += [
                AttributePath(path.extension, attribute, sub, f"{path.text}.{sub.name}")
                for sub in attribute.sub_attributes
                if sub.mutability == "immutable" and attribute.is_writable
            ]
    return tuple(found)


def _part(path: AttributePath, document: Document) -> Any:
    value = path.read(document)
    if path.sub_attribute is None or value is None:
        return value
    return value.get(path.sub_attribute.name)


def _with_part(document: Document, path: AttributePath, value: Any) -> Document:
    if path.sub_attribute is not None:
        value = {**path.read(document), path.sub_attribute.name: value}
    return put(document, path, value)


def _first_primary(values: Elements) -> Elements:
    return with_one_primary(values, next(filter(is_primary, values), None))


def _with(container: Document, name: str, value: Any) -> Document:
    if value is not None:
        return {**container, name: value}
    return {key: held for key, held in container.items() if key != name}


def _flat(document: Document) -> Document:
    flat: Document = {}
    for name, value in document.items():
        if ":" in name:
            flat.update({f"{name}:{part}": held for part, held in value.items()})
        else:
            flat[name] = value
    return flat
