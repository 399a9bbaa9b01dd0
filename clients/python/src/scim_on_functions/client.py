"""The clients: `Client` for code that waits, `AsyncClient` for code that awaits."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from scim_on_functions.errors import NotFoundError
from scim_on_functions.exchange import Exchange
from scim_on_functions.flows import Flow, run, run_async
from scim_on_functions.models import Access, Document, EventPage, Member
from scim_on_functions.requests import WITHOUT_MEMBERS, TenantRequests
from scim_on_functions.version import __version__

T = TypeVar("T")

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Client:
    """The service, for code that waits for answers; any number of threads may share it.

    Args:
        base_url: scheme and host of the service, as `https://id.example.com`.
        api_key: `scimkey_<name>_<random>`.
        timeout: seconds that each attempt may take to connect, and between two bytes.
        attempts: how often a request is sent at most; 1 repeats nothing.
        longest_pause: seconds between two attempts at most.
        http: a client of your own, for a proxy or certificates; it stays open when this one closes.

    Raises:
        ValueError: the address or the key cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 10.0,
        attempts: int = 4,
        longest_pause: float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        self._base_url = _checked(base_url)
        self._exchange = _exchange(api_key, timeout, attempts, longest_pause)
        self._http = http or httpx.Client()
        self._is_own = http is None

    def tenant(self, name: str = "default") -> "Tenant":
        """Return a tenant; nothing is sent."""
        return Tenant(TenantRequests(self._base_url, name, self._exchange), self._http)

    def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Tenant:
    """One tenant. All methods raise a `ServiceError` for what the service refuses."""

    def __init__(self, requests: TenantRequests, http: httpx.Client) -> None:
        self.requests = requests
        self._http = http

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of the library."""
        return run(flow, self._http)

    def access(
        self,
        *,
        user_name: str | None = None,
        external_id: str | None = None,
        email: str | None = None,
    ) -> Access:
        """Ask whether somebody may sign in, by exactly one of the values."""
        return self.run(self.requests.access(user_name, external_id, email))

    def events(
        self,
        after: str | None = None,
        limit: int = 100,
        wait: int = 0,
        types: Collection[str] = (),
        *,
        expand: bool = False,
    ) -> EventPage:
        """Read a page of the feed; `Feed` walks it.

        Args:
            after: cursor of the page before; `now` for what is yet to come.
            limit: how many events are enough, up to 1,000; with `expand` up to 100.
            wait: seconds to wait for an event, up to 20.
            types: of the events that are wanted; none means all.
            expand: whether each event brings its resource as it is now.
        """
        return self.run(self.requests.events(after, limit, wait, types, expand=expand))

    def users(self) -> Iterator[Document]:
        """Walk all users, with their direct groups."""
        return self._walk("Users", {})

    def groups(self) -> Iterator[Document]:
        """Walk all groups, without their members."""
        return self._walk("Groups", WITHOUT_MEMBERS)

    def user(self, user_id: str) -> Document | None:
        """Read a user; None if there is none."""
        return self.run(self.requests.user(user_id))

    def group_members(self, group_id: str) -> tuple[Member, ...]:
        """Read the members of a group, users and groups, without versions."""
        return _found(self.run(self.requests.group_members(group_id)))

    def _walk(self, endpoint: str, query: Mapping[str, str]) -> Iterator[Document]:
        cursor: str | None = ""
        while cursor is not None:
            page = self.run(self.requests.page(endpoint, cursor, query))
            yield from page.resources
            cursor = page.cursor


class AsyncClient:
    """The service, for code on an event loop. Parameters and errors are those of `Client`."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 10.0,
        attempts: int = 4,
        longest_pause: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._base_url = _checked(base_url)
        self._exchange = _exchange(api_key, timeout, attempts, longest_pause)
        self._http = http or httpx.AsyncClient()
        self._is_own = http is None

    def tenant(self, name: str = "default") -> "AsyncTenant":
        """Return a tenant; nothing is sent."""
        return AsyncTenant(TenantRequests(self._base_url, name, self._exchange), self._http)

    async def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncTenant:
    """One tenant; as `Tenant`, to be awaited."""

    def __init__(self, requests: TenantRequests, http: httpx.AsyncClient) -> None:
        self.requests = requests
        self._http = http

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow of the library."""
        return await run_async(flow, self._http)

    async def access(
        self,
        *,
        user_name: str | None = None,
        external_id: str | None = None,
        email: str | None = None,
    ) -> Access:
        """Ask whether somebody may sign in, by exactly one of the values."""
        return await self.run(self.requests.access(user_name, external_id, email))

    async def events(
        self,
        after: str | None = None,
        limit: int = 100,
        wait: int = 0,
        types: Collection[str] = (),
        *,
        expand: bool = False,
    ) -> EventPage:
        """Read a page of the feed; `AsyncFeed` walks it. As `Tenant.events`."""
        return await self.run(self.requests.events(after, limit, wait, types, expand=expand))

    def users(self) -> AsyncIterator[Document]:
        """Walk all users, with their direct groups."""
        return self._walk("Users", {})

    def groups(self) -> AsyncIterator[Document]:
        """Walk all groups, without their members."""
        return self._walk("Groups", WITHOUT_MEMBERS)

    async def user(self, user_id: str) -> Document | None:
        """Read a user; None if there is none."""
        return await self.run(self.requests.user(user_id))

    async def group_members(self, group_id: str) -> tuple[Member, ...]:
        """Read the members of a group, users and groups, without versions."""
        return _found(await self.run(self.requests.group_members(group_id)))

    async def _walk(self, endpoint: str, query: Mapping[str, str]) -> AsyncIterator[Document]:
        cursor: str | None = ""
        while cursor is not None:
            page = await self.run(self.requests.page(endpoint, cursor, query))
            for each in page.resources:
                yield each
            cursor = page.cursor


def _checked(base_url: str) -> str:
    """Refuse an address to which the API key would go in the clear, or that is none."""
    parts = urlsplit(base_url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url is no https address of the service: {base_url!r}")
    return base_url.rstrip("/")


def _exchange(api_key: str, timeout: float, attempts: int, longest_pause: float) -> Exchange:
    if not (api_key.startswith("scimkey_") and api_key.isascii() and api_key.isprintable()):
        raise ValueError("api_key is no API key: it begins with scimkey_")
    if attempts < 1:
        raise ValueError("attempts is at least 1")
    agent = f"scim-on-functions-client/{__version__} python"
    return Exchange(api_key, agent, timeout, attempts, longest_pause)


def _found(members: Any) -> tuple[Member, ...]:
    if members is None:
        raise NotFoundError(404, "there is no such group")
    return tuple(members)
