"""A stored user as clients see it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from shared.scim.catalogue import Catalogue
from shared.scim.documents import present
from shared.scim.filters import Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.store.resources import User
from shared.store.users import Users
from shared.web.entity_tags import entity_tag
from shared.web.requests import ScimRequest
from shared.web.sources import Finder


def resource_of(request: ScimRequest, catalogue: Catalogue, user: User) -> Document:
    """Present a user; `groups` is left out where there are none (RFC 7643 section 4.1.2)."""
    groups = [
        {"value": gid, "$ref": request.location(catalogue.group.endpoint, gid), "type": "direct"}
        for gid in user.group_ids
    ]
    return present(
        catalogue.user,
        user.document,
        id=user.id,
        created=user.created,
        modified=user.modified,
        version=entity_tag(str(user.version)),
        location=request.location(catalogue.user.endpoint, user.id),
        groups=groups or None,
    )


@dataclass(frozen=True, slots=True)
class UserSource:
    """The users of a request's tenant, as `shared.web.sources.Source` wants them."""

    request: ScimRequest
    users: Users
    catalogue: Catalogue

    @property
    def resource_type(self) -> ResourceType:
        """The User type."""
        return self.catalogue.user

    @property
    def indexes(self) -> Mapping[str, Finder[User]]:
        """What Entra and Okta look users up by."""
        return {
            "id": self._by_id,
            "userName": self._by_user_name,
            "externalId": self._by_external_id,
            "emails.value": self._by_email,
        }

    async def page(self, start_index: int, count: int) -> tuple[int, Sequence[User]]:
        """Return how many users there are, and those of a page."""
        page = await self.users.page(self.request.context, start_index, count)
        return page.total, page.resources

    async def after(self, last_id: str, count: int) -> Sequence[User]:
        """Return the next users in id order."""
        return await self.users.after(self.request.context, last_id, count)

    def scan(self, last_id: str = "") -> AsyncIterator[User]:
        """Return every user in turn."""
        return self.users.scan(self.request.context, last_id)

    async def compared(self, items: Sequence[User], condition: Filter) -> AsyncIterator[Document]:
        """Present users whole: all that a filter can compare lies in their rows."""
        del condition
        for user in items:
            yield resource_of(self.request, self.catalogue, user)

    async def shown(self, items: Sequence[User], projection: Projection) -> list[Document]:
        """Present users whole; they cost nothing more."""
        del projection
        return [resource_of(self.request, self.catalogue, user) for user in items]

    async def _by_id(self, value: str) -> Sequence[User]:
        return await self.users.get_many(self.request.context, [value])

    async def _by_user_name(self, value: str) -> Sequence[User]:
        user = await self.users.by_user_name(self.request.context, fold(value))
        return [] if user is None else [user]

    async def _by_external_id(self, value: str) -> Sequence[User]:
        return await self.users.by_external_id(self.request.context, value)

    async def _by_email(self, value: str) -> Sequence[User]:
        return await self.users.by_email(self.request.context, fold(value))
