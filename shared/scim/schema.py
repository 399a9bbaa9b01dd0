"""The words in which a schema is described: attribute, schema, resource type (RFC 7643 section 7).

The description is data, and the only one: coercion, validation, comparison, PATCH, projection and
the `/Schemas` endpoint all walk it.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
"""A resource as a JSON object whose attributes have their canonical names."""

AttributeType = Literal[
    "string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"
]
AttributeMutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
AttributeReturned = Literal["always", "never", "default", "request"]
AttributeUniqueness = Literal["none", "server", "global"]

VALUE = "value"
"""The part of a complex value that holds what it is (RFC 7643 section 2.4)."""

REF = "$ref"
"""The part that holds the URI of the resource whose id `value` is."""

_OF_VALUE = f".{VALUE}"

_BEHIND_URN = ("", ":", ".", "[")
"""How a path goes on behind the URN of the schema that it names."""

_ELSEWHERE = frozenset({"external", "uri"})
"""Types of references that are not to a resource (RFC 7643 section 7, `referenceTypes`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One attribute and its characteristics (RFC 7643 section 2.2).

    Attributes:
        name: Canonical name.
        type: Type of its values (RFC 7643 section 2.3).
        multi_valued: Whether it holds a list.
        description: Text for `/Schemas`.
        required: Whether a resource without it is refused.
        case_exact: Whether values that differ in letter case differ.
        mutability: Who may write it. Values of a `readOnly` attribute are ignored.
        returned: When it is shown (`Projection`).
        uniqueness: Within which bounds its value is unique.
        canonical_values: Suggested values; others are accepted.
        reference_types: What a `reference` points to.
        sub_attributes: The parts of a `complex` attribute.
        published: Whether `/Schemas` tells of it. Entra's validators fail on a schema that has
            attributes they do not know, so some are accepted and stored without being published.
        stored: Whether its value is kept in the document. The members of a group have rows of
            their own, and a password is kept nowhere.
        default: Value of a resource whose client has never sent one.
        also_called: Other names under which clients send it.
        labels: Parts that say which value an element is, or how to show it: an element with
            nothing else is none.
        is_reference: Whether its `value` is the id of a resource, of which `$ref` is the URI.
    """

    name: str
    type: AttributeType = "string"
    _: KW_ONLY
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    case_exact: bool = False
    mutability: AttributeMutability = "readWrite"
    returned: AttributeReturned = "default"
    uniqueness: AttributeUniqueness = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = field(default=(), repr=False)
    published: bool = True
    stored: bool = True
    default: Any = None
    also_called: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    is_reference: bool = field(init=False)
    _by_name: dict[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = self.sub_attributes
        if self.multi_valued and self.type != "complex":
            parts = (Attribute(VALUE, self.type, case_exact=self.case_exact),)
        object.__setattr__(self, "_by_name", _by_name(parts))
        object.__setattr__(self, "is_reference", _is_reference(self._by_name))

    @property
    def is_writable(self) -> bool:
        """Whether a client's value of it goes into the stored document."""
        return self.stored and self.mutability != "readOnly"

    def has_form_of(self, value: Any) -> bool:
        """Tell whether a value is a list where there may be many, of objects where it has parts.

        All values of a list were written alike, so the first speaks for them.
        """
        if isinstance(value, list) is not self.multi_valued:
            return False
        first = value[0] if self.multi_valued and value else value
        return isinstance(first, dict) is (self.type == "complex")

    def sub_attribute(self, name: str) -> Attribute | None:
        """Return the sub-attribute of that name, in any letter case.

        In a list of simple values, `value` names the value itself: `schemas[value eq "urn:..."]`.
        """
        return self._by_name.get(name.lower())


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A set of attributes under a URN (RFC 7643 section 7)."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AttributePath:
    """A known attribute, or sub-attribute, of a resource type (`attrPath` of RFC 7644 figure 1).

    Attributes:
        extension: URN of the extension schema that holds the attribute; None for a core one.
        attribute: The attribute.
        sub_attribute: The part of it that is meant; None for all of it.
        text: The path as it is written: `name.givenName`, or `urn:...:User:department`.
    """

    extension: str | None
    attribute: Attribute
    sub_attribute: Attribute | None
    text: str

    @property
    def leaf(self) -> Attribute:
        """The sub-attribute if one is meant, else the attribute."""
        return self.sub_attribute or self.attribute

    @property
    def is_writable(self) -> bool:
        """Whether a client's value of it goes into the stored document."""
        return self.attribute.is_writable and self.leaf.mutability != "readOnly"

    @property
    def is_read_only(self) -> bool:
        """Whether the service alone writes it."""
        return "readOnly" in {self.attribute.mutability, self.leaf.mutability}

    @property
    def whole(self) -> str:
        """The path to the whole attribute, as text."""
        name = self.attribute.name
        return name if self.extension is None else f"{self.extension}:{name}"

    def without_part(self) -> AttributePath:
        """Return the path to the whole attribute."""
        if self.sub_attribute is None:
            return self
        return AttributePath(self.extension, self.attribute, None, self.whole)

    def read(self, resource: Document) -> Any:
        """Return the value of the whole attribute in a resource; None if it has none.

        One of another form was written when the deployer's files described the attribute
        otherwise; it counts as none.
        """
        holder = resource if self.extension is None else resource.get(self.extension, {})
        value = holder.get(self.attribute.name)
        return value if self.attribute.has_form_of(value) else None


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of resource: its endpoint, its schema and its extensions (RFC 7643 section 6).

    Attributes:
        name: `User`, `Group`, or that of a custom type.
        endpoint: Path under the base URL: `/Users`.
        description: Text for `/ResourceTypes`.
        schema: Core schema.
        extensions: Extension schemas.
        required_extensions: URNs of those without which a resource is refused.
        other_schemas: URNs, in lower case, of the core schemas of the deployer's other types.
        computed: Extension schemas that the service alone writes, and that who is served this type
            does not see.
        is_closed: Whether names that no schema has are refused instead of passed over, and a PATCH
            names what it is about by a path (the interoperability profile).
        attributes: Every top-level attribute: common, core, then those of the extensions.
        required: Attributes and sub-attributes that have a value wherever what holds them is there
            (`documents.missing`).
        defaulted: Those that have a value even if the client has never sent one.
    """

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    required_extensions: frozenset[str] = frozenset()
    other_schemas: frozenset[str] = frozenset()
    computed: tuple[Schema, ...] = ()
    is_closed: bool = False
    attributes: tuple[AttributePath, ...] = field(init=False, repr=False)
    required: tuple[AttributePath, ...] = field(init=False, repr=False)
    defaulted: tuple[AttributePath, ...] = field(init=False, repr=False)
    _schemas: dict[str, Schema] = field(init=False, repr=False)
    _paths: dict[str, AttributePath] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        attributes = tuple(self._top_level())
        derived = {
            "attributes": attributes,
            "required": tuple(
                dict.fromkeys(
                    path for top in attributes for _, path in _below(top) if path.leaf.required
                )
            ),
            "defaulted": tuple(path for path in attributes if path.attribute.default is not None),
            "_schemas": {
                spelling: schema
                for schema in (self.schema, *self.extensions)
                for spelling in spellings(schema.id)
            },
            "_paths": self._index(attributes),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def unique(self) -> tuple[Attribute, ...]:
        """Attributes that clients write and of which no two resources have one value."""
        return tuple(
            attribute
            for attribute in self.schema.attributes
            if attribute.uniqueness != "none" and attribute.is_writable
        )

    def find(self, text: str) -> AttributePath | None:
        """Return what an attribute path names, or None if there is no such attribute.

        Any letter case, with or without the URN of the schema (RFC 7644 section 3.10). Entra also
        sends the attributes of the enterprise extension without their URN, and that URN without
        its last colon, and others set a dot behind the URN, so all of that is understood. The
        `value` of a simple value is that value: `title.value`.
        """
        name = text.lower()
        path = self._paths.get(name)
        if path is None and name.endswith(_OF_VALUE):
            path = self._paths.get(name.removesuffix(_OF_VALUE))
            return path if path is not None and path.leaf.type != "complex" else None
        return path

    def schema_of(self, urn: str) -> Schema | None:
        """Return the core or extension schema of that URN, in the spellings of `find`."""
        return self._schemas.get(urn.lower())

    def computed_schema(self, path: str) -> Schema | None:
        """Return the computed schema that a path names, or names a part of."""
        name = path.strip().lower()
        for schema in self.computed:
            for urn in spellings(schema.id):
                if name.startswith(urn) and name[len(urn) :][:1] in _BEHIND_URN:
                    return schema
        return None

    def find_within(self, schema: Schema, name: str) -> AttributePath | None:
        """Return what a key of an object under the URN of a schema names.

        The key may repeat the URN.
        """
        path = self.find(f"{schema.id}:{name}")
        if path is None and ":" in name:
            path = self.find(name)
            urn = None if schema is self.schema else schema.id
            return path if path is not None and path.extension == urn else None
        return path

    def _top_level(self) -> Iterator[AttributePath]:
        for attribute in (*COMMON, *self.schema.attributes):
            yield AttributePath(None, attribute, None, attribute.name)
        for extension in self.extensions:
            for attribute in extension.attributes:
                yield AttributePath(
                    extension.id, attribute, None, f"{extension.id}:{attribute.name}"
                )

    def _index(self, attributes: tuple[AttributePath, ...]) -> dict[str, AttributePath]:
        paths: dict[str, AttributePath] = {}
        for top in attributes:
            urns = spellings(top.extension or self.schema.id)
            prefixes = [urn + separator for urn in urns for separator in ":."]
            for name, path in _below(top):
                for prefix in prefixes:
                    paths[prefix + name] = path
                # A core attribute comes first, so an extension's namesake does not replace it.
                paths.setdefault(name, path)
        return paths


def _by_name(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    return {name: attribute for attribute in attributes for name in _names(attribute)}


def _is_reference(parts: dict[str, Attribute]) -> bool:
    """Tell whether a `$ref` among some parts is the URI of a resource, and so names its id."""
    ref = parts.get(REF)
    types = () if ref is None else ref.reference_types
    return VALUE in parts and bool(types) and _ELSEWHERE.isdisjoint(types)


def _names(attribute: Attribute) -> list[str]:
    return [name.lower() for name in (attribute.name, *attribute.also_called)]


def _below(top: AttributePath) -> Iterator[tuple[str, AttributePath]]:
    """Yield the path and those of its sub-attributes, each under its lower-case names."""
    attribute = top.attribute
    for name in _names(attribute):
        yield name, top
        for sub in attribute.sub_attributes:
            path = AttributePath(top.extension, attribute, sub, f"{top.text}.{sub.name}")
            for sub_name in _names(sub):
                yield f"{name}.{sub_name}", path


def spellings(urn: str) -> tuple[str, str]:
    """Return a URN in lower case, and as Entra's older samples write it: `...:2.0User`."""
    head, _, tail = urn.lower().rpartition(":")
    return f"{head}:{tail}", head + tail


COMMON = (
    Attribute(
        "schemas",
        "reference",
        multi_valued=True,
        mutability="readOnly",
        returned="always",
        published=False,
        description="URNs of the schemas that the resource has attributes of.",
    ),
    Attribute(
        "id",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
        published=False,
        description="Identifier that the service has given to the resource, stable for life.",
    ),
    Attribute(
        "meta",
        "complex",
        mutability="readOnly",
        published=False,
        description="What the service knows of the resource itself.",
        sub_attributes=(
            Attribute("resourceType", case_exact=True, mutability="readOnly"),
            Attribute("created", "dateTime", mutability="readOnly"),
            Attribute("lastModified", "dateTime", mutability="readOnly"),
            Attribute("location", "reference", case_exact=True, mutability="readOnly"),
            Attribute("version", case_exact=True, mutability="readOnly"),
        ),
    ),
)
"""The attributes that every resource has (RFC 7643 section 3.1), apart from `externalId`, which
clients map and therefore look for in `/Schemas`."""
