"""The app with the settings of production, and what stands around it in Azure, on loopback.

The identity endpoint and the vault are fakes, the storage is Azurite that takes tokens alone;
`tests/support/fakes/azure_names.py` makes the names of Azure lead to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from local import children
from tests.support.fakes.azure import TABLES, VAULT, Identity, certificates, storage_over_tls
from tests.support.fakes.key_vault import FakeKeyVault, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

ROOT = Path(__file__).parents[2]
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
PUBLIC = "https://id.example.com"
TOKEN = "the-token-that-lies-in-the-vault"
SWEEPER_OFF = "AzureWebJobs_sweeper_Disabled"


@dataclass(frozen=True, slots=True)
class Azure:
    """What stands around the app: where it is, and what was asked of it."""

    settings: dict[str, str]
    vault: FakeKeyVault
    identity: Identity


class Log:
    """What a process has written so far."""

    def __init__(self) -> None:
        self.text = ""
        self._grown = asyncio.Condition()

    async def follow(self, stream: asyncio.StreamReader | None) -> None:
        while stream and (line := await stream.readline()):
            async with self._grown:
                self.text += line.decode()
                self._grown.notify_all()

    async def until(self, text: str) -> None:
        """Wait until something was written."""
        await self.until_matched(re.escape(text))

    async def until_matched(self, pattern: str) -> re.Match[str]:
        """Wait until something was written that a pattern finds, where ^ and $ end lines."""
        found: list[re.Match[str]] = []

        def finds() -> bool:
            found.extend(re.finditer(pattern, self.text, re.MULTILINE))
            return bool(found)

        async with asyncio.timeout(30), self._grown:
            await self._grown.wait_for(finds)
        return found[0]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running app, and its process."""

    client: httpx.AsyncClient
    log: Log
    pid: int


@asynccontextmanager
async def azure_in(folder: Path) -> AsyncIterator[Azure]:
    """Run what stands around the app until the block ends; files are left in a folder."""
    tls = certificates(folder)
    vault, identity = FakeKeyVault(), Identity()
    vault.put("scim-token", TOKEN)
    vault.put("scim-token--acme", f"{TOKEN}-of-acme")
    vault.put("connection-string", "of something else")
    async with (
        serving(vault.answer, tls) as vault_url,
        serving(identity.answer) as identity_url,
        storage_over_tls(folder) as ports_of_storage,
    ):
        vault.url = f"https://{VAULT}"
        settings = {
            "KEY_VAULT_URL": vault.url,
            "TABLE_ENDPOINT": f"https://{TABLES}/devstoreaccount1",
            "AZURE_CLIENT_ID": CLIENT_ID,
            "SCIM_BASE_URL": PUBLIC,
        }
        ports = {VAULT: int(vault_url.rpartition(":")[2]), TABLES: ports_of_storage["table"]}
        of_the_host = {
            f"AzureWebJobsStorage__{service}ServiceUri": f"https://127.0.0.1:{port}/devstoreaccount1"
            for service, port in ports_of_storage.items()
            if service != "table"
        }
        of_the_platform = {
            **of_the_host,
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": CLIENT_ID,
            "PORTS_OF_NAMES": json.dumps(ports),
            "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
            "IDENTITY_HEADER": identity.header,
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            SWEEPER_OFF: "true",
            "PATH": os.environ["PATH"],
        }
        yield Azure({**settings, **of_the_platform}, vault, identity)


@asynccontextmanager
async def deployed(
    settings: Mapping[str, str], *arguments: str, root: Path = ROOT
) -> AsyncIterator[Deployed]:
    """Run the app on the stand-in, with these settings and no other variables."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "tests.support.fakes.azure_names", "--root", str(root)]
        command += ["--app", "function_app", "--socket", str(listener.fileno()), *arguments]
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            children.running(
                command,
                directory=ROOT,
                environ=settings,
                capture=True,
                descriptors=[listener.fileno()],
            ) as process,
            httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client,
        ):
            log = Log()
            following = asyncio.create_task(log.follow(process.stdout))
            yield Deployed(client, log, process.pid)
            following.cancel()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
