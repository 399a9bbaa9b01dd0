"""/Users: how users are found and shown; the handlers are those of every type."""

from collections.abc import Mapping, Sequence

from shared.scim.catalogue import Catalogue
from shared.scim.folding import fold
from shared.scim.schema import Document
from shared.store.resources import User
from shared.store.store import Store
from shared.store.users import Users
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import DocumentHandlers
from shared.web.services import Services
from shared.web.sources import Finder, Source


class UserSource(Source[User]):
    """The users of a request's tenant."""

    def __init__(self, request: ScimRequest, store: Store, catalogue: Catalogue) -> None:
        super().__init__(request, catalogue.user, store.users)
        self._users = store.users
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

    async def get(self) -> User:
        """Read the user that the request names, with its groups if they are shown."""
        return await self._users.get(
            self.request.context,
            self.request.resource_id,
            groups=self.projection.includes("groups"),
        )

    def document(self, resource: User) -> Document:
        """Write a user; `groups` is left out where there are none (RFC 7643 section 4.1.2)."""
        groups = [
            {
                "value": gid,
                "$ref": self.request.location(self._groups_endpoint, gid),
                "type": "direct",
            }
            for gid in resource.group_ids
        ]
        return self._document(resource, groups=groups or None)

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
        return UserSource(request, services.store, services.catalogue)

    def stored(self, services: Services) -> Users:
        """Return the users in the store."""
        return services.store.users


USERS = UserHandlers()
