"""The services that are measured, each as processes of their own on free ports of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.client import Client, Request, connected
from benchmarks.directory import Directory, Ids
from benchmarks.people import EVERYONE, GROUP, person
from local import children

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from benchmarks.tables import Seeded
    from local.azurite import Azurite

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).parent / "peers"
OURS, SCIM2_SERVER, SCIMMY = "this service", "scim2-server", "scimmy"
SCIMMY_PAGED = "scimmy, paged by its handler"
STORAGE = "storage alone"
"""What the storage of this service alone takes, beside the services."""

_CREATION_SECONDS = 1_800.0
_START_SECONDS = 60.0
_PORT = re.compile(rb"PORT (\d+)")


@dataclass(frozen=True, slots=True)
class Service:
    """A running service with its directory.

    Attributes:
        name: One of those above.
        client: Sends requests to it.
        directory: What it holds.
    """

    name: str
    client: Client
    directory: Directory


@asynccontextmanager
async def ours(there: Seeded, clients: int) -> AsyncIterator[Service]:
    """Run this service on a storage that holds its directory."""
    async with (
        host(there.storage) as running,
        connected(f"{running.url}/scim/v2", running.token, clients) as client,
    ):
        yield Service(OURS, client, await Directory.open(there.ids, client.create))


@asynccontextmanager
async def scim2_server(users: int, clients: int) -> AsyncIterator[Service]:
    """Run scim2-server in memory."""
    python = ROOT / ".venv-scim2-server" / "bin" / "python"
    command = [str(python), "-P", str(PEERS / "scim2_server.py")]
    async with _peer(SCIM2_SERVER, command, "/v2", users, clients) as service:
        yield service


@asynccontextmanager
async def scimmy(users: int, clients: int) -> AsyncIterator[Service]:
    """Run scimmy-routers in memory, its handlers as the library documents them."""
    command = ["node", str(PEERS / "scimmy" / "server.mjs")]
    async with _peer(SCIMMY, command, "/scim/v2", users, clients) as service:
        yield service


@asynccontextmanager
async def scimmy_paged(users: int, clients: int) -> AsyncIterator[Service]:
    """Run scimmy-routers with a handler that gives it no more than the page."""
    command = ["node", str(PEERS / "scimmy" / "server.mjs")]
    async with _peer(SCIMMY_PAGED, command, "/scim/v2", users, clients, {"PAGES": "1"}) as service:
        yield service


@dataclass(frozen=True, slots=True)
class Host:
    """The stand-in for the Functions host, with the app in it.

    Attributes:
        url: Scheme, host and port.
        token: Opens the tenant `default`.
        process: Its id.
    """

    url: str
    token: str
    process: int


@asynccontextmanager
async def host(
    storage: Azurite,
    more: Mapping[str, str] | None = None,
    lines: asyncio.Queue[bytes] | None = None,
) -> AsyncIterator[Host]:
    """Run the app by the stand-in for the Functions host.

    Args:
        storage: of the app.
        more: settings of the app, besides those that every measurement has.
        lines: gets what the app writes, which is thrown away otherwise.
    """
    token = secrets.token_urlsafe(32)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        environ = {**os.environ, **settings(storage, token), **(more or {})}
        command = [sys.executable, "-m", "local.host", "--root", str(ROOT)]
        command += ["--app", "function_app", "--socket", str(descriptor)]
        async with children.running(
            command, directory=ROOT, environ=environ, capture=True, descriptors=[descriptor]
        ) as process:
            reading = asyncio.create_task(_read_on(process.stdout, lines))
            yield Host(f"http://127.0.0.1:{port}", token, process.pid)
            reading.cancel()


def settings(storage: Azurite, token: str) -> Mapping[str, str]:
    """Return the settings of the app, whose rate limit no measurement meets."""
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": storage.connection_string,
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "SCIM_SECRET_TOKEN": token,
        "AzureWebJobs_sweeper_Disabled": "true",
        "SCIM_REQUESTS_PER_SECOND": "10000",
    }


@asynccontextmanager
async def _peer(  # noqa: PLR0913, PLR0917 - a peer is made of that many things
    name: str,
    command: Sequence[str],
    root: str,
    users: int,
    clients: int,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Service]:
    """Run a peer and create its directory over HTTP."""
    token = secrets.token_urlsafe(32)
    variables = {**os.environ, "PEER_TOKEN": token, **(environ or {})}
    async with children.running(
        command, directory=PEERS, environ=variables, capture=True
    ) as process:
        port = await _announced(name, process.stdout)
        reading = asyncio.create_task(_read_on(process.stdout))
        async with connected(f"http://127.0.0.1:{port}{root}", token, clients) as client:
            ids = await _created(client, users, clients)
            yield Service(name, client, await Directory.open(ids, client.create))
        reading.cancel()


async def _created(client: Client, users: int, clients: int) -> Ids:
    """Create a directory over HTTP: everybody in one group."""
    people = (Request("POST", "/Users", json.dumps(person(n)).encode()) for n in range(users))
    created = await client.burst(people, clients=clients, seconds=_CREATION_SECONDS)
    ids = tuple(each.json()["id"] for each in created)
    members = [{"value": each} for each in ids]
    everyone = {"schemas": [GROUP], "displayName": EVERYONE, "members": members}
    group = await client.create(Request("POST", "/Groups", json.dumps(everyone).encode()))
    return Ids(ids, group)


async def _announced(name: str, stream: asyncio.StreamReader | None) -> int:
    said = b""
    async with asyncio.timeout(_START_SECONDS):
        while stream and (line := await stream.readline()):
            said += line
            if found := _PORT.match(line):
                return int(found[1])
    raise RuntimeError(f"{name} did not start: {said.decode(errors='replace')}")


async def _read_on(
    stream: asyncio.StreamReader | None, lines: asyncio.Queue[bytes] | None = None
) -> None:
    while stream and (line := await stream.readline()):
        if lines is not None:
            lines.put_nowait(line)
