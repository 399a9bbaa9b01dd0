"""The resource types that a deployment serves: User, Group and custom ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.scim.core_schemas import GROUP, USER

if TYPE_CHECKING:
    from shared.scim.schema import ResourceType, Schema


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every resource type that is served.

    Attributes:
        user: The User type, with its extensions.
        group: The Group type, with its extensions.
        custom: The types that the files of the deployer describe.
    """

    user: ResourceType = USER
    group: ResourceType = GROUP
    custom: tuple[ResourceType, ...] = ()

    @property
    def resource_types(self) -> tuple[ResourceType, ...]:
        """All of them, in the order in which `/ResourceTypes` lists them."""
        return (self.user, self.group, *self.custom)

    @property
    def core_schemas(self) -> frozenset[str]:
        """The URNs, in lower case, of the schemas that tell the types apart."""
        return frozenset(each.schema.id.lower() for each in self.resource_types)

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """The schema and the extensions of every type, each once."""
        by_urn: dict[str, Schema] = {}
        for resource_type in self.resource_types:
            for schema in (resource_type.schema, *resource_type.extensions):
                by_urn.setdefault(schema.id.lower(), schema)
        return tuple(by_urn.values())


@lru_cache(maxsize=8)
def product_catalogue(catalogue: Catalogue) -> Catalogue:
    """Return what is served to API keys: users have their roles in the product besides."""
    user = catalogue.user
    user = replace(user, extensions=(*user.extensions, *user.computed), computed=())
    return replace(catalogue, user=user)


@lru_cache(maxsize=8)
def interop_catalogue(catalogue: Catalogue) -> Catalogue:
    """Return what a tenant of the interoperability profile is served: the same types, closed.

    Without `password`, which is kept nowhere and which IPSIE wants refused.
    """
    user, group, *custom = (_closed(each) for each in catalogue.resource_types)
    return Catalogue(user, group, tuple(custom))


def _closed(resource_type: ResourceType) -> ResourceType:
    schema = resource_type.schema
    kept = tuple(each for each in schema.attributes if each.mutability != "writeOnly")
    return replace(resource_type, schema=replace(schema, attributes=kept), is_closed=True)
