"""The whole service as a child process, for programs and tests that talk to it over HTTP."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import children
from local.errors import LocalError
from local.run import ROOT
from local.settings_file import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_LINE = b"Tenant URL: "
_START_SECONDS = 180.0
_UNLIMITED = "10000"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    Attributes:
        tenant_url: The SCIM root of the default tenant, `http://127.0.0.1:<port>/scim/v2`.
        token: Opens it.
        output: Lines that it and its functions have written; grows while it runs.
    """

    tenant_url: str
    token: str
    output: list[str]

    @property
    def base_url(self) -> str:
        """Scheme, host and port."""
        return self.tenant_url.removesuffix("/scim/v2")


@asynccontextmanager
async def running(
    *, environ: Mapping[str, str] | None = None, app: str = "function_app", root: Path = ROOT
) -> AsyncIterator[Service]:
    """Run the service with storage in memory until the block ends.

    It is run by the stand-in host, or by Core Tools where SCIM_HOST is `core-tools`: so the suites
    can be sent to both.

    Its rate limit is so high that no test or measurement meets it, unless `environ` has another.

    Args:
        environ: Settings besides those of this process.
        app: Module that holds the FunctionApp.
        root: Folder of the app and host.json.

    Raises:
        LocalError: It did not start; the message holds what it said.
    """
    settings = {**os.environ, "EPHEMERAL": "1", "PORT": "0", TOKEN: secrets.token_urlsafe(32)}
    settings["SCIM_REQUESTS_PER_SECOND"] = _UNLIMITED
    settings |= environ or {}
    command = [sys.executable, "-m", "local", "--leash"]
    if os.environ.get("SCIM_HOST") != "core-tools":
        command.append("--stand-in")
    command += ["--app", app, "--root", str(root)]
    async with children.running(command, directory=ROOT, environ=settings, capture=True) as process:
        output: list[str] = []
        found = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(_read(process.stdout, output, found))
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = await found
            yield Service(url, settings[TOKEN], output)
        finally:
            reading.cancel()


async def _read(
    stream: asyncio.StreamReader | None, output: list[str], url: asyncio.Future[str]
) -> None:
    """Keep every line; the future gets the Tenant URL, or the reason why there is none."""
    while stream and (line := await stream.readline()):
        output.append(line.decode(errors="replace").rstrip("\n"))
        if line.startswith(_LINE) and not url.done():
            url.set_result(line.removeprefix(_LINE).decode().strip())
    if not url.done():
        url.set_exception(LocalError("the service did not start: " + "\n".join(output)))
