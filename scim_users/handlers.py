"""/Users: how users are found and shown; the handlers are those of every type."""

from collections.abc import AsyncIterator, Mapping, Sequence

from shared.scim import documents
from shared.scim.catalogue import Catalogue
from shared.scim.core_schemas import ROLES_SCHEMA
from shared.scim.filters import Filter
from shared.scim.folding import fold
from shared.scim.projection import Projection
from shared.scim.schema import Document
from shared.store.resources import User
from shared.store.store import Store
from shared.store.users import Users
from shared.web.lookups import comparisons
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import DocumentHandlers
from shared.web.services import Services
from shared.web.sources import Finder, ReferenceSource, reference

_ROLES = "roles"


class UserSource(ReferenceSource[User]):
    """The users of a request's tenant."""

    def __init__(self, request: ScimRequest, store: Store, catalogue: Catalogue) -> None:
        super().__init__(request, catalogue.user, store.users, store)
        self._users = store.users
        self._roles = store.roles
        self._groups_endpoint = catalogue.group.endpoint

    @property
    def indexes(self) -> Mapping[str, Finder[User]]:
        """What Entra and Okta look users up by."""
        return {
            "id": self._by_id,
            "userName": self._by_user_name,
            "externalId": self._by_external_id,
            "emails.value": self._by_email,
        }

    @property
    def is_told_by_version(self) -> bool:
        """Whether neither names of groups nor roles are shown, which change without the user."""
        return super().is_told_by_version and not self._shows_roles(self.projection)

    async def get(self) -> User:
        """Read the user that the request names, with its groups if they are shown."""
        return await self._users.get(
            self.request.context,
            self.request.resource_id,
            groups=self.projection.includes("groups"),
        )

    async def present(self, resources: Sequence[User], projection: Projection) -> list[Document]:
        """Present users; the names of their groups are read where they are shown."""
        names: Mapping[str, str] = {}
        if projection.includes_part("groups", "display"):
            names = await self._read_group_names(resources)
        shown = [self._with_groups(user, names) for user in resources]
        return await self._with_roles(resources, shown) if self._shows_roles(projection) else shown

    async def documents_for_filter(
        self, resources: Sequence[User], condition: Filter
    ) -> AsyncIterator[Document]:
        """Present users with their roles where the product compares them."""
        shown = [self.document(user) for user in resources]
        if self.request.is_product and any(comparisons(condition, _ROLES)):
            shown = await self._with_roles(resources, shown)
        for document in shown:
            yield document

    async def present_one(self, resource: User, projection: Projection) -> Document:
        """Present a user by itself: with indirect groups, which a list does not have."""
        if projection.includes("groups"):
            resource = await self._users.with_indirect_groups(self.request.context, resource)
        return await super().present_one(resource, projection)

    def document(self, resource: User) -> Document:
        """Write a user without the names of its groups."""
        return self._with_groups(resource, {})

    def _with_groups(self, user: User, names: Mapping[str, str]) -> Document:
        """Write a user; `groups` is left out where there are none (RFC 7643 section 4.1.2)."""
        types = dict.fromkeys(user.group_ids, "direct")
        types |= dict.fromkeys(user.indirect_group_ids, "indirect")
        groups = [
            reference(gid, self.request.location(self._groups_endpoint, gid), each, names.get(gid))
            for gid, each in types.items()
        ]
        return self._document(user, groups=groups or None)

    def _shows_roles(self, projection: Projection) -> bool:
        """Tell whether roles are shown: to the product alone, whose users have the extension."""
        return self.request.is_product and projection.includes(ROLES_SCHEMA)

    async def _with_roles(self, users: Sequence[User], shown: Sequence[Document]) -> list[Document]:
        """Write users with their roles; a user without any has no such extension."""
        roles = await self._roles.of(self.request.context, users)
        return [
            documents.with_roles(document, of_user)
            for document, of_user in zip(shown, roles or [()] * len(users), strict=True)
        ]

    async def _read_group_names(self, users: Sequence[User]) -> dict[str, str]:
        groups = (gid for user in users for gid in (*user.group_ids, *user.indirect_group_ids))
        return await self.read_names(dict.fromkeys(groups, "Group"))

    async def _by_user_name(self, value: str) -> Sequence[User]:
        user = await self._users.by_user_name(self.request.context, fold(value))
        return [] if user is None else [user]

    async def _by_email(self, value: str) -> Sequence[User]:
        return await self._users.by_email(self.request.context, fold(value))


class UserHandlers(DocumentHandlers[User]):
    """The handlers of /Users."""

    path = "Users"

    def source(self, request: ScimRequest, services: Services) -> UserSource:
        """Open the users of the request's tenant."""
        return UserSource(request, services.store, services.catalogue_for(request))

    def stored(self, services: Services) -> Users:
        """Return the users in the store."""
        return services.store.users


USERS = UserHandlers()
