"""Key Vault and the managed-identity endpoint on loopback, as the SDKs meet them.

The vault speaks TLS, challenges the first call of a client, lists secrets and versions by the page,
hands out values, takes new versions and changes of their attributes, and refuses as the real one
does. Faults are switched on by the tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

ACCESS_TOKEN = "an-access-token-of-the-fake-identity"
PAGE = 2
_ENTRA = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001"
_CHALLENGE = f'Bearer authorization="{_ENTRA}", resource="https://vault.azure.net"'


@dataclass(slots=True)
class Version:
    """A version of a secret; times in POSIX seconds."""

    id: str
    value: str
    created: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    content_type: str = ""

    def attributes(self) -> dict[str, Any]:
        times = {"nbf": self.not_before, "exp": self.expires}
        set_times = {name: value for name, value in times.items() if value is not None}
        return {
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.created,
            "recoveryLevel": "Recoverable+Purgeable",
            **set_times,
        }


@dataclass(slots=True)
class FakeKeyVault:
    """A vault and what was asked of it.

    Attributes:
        calls: the paths of the calls with a token.
        written: the bodies of those that write.
        deleted: names of secrets that are deleted and can be recovered.
        writes: how many more are done; None for any number. The others fail with 503.
        is_read_only: whether writes are refused, as without the role for them.
        loses_answers: whether the connection ends in the place of an answer to a write.
        page: secrets or versions that are listed at once.
    """

    url: str = ""
    secrets: dict[str, list[Version]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    writes: int | None = None
    is_read_only: bool = False
    loses_answers: bool = False
    page: int = PAGE
    fault: Callable[[str], web.Response | None] | None = None
    is_called: asyncio.Event = field(default_factory=asyncio.Event)
    _open_gate: asyncio.Event = field(default_factory=asyncio.Event)
    _gated: str = "/"

    def __post_init__(self) -> None:
        self._open_gate.set()

    def put(
        self,
        name: str,
        value: str,
        *,
        enabled: bool = True,
        not_before: float | None = None,
        expires: float | None = None,
        tags: dict[str, str] | None = None,
        content_type: str = "",
    ) -> Version:
        """Add a version, newer than those that are there."""
        versions = self.secrets.setdefault(name, [])
        version = Version(
            id=hashlib.sha256(f"{name} {len(versions)}".encode()).hexdigest()[:32],
            value=value,
            created=1_700_000_000 + 60 * len(versions),
            enabled=enabled,
            not_before=None if not_before is None else int(not_before),
            expires=None if expires is None else int(expires),
            tags=tags or {},
            content_type=content_type,
        )
        versions.append(version)
        return version

    def calls_about(self, name: str) -> list[str]:
        return [path for path in self.calls if path.startswith(f"/secrets/{name}/")]

    @contextmanager
    def failing(
        self,
        status: int,
        *,
        code: str = "Failed",
        inner: str | None = None,
        headers: dict[str, str] | None = None,
        only: str = "/",
    ) -> Iterator[None]:
        """Answer every call, or those whose path begins with `only`, with an error."""

        def fault(path: str) -> web.Response | None:
            return error(status, code, inner, headers) if path.startswith(only) else None

        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    @contextmanager
    def hanging(self, only: str = "/") -> Iterator[None]:
        """Leave every call, or those whose path begins with `only`, without an answer until the
        end of the block.
        """
        self._gated = only
        self._open_gate.clear()
        try:
            yield
        finally:
            self._open_gate.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {ACCESS_TOKEN}":
            return web.json_response(
                {"error": {"code": "Unauthorized", "message": "AKV10000: no token"}},
                status=401,
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        self.calls.append(request.path)
        self.is_called.set()
        if request.path.startswith(self._gated):
            await self._open_gate.wait()
        fault = None if self.fault is None else self.fault(request.path)
        return fault or await self._done(request)

    async def _done(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return self._found(request)
        if self.is_read_only:
            return error(403, "Forbidden", "ForbiddenByRbac")
        if self.writes is not None and self.writes <= 0:
            return error(503, "ServiceUnavailable")
        self.writes = None if self.writes is None else self.writes - 1
        body = await request.json()
        self.written.append(body)
        answer = self._written(request, body)
        if self.loses_answers and request.transport is not None:
            request.transport.abort()
        return answer

    def _written(self, request: web.BaseRequest, body: dict[str, Any]) -> web.Response:
        match request.method, request.path.strip("/").split("/"):
            case "PUT", ["secrets", name]:
                return self._set(name, body)
            case "PATCH", ["secrets", name, version_id]:
                return self._changed(name, version_id, body)
        return error(405, "BadMethod")

    def _set(self, name: str, body: dict[str, Any]) -> web.Response:
        if name in self.deleted:
            return error(409, "Conflict", "ObjectIsDeletedButRecoverable")
        attributes = body.get("attributes", {})
        version = self.put(
            name,
            body["value"],
            enabled=attributes.get("enabled") is not False,
            not_before=attributes.get("nbf"),
            expires=attributes.get("exp"),
            tags=body.get("tags"),
            content_type=body.get("contentType", ""),
        )
        item = self._item(name, version, version.id)
        return web.json_response({"value": version.value, **item})

    def _changed(self, name: str, version_id: str, body: dict[str, Any]) -> web.Response:
        for version in self.secrets.get(name, []):
            if version.id == version_id:
                attributes = body.get("attributes", {})
                version.enabled = attributes.get("enabled", version.enabled)
                version.expires = attributes.get("exp", version.expires)
                version.tags = body.get("tags", version.tags)
                return web.json_response(self._item(name, version, version.id))
        return error(404, "SecretNotFound")

    def _found(self, request: web.BaseRequest) -> web.Response:
        match request.path.strip("/").split("/"):
            case ["secrets"]:
                items = [self._item(name, versions[-1]) for name, versions in self.secrets.items()]
                return self._page(request, items)
            case ["secrets", name, "versions"]:
                # The real vault lists versions in the order of their ids, which is no order.
                versions = sorted(self.secrets.get(name, []), key=lambda version: version.id)
                return self._page(request, [self._item(name, v, v.id) for v in versions])
            case ["secrets", name, version_id]:
                return self._value(name, version_id)
        return error(404, "NotFound")

    def _value(self, name: str, version_id: str) -> web.Response:
        for version in self.secrets.get(name, []):
            if version.id == version_id and not version.enabled:
                return error(403, "Forbidden", "SecretDisabled")
            if version.id == version_id:
                item = self._item(name, version, version.id)
                return web.json_response({"value": version.value, **item})
        return error(404, "SecretNotFound")

    def _item(self, name: str, version: Version, *more: str) -> dict[str, Any]:
        identifier = "/".join([self.url, "secrets", name, *more])
        return {
            "id": identifier,
            "attributes": version.attributes(),
            "tags": version.tags,
            "contentType": version.content_type,
        }

    def _page(self, request: web.BaseRequest, items: list[dict[str, Any]]) -> web.Response:
        start = int(request.query.get("$skiptoken", "0"))
        end = start + self.page
        following = f"{self.url}{request.path}?api-version=2026-04-01&$skiptoken={end}"
        body = {"value": items[start:end], "nextLink": following if end < len(items) else None}
        return web.json_response(body)


@dataclass(slots=True)
class FakeIdentity:
    """The managed-identity endpoint of App Service: what it was asked, and what it answers."""

    endpoint: str = ""
    header: str = "the-secret-of-the-identity-endpoint"
    queries: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    lifetime: int = 86_400
    _open_gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._open_gate.set()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Leave every call without an answer until the end of the block."""
        self._open_gate.clear()
        try:
            yield
        finally:
            self._open_gate.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        await self._open_gate.wait()
        known = request.headers.get("X-IDENTITY-HEADER") == self.header
        if self.status != 200 or not known:
            status = self.status if known else 401
            return web.json_response({"statusCode": status, "message": "none"}, status=status)
        return web.json_response(
            {
                "access_token": ACCESS_TOKEN,
                "expires_on": str(int(time.time()) + self.lifetime),
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )


def error(
    status: int, code: str, inner: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    """Return an error as Key Vault words it."""
    body: dict[str, Any] = {"code": code, "message": "what the vault says to people"}
    if inner is not None:
        body["innererror"] = {"code": inner}
    return web.json_response({"error": body}, status=status, headers=headers)


@asynccontextmanager
async def serving(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve on a free port of loopback and give the base URL."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    _, port = runner.addresses[0][:2]
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
