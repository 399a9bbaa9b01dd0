"""What /Groups does with each method (RFC 7644 section 3)."""

from scim_groups.presentation import GroupSource
from shared.scim import documents, members, patch
from shared.scim.messages import parse_patch
from shared.store.resources import Group
from shared.web import responses
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services


def open_groups(request: ScimRequest, services: Services) -> GroupSource:
    """Open the groups of the request's tenant, to be listed."""
    return GroupSource(request, services.store, services.catalogue)


async def list_groups(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Groups."""
    sources = [open_groups(request, services)]
    return await Lister(sources, Bounds.of(services.settings)).list(request)


async def create_group(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /Groups."""
    body = request.json()
    document = documents.create(services.catalogue.group, body)
    joining = members.from_document(body).add
    group = await services.store.groups.create(request.context, document, joining)
    return await _answer(201, request, services, group)


async def get_group(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Groups/{id}; members are read only when they are shown."""
    group = await services.store.groups.get(request.context, request.resource_id, members=False)
    if request.has_already(group.version):
        return responses.not_modified(group.id, group.version)
    return await _answer(200, request, services, group)


async def replace_group(request: ScimRequest, services: Services) -> ScimResponse:
    """PUT /Groups/{id}; a body that does not name `members` leaves them alone.

    RFC 7644 section 3.5.1 lets a service keep what is omitted, and no client that means to empty
    a group leaves the list out.
    """
    group_type, body = services.catalogue.group, request.json()
    await services.store.groups.update(
        request.context,
        request.resource_id,
        members.from_document(body),
        lambda group: documents.replace(group_type, group, body),
        request.precondition,
    )
    return await _read_again(request, services)


async def patch_group(request: ScimRequest, services: Services) -> ScimResponse:
    """PATCH /Groups/{id}: 204, or 200 where the client asks for attributes.

    Members are not read back, because that would cost as much as the group is large. Operations on
    members alone do not even read the group.
    """
    group_type = services.catalogue.group
    operations, change = members.split_members(group_type, parse_patch(request.json()))
    version = await services.store.groups.update(
        request.context,
        request.resource_id,
        change,
        (lambda group: patch.apply(group_type, group, operations)) if operations else None,
        request.precondition,
    )
    if request.query.get("attributes"):
        return await _read_again(request, services)
    return responses.no_content(request.resource_id, version)


async def delete_group(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE /Groups/{id}."""
    await services.store.groups.delete(request.context, request.resource_id, request.precondition)
    return responses.no_content(request.resource_id)


async def _read_again(request: ScimRequest, services: Services) -> ScimResponse:
    group = await services.store.groups.get(request.context, request.resource_id, members=False)
    return await _answer(200, request, services, group)


async def _answer(
    status: int, request: ScimRequest, services: Services, group: Group
) -> ScimResponse:
    projection = request.projection(services.catalogue.group)
    shown = await open_groups(request, services).shown([group], projection)
    return responses.of_resource(status, shown[0], projection.apply(shown[0]))
