"""What can be asked about a tenant, as flows; the clients run them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scim_on_functions.errors import NotFoundError
from scim_on_functions.exchange import Exchange
from scim_on_functions.flows import Flow
from scim_on_functions.models import Access, Document, EventPage, Member

NOW = "now"
PAGE = "200"
"""Resources of a page of a SCIM list, the most that the service gives."""

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """Resources of a list by cursor (RFC 9865), and the cursor of the next page, if any."""

    resources: tuple[Document, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class TenantRequests:
    """The requests of one tenant.

    Attributes:
        base_url: scheme, host and port of the service, without a slash at the end.
        name: of the tenant.
        exchange: sends them.
    """

    base_url: str
    name: str
    exchange: Exchange

    def access(
        self, user_name: str | None, external_id: str | None, email: str | None
    ) -> Flow[Access]:
        """Ask for a decision, by exactly one value."""
        given = {"userName": user_name, "externalId": external_id, "email": email}
        query = {name: value for name, value in given.items() if value is not None}
        if len(query) != 1:
            raise TypeError("give exactly one of user_name, external_id and email")
        return Access.read((yield from self.exchange.get(f"{self._api}/access", query)))

    def events(
        self,
        after: str | None = None,
        limit: int = 100,
        wait: int = 0,
        types: Collection[str] = (),
        *,
        expand: bool = False,
    ) -> Flow[EventPage]:
        """Read a page of the feed."""
        query = {"limit": str(limit), "wait": str(wait)}
        if after is not None:
            query["after"] = after
        if types:
            query["types"] = ",".join(types)
        if expand:
            query["expand"] = "resource"
        return EventPage.read((yield from self.exchange.get(f"{self._api}/events", query, wait)))

    def page(
        self, endpoint: str, cursor: str = "", query: Mapping[str, str] | None = None
    ) -> Flow[ResourcePage]:
        """Read a page of a SCIM list."""
        asked = {**(query or {}), "count": PAGE, "cursor": cursor}
        body: Document = yield from self.exchange.get(f"{self._scim}/{endpoint}", asked)
        return ResourcePage(tuple(body.get("Resources", ())), body.get("nextCursor"))

    def user(self, user_id: str) -> Flow[Document | None]:
        """Read a user; None if there is none."""
        return self._resource(f"Users/{quote(user_id, safe='')}", {})

    def group(self, group_id: str) -> Flow[Document | None]:
        """Read a group without its members; None if there is none."""
        return self._resource(f"Groups/{quote(group_id, safe='')}", WITHOUT_MEMBERS)

    def group_members(self, group_id: str) -> Flow[tuple[Member, ...] | None]:
        """Read the members of a group, which come in one answer; None if there is no group."""
        path = f"Groups/{quote(group_id, safe='')}"
        group = yield from self._resource(path, {"attributes": "members"})
        if group is None:
            return None
        return tuple(Member(each["value"], each["type"]) for each in group.get("members", ()))

    def groups_with(self, member_id: str) -> Flow[frozenset[str]]:
        """Find the ids of the groups of which somebody is a direct member."""
        query = {"filter": f'members.value eq "{member_id}"', "attributes": "id"}
        found: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            page = yield from self.page("Groups", cursor, query)
            found |= {group["id"] for group in page.resources}
            cursor = page.cursor
        return frozenset(found)

    def _resource(self, path: str, query: Mapping[str, str]) -> Flow[Any]:
        try:
            return (yield from self.exchange.get(f"{self._scim}/{path}", query))
        except NotFoundError:
            return None

    @property
    def _api(self) -> str:
        return f"{self.base_url}/api/v1/tenants/{quote(self.name, safe='')}"

    @property
    def _scim(self) -> str:
        is_default = self.name == _DEFAULT
        within = "" if is_default else f"/tenants/{quote(self.name, safe='')}"
        return f"{self.base_url}{within}/scim/v2"


WITHOUT_MEMBERS = {"excludedAttributes": "members"}
"""A group may have 100,000 members; they are known from the users' side."""
