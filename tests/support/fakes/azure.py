"""Table Storage by identity over TLS, and the certificates of Azure's names, on loopback.

The storage is Azurite that takes tokens alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import ssl
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import trustme
from aiohttp import web
from azure.core.credentials import AccessToken

from local import children
from tests.support.fakes.key_vault import FakeIdentity

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parents[3]
VAULT = "contoso.vault.azure.net"
TABLES = "contoso.table.core.windows.net"
STORAGE = "https://storage.azure.com"
LISTENING = re.compile(rb"Azurite (\w+) service is successfully listening at \S+:(\d+)")


def certificates(folder: Path) -> ssl.SSLContext:
    """Issue a certificate for the names of Azure; leave its files and the authority's there."""
    authority = trustme.CA()
    issued = authority.issue_cert(VAULT, TABLES, "127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(server)
    return server


def access_token(audience: str, **more: str) -> str:
    """Make what Entra issues to an identity; Azurite reads the claims and skips the signature."""
    now = int(time.time())
    issuer = "https://sts.windows.net/00000000-0000-0000-0000-000000000001/"
    claims = {"aud": audience, "iss": issuer, "iat": now, "nbf": now - 60, "exp": now + 3_600}
    claims |= more
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


class Identity(FakeIdentity):
    """The identity endpoint, which also has tokens for storage: of the audience it is asked for."""

    audience = STORAGE
    _refused = ""

    @contextmanager
    def refused_by_storage(self, client_id: str) -> Iterator[None]:
        """Give one identity tokens that storage refuses, until the end of the block."""
        self._refused = client_id
        try:
            yield
        finally:
            self._refused = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        known = await super().answer(request)
        if known.status != 200 or request.query["resource"] != STORAGE:
            return known
        is_refused = request.query.get("client_id") == self._refused
        audience = "https://of.another.service" if is_refused else self.audience
        token = {"access_token": access_token(audience), "token_type": "Bearer"}
        return web.json_response(
            {**token, "resource": STORAGE, "expires_on": str(int(time.time()) + 3_600)}
        )


class StorageCredential:
    """A credential of somebody who may do anything with the storage."""

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        del scopes, options
        return AccessToken(access_token(STORAGE), int(time.time()) + 3_600)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *fault: object) -> None: ...


@asynccontextmanager
async def table_storage(folder: Path) -> AsyncIterator[int]:
    """Run Azurite over TLS, open to tokens; give the port of its tables."""
    async with storage_over_tls(folder) as ports:
        yield ports["table"]


@asynccontextmanager
async def storage_over_tls(folder: Path) -> AsyncIterator[dict[str, int]]:
    """Run Azurite over TLS, open to tokens; give the port of each of its services."""
    node = shutil.which("node")
    assert node is not None
    options = {
        **{f"--{service}Port": "0" for service in ("blob", "queue", "table")},
        "--oauth": "basic",
        "--cert": str(folder / "certificate.pem"),
        "--key": str(folder / "key.pem"),
    }
    script = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    command = [node, "--require", str(ROOT / "local" / "leash.cjs"), str(script)]
    command += [part for option in options.items() for part in option]
    command += ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    # With the account in the host name Azurite answers transactions 500; so it stands in the path.
    command += ["--disableProductStyleUrl"]
    async with children.running(
        command, directory=folder, environ=os.environ, capture=True
    ) as process:
        async with asyncio.timeout(60):
            ports: dict[str, int] = {}
            while len(ports) < 3:
                line = await line_of(process)
                assert line, "Azurite has ended"
                if found := LISTENING.search(line):
                    ports[found[1].decode().lower()] = int(found[2])
        yield ports


async def line_of(process: Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.readline()
