"""The SCIM documents of resources that the product is told of, as its API keys read them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scim_protocol.root import all_handlers
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.tables.table import read_side_by_side
from shared.web.requests import ScimRequest
from shared.web.services import Services
from shared.web.sources import Source

ResourceName = tuple[str, str]
"""Name of a resource type, and an id."""


async def read_documents(
    request: ScimRequest, services: Services, names: Iterable[ResourceName]
) -> Mapping[ResourceName, Document]:
    """Read resources as they are now, side by side, leaving out what is gone.

    Users have the groups that they are directly in, as in a list; groups are without members. A
    call for each resource, and one for the deletions row where a user is in a group.

    Args:
        request: of an API key; it says of which tenant, and what the links begin with.
        services: of the process.
        names: of the resources; each is read once.
    """
    ids: dict[str, dict[str, None]] = defaultdict(dict)
    for type_name, resource_id in names:
        ids[type_name][resource_id] = None
    sources = (each.source(request, services) for each in all_handlers(services.catalogue))
    reads = [
        _read(each, _projection(each.resource_type, services), [*ids[each.resource_type.name]])
        for each in sources
        if each.resource_type.name in ids
    ]
    documents: dict[ResourceName, Document] = {}
    for found in await read_side_by_side(reads):
        documents |= found
    return documents


async def _read(
    source: Source[Any], projection: Projection, ids: Sequence[str]
) -> dict[ResourceName, Document]:
    shown = await source.present(await source.by_ids(ids), projection)
    name = source.resource_type.name
    return {(name, each["id"]): projection.apply(each) for each in shown}


def _projection(resource_type: ResourceType, services: Services) -> Projection:
    """Show what is shown by default, but for the members of groups, of which there may be many."""
    excluded = "members" if resource_type is services.catalogue.group else None
    return Projection.parse(resource_type, None, excluded)
