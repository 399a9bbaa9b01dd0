"""/Groups: the three methods in which groups differ from every other type."""

from scim_groups.source import GroupSource
from shared.scim import documents, members
from shared.scim.messages import parse_patch
from shared.scim.schema import Document
from shared.store.groups import Groups
from shared.store.resources import Group
from shared.web import responses
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import ResourceHandlers, patching, require_profile, show
from shared.web.responses import ScimResponse
from shared.web.services import Services


class GroupHandlers(ResourceHandlers[Group]):
    """The handlers of /Groups, whose clients write members beside the document."""

    path = "Groups"

    def source(self, request: ScimRequest, services: Services) -> GroupSource:
        """Open the groups of the request's tenant."""
        return GroupSource(request, services.store, services.catalogue_for(request))

    def stored(self, services: Services) -> Groups:
        """Return the groups in the store."""
        return services.store.groups

    async def create(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST /Groups."""
        source = self.opened_to_write(request, services)
        group_type = source.resource_type
        document, joining = await request.make(
            lambda body: (documents.create(group_type, body), members.from_document(body))
        )
        require_profile(request)
        group = await self.stored(services).create(
            request.context, document, joining.add, joining.types
        )
        return await show(201, source, group)

    async def replace(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PUT /Groups/{id}; a body that does not name `members` leaves them alone.

        RFC 7644 section 3.5.1 lets a service keep what is omitted, and no client that means to
        empty a group leaves the list out.
        """
        source = self.opened_to_write(request, services)
        group_type = source.resource_type
        change = await request.make(members.from_document)

        async def replaced(group: Document) -> Document:
            return await request.make(lambda body: documents.replace(group_type, group, body))

        require_profile(request)
        await self.stored(services).update(
            request.context,
            request.resource_id,
            change,
            replaced,
            request.precondition,
        )
        return await show(200, source, await source.get())

    async def patch(self, request: ScimRequest, services: Services) -> ScimResponse:
        """PATCH /Groups/{id}: 204, or 200 where the client asks for attributes.

        Members are not read back, because that would cost as much as the group is large.
        Operations on members alone do not even read the group.
        """
        source = self.opened_to_write(request, services)
        group_type = source.resource_type
        core = services.catalogue.core_schemas
        operations, change = await request.make(
            lambda body: members.split_members(
                group_type, parse_patch(body, core, is_closed=group_type.is_closed)
            )
        )
        require_profile(request)
        version = await self.stored(services).update(
            request.context,
            request.resource_id,
            change,
            patching(request, group_type, operations) if operations else None,
            request.precondition,
        )
        if request.query.get("attributes"):
            return await show(200, source, await source.get())
        return responses.no_content(request.resource_id, version)


GROUPS = GroupHandlers()
