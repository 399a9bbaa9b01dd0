"""One run of the service on this machine: storage, then the host, until it is told to end."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from local import azurite, children, core_tools, ports, run_record, settings_file
from local.errors import LocalError
from local.run_record import RunRecord
from shared.queues.names import CHANGE_HINTS
from shared.schema_files import read_catalogue
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    import socket
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping

    from local.azurite import Azurite

ROOT = Path(__file__).resolve().parent.parent
_TABLES = "TABLE_CONNECTION_STRING"
_HOST_STORAGE = "AzureWebJobsStorage"
_HOST_QUEUES = "AzureWebJobsStorage__queueServiceUri"
"""The queue of hints that webhooks are due, which in Azure the template makes."""
_START_SECONDS = 120.0
_LOADING_SECONDS = 15.0
"""How long a host may answer /healthz, and not with 200: it is still finding the functions."""
_PROBE_SECONDS = 0.1
_LINK_KEY = "SCIM_API_KEY__MAKE_RUN"
"""The setting that holds the API key of a run, with which it makes a setup link of the portal."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for.

    Attributes:
        root: Folder of the app, host.json and local.settings.json.
        app: Module that holds the FunctionApp; the real host knows `function_app` alone.
        stand_in: Whether to use the stand-in host even when Core Tools are there.
        port: Where the service listens; 0 for a free port.
        ephemeral: Whether storage is in memory and on free ports.
        recorded: Whether the tools find the run by its folder; not one that another program leads.
    """

    root: Path
    app: str
    stand_in: bool
    port: int
    ephemeral: bool
    recorded: bool = True


def options(
    root: Path, app: str, environ: Mapping[str, str], *, stand_in: bool, recorded: bool = True
) -> Options:
    """Options as the environment (PORT, EPHEMERAL) completes them.

    Raises:
        LocalError: PORT or EPHEMERAL cannot be understood.
    """
    return Options(
        root.resolve(),
        app,
        stand_in,
        ports.service_port(environ),
        ports.is_ephemeral(environ),
        recorded,
    )


async def run(asked: Options) -> int:
    """Run the service until it ends by itself or the task is cancelled.

    Returns:
        The exit code: that of the host.

    Raises:
        LocalError: It cannot run here; the message says why.
    """
    file = settings_file.ensure(asked.root)
    if not os.environ.get(settings_file.TOKEN):
        settings_file.token(file)
    values = settings_file.readable_values(file)
    settings = _checked({**values, **_own_environ()})
    func = None if asked.stand_in else core_tools.find()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(ports.listen(asked.port))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/scim/v2"
        storage = await _start_storage(asked, stack)
        environ = _environ(asked, values, storage)
        key = f"scimkey_make-run_{secrets.token_urlsafe(32)}"
        environ[_LINK_KEY] = f"{key} scopes=tenants.manage"
        if asked.recorded:
            # Before the host starts: Core Tools start again when a folder appears.
            record = _record(asked, url, settings, environ, storage)
            stack.enter_context(run_record.recorded(asked.root, record))
        if func:
            port = listener.getsockname()[1]
            listener.close()
            host = core_tools.running(func, root=asked.root, port=port, environ=environ)
        else:
            host = _stand_in(asked, listener, {**settings_file.values(file), **environ})
        process = await stack.enter_async_context(host)
        if environ.get(_HOST_STORAGE) == storage.connection_string:
            await _make_queue(storage)
        if await _serves(url, process):
            link = await _setup_link(url, key) if asked.recorded else None
            _announce(asked, url, storage, func, link)
        return await _first_end(process, storage)


def _checked(values: Mapping[str, str]) -> Settings:
    """Refuse wrong settings at once; the service itself would answer 503 to everything."""
    try:
        settings = Settings.from_environment(values)
        read_catalogue(settings.schemas or "")
    except SettingsError as error:
        raise LocalError("; ".join(error.problems)) from None
    return settings


async def _start_storage(asked: Options, stack: AsyncExitStack) -> Azurite:
    """Start Azurite; again where somebody has taken its ports since they were looked at."""
    try:
        return await stack.enter_async_context(_storage(asked))
    except LocalError:
        if asked.ephemeral or ports.are_free(azurite.WELL_KNOWN_PORTS.values()):
            raise
    return await stack.enter_async_context(_storage(asked))


def _storage(asked: Options) -> AbstractAsyncContextManager[Azurite]:
    """Azurite, where others look for it if nobody is there; otherwise on free ports."""
    if asked.ephemeral:
        return azurite.running()
    known = azurite.WELL_KNOWN_PORTS
    return azurite.running(
        location=asked.root / ".data" / "azurite",
        ports=known if ports.are_free(known.values()) else azurite.FREE_PORTS,
    )


@asynccontextmanager
async def _stand_in(
    asked: Options, listener: socket.socket, environ: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run the host of this package; it inherits the socket, so nobody takes its port meanwhile."""
    command = [sys.executable, "-m", "local.host", "--root", str(asked.root), "--app", asked.app]
    command += ["--socket", str(listener.fileno())]
    async with children.running(
        command, directory=ROOT, environ=environ, descriptors=[listener.fileno()]
    ) as process:
        listener.close()
        yield process


def _environ(asked: Options, values: Mapping[str, str], storage: Azurite) -> dict[str, str]:
    """Return the environment of the host; what is set in it wins over local.settings.json.

    Where that, or nobody, names the emulator, it is told where the emulator is.
    """
    environ = _own_environ()
    named = {**values, **environ}
    for setting, address in ((_TABLES, "TABLE_ENDPOINT"), (_HOST_STORAGE, _HOST_QUEUES)):
        is_elsewhere = bool(named.get(address))
        is_here = not is_elsewhere and azurite.is_emulator(named.get(setting, ""))
        if asked.ephemeral or is_here:
            environ[setting] = storage.connection_string
    return environ


async def _make_queue(storage: Azurite) -> None:
    """Make the queue of hints, while the host starts: it polls one that is not there yet."""
    from local.host_storage import create_queue  # noqa: PLC0415 - takes as long as the host starts

    await create_queue(storage.connection_string, CHANGE_HINTS)


def _record(
    asked: Options, url: str, settings: Settings, environ: Mapping[str, str], storage: Azurite
) -> RunRecord:
    uses_azurite = environ.get(_TABLES) == storage.connection_string
    return RunRecord(
        pid=os.getpid(),
        tenant_url=url,
        storage=storage.tables if uses_azurite else None,
        is_ephemeral=asked.ephemeral,
        table=settings.table_name,
        tenants=tuple(sorted(settings.development_tokens)),
    )


def _own_environ() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if value}
    own = dict.fromkeys(("SCIM_PORTAL", "SCIM_WEBHOOKS", "SCIM_WEBHOOKS_TO_LOOPBACK"), "on")
    return {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **own} | given


async def _serves(url: str, host: Process) -> bool:
    """Wait until the host serves the app, or is dead; tell whether it serves it.

    Raises:
        LocalError: It does neither within two minutes, or answers without the app.
    """
    dead = asyncio.create_task(host.wait())
    answered = asyncio.create_task(_healthy(f"{url.removesuffix('/scim/v2')}/healthz"))
    try:
        done, _ = await asyncio.wait(
            {dead, answered}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        dead.cancel()
        answered.cancel()
        await asyncio.wait({dead, answered})
    if not done:
        raise LocalError(f"the host does not answer at {url}: see what it says above")
    if dead in done:
        return False
    answered.result()
    return True


async def _healthy(url: str) -> None:
    """Wait until /healthz is answered with 200.

    Raises:
        LocalError: It is answered otherwise for too long. A host that could not import the app
            answers 404 to everything.
    """
    patience: float | None = None
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as client:
        while True:
            status = await _status(client, url)
            if status == 200:
                return
            if status in {None, 503}:  # the host answers 503 while it starts
                patience = None
            elif patience is None:
                patience = time.monotonic() + _LOADING_SECONDS
            elif time.monotonic() > patience:
                raise LocalError(
                    f"the host answers {status} at {url}, so it does not serve the app: "
                    "see what it says above"
                )
            await asyncio.sleep(_PROBE_SECONDS)


async def _status(client: aiohttp.ClientSession, url: str) -> int | None:
    """Return the status of what is answered, None where nobody answers."""
    try:
        async with client.get(url) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _setup_link(url: str, key: str) -> str | None:
    """Make a setup link of the tenant `default`; None where the app makes none."""
    asked = f"{url.removesuffix('/scim/v2')}/api/v1/tenants/default/setup-links"
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15.0)) as client,
            client.post(asked, headers=headers, json={}) as answer,
        ):
            return str((await answer.json())["url"]) if answer.status == 201 else None
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        return None


def _announce(
    asked: Options, url: str, storage: Azurite, func: str | None, link: str | None
) -> None:
    kept = "in memory, gone at the end" if asked.ephemeral else "kept in .data/azurite"
    token = f"the value of {settings_file.TOKEN}"
    host = [] if func else ["Host:       local/ stands in for `func start`"]
    is_where_others_look = storage.ports == azurite.WELL_KNOWN_PORTS
    lines = [
        *host,
        f"Storage:    Azurite, {kept}",
        *([] if is_where_others_look else [f"            {_TABLES}='{storage.tables}'"]),
        f"Tenant URL: {url}",
        f"Token:      {token if os.environ.get(settings_file.TOKEN) else 'make token'}",
        *([] if link is None else [f"Portal:     {link}"]),
        *([] if link is None else ["Staff:      .venv/bin/python -m tools.admin link new --staff"]),
        "Ctrl-C ends it.",
    ]
    print("\n".join(lines), flush=True)


async def _first_end(host: Process, storage: Azurite) -> int:
    """Return the exit code once the host has ended by itself.

    Raises:
        LocalError: Azurite ended first.
    """
    waits = [asyncio.create_task(process.wait()) for process in (host, storage.process)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if host.returncode is None:
        raise LocalError(f"Azurite ended by itself (exit code {storage.process.returncode})")
    return host.returncode if host.returncode >= 0 else 128 - host.returncode
