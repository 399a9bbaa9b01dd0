"""One run of the service on this machine: storage, then the host, until it is told to end."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from local import azurite, children, settings_file
from local.errors import LocalError
from shared.schema_files import read_catalogue
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping

    from local.azurite import Azurite

ROOT = Path(__file__).resolve().parent.parent
PORT = 7071
_START_SECONDS = 120.0
_PROBE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for.

    Attributes:
        root: Folder of the app, host.json and local.settings.json.
        app: Module that holds the FunctionApp; the real host knows `function_app` alone.
        stand_in: Whether to use the stand-in host even when Core Tools are there.
        port: Where the service listens; 0 for a free port.
        ephemeral: Whether storage is in memory and on free ports.
    """

    root: Path
    app: str
    stand_in: bool
    port: int
    ephemeral: bool


def options(root: Path, app: str, environ: Mapping[str, str], *, stand_in: bool) -> Options:
    """Options as the environment (PORT, EPHEMERAL) completes them.

    Raises:
        LocalError: PORT or EPHEMERAL cannot be understood.
    """
    ephemeral = _flag(environ.get("EPHEMERAL", ""))
    port = environ.get("PORT") or ("0" if ephemeral else str(PORT))
    if not port.isdecimal() or int(port) > 65535:
        raise LocalError(f'PORT must be a number up to 65535, not "{port}"')
    return Options(root.resolve(), app, stand_in, int(port), ephemeral)


def _flag(text: str) -> bool:
    if text.lower() not in {"", "0", "1", "false", "true"}:
        raise LocalError(f'EPHEMERAL must be 1 or 0, not "{text}"')
    return text.lower() in {"1", "true"}


async def run(asked: Options) -> int:
    """Run the service until it ends by itself or the task is cancelled.

    Returns:
        The exit code: that of the host.

    Raises:
        LocalError: It cannot run here; the message says why.
    """
    settings = settings_file.ensure(asked.root)
    if not os.environ.get(settings_file.TOKEN):
        settings_file.token(settings)
    _check_settings(settings_file.readable_values(settings))
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(asked.port))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/scim/v2"
        storage = await stack.enter_async_context(_storage(asked))
        core_tools = None if asked.stand_in else shutil.which("func")
        if core_tools:
            host = _core_tools(core_tools, asked, listener, storage)
        else:
            host = _stand_in(asked, listener, settings_file.values(settings), storage)
        process = await stack.enter_async_context(host)
        if await _answers(url, process):
            _announce(asked, url, core_tools)
        return await _first_end(process, storage)


def _check_settings(values: Mapping[str, str]) -> None:
    """Refuse wrong settings at once; the service itself would answer 503 to everything."""
    try:
        settings = Settings.from_environment({**values, **_own_environ()})
        read_catalogue(settings.schemas or "")
    except SettingsError as error:
        raise LocalError("; ".join(error.problems)) from None


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        raise LocalError(
            f"port {port} cannot be used ({error.strerror}): stop what listens there, "
            "or choose another one with PORT=..."
        ) from None


def _storage(asked: Options) -> AbstractAsyncContextManager[Azurite]:
    if asked.ephemeral:
        return azurite.running()
    return azurite.running(
        location=asked.root / ".data" / "azurite", ports=azurite.WELL_KNOWN_PORTS
    )


@asynccontextmanager
async def _core_tools(
    func: str, asked: Options, listener: socket.socket, storage: Azurite
) -> AsyncIterator[Process]:
    """`func start`, which reads local.settings.json itself, with the Python of this environment."""
    port = listener.getsockname()[1]
    listener.close()
    environ = {
        **_environ(asked, storage),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": sys.prefix,
    }
    command = [func, "start", "--port", str(port)]
    async with children.running(command, directory=asked.root, environ=environ) as process:
        yield process


@asynccontextmanager
async def _stand_in(
    asked: Options, listener: socket.socket, values: Mapping[str, str], storage: Azurite
) -> AsyncIterator[Process]:
    """Run the host of this package; it inherits the socket, so nobody takes its port meanwhile."""
    environ = {**values, **_environ(asked, storage)}
    command = [sys.executable, "-m", "local.host", "--root", str(asked.root), "--app", asked.app]
    command += ["--socket", str(listener.fileno())]
    if not asked.ephemeral:
        command += ["--timers", str(asked.root / ".data" / "timers")]
    async with children.running(
        command, directory=ROOT, environ=environ, descriptors=[listener.fileno()]
    ) as process:
        listener.close()
        yield process


def _environ(asked: Options, storage: Azurite) -> dict[str, str]:
    """Return the environment of the host; what is set in it wins over local.settings.json."""
    environ = _own_environ()
    if asked.ephemeral:
        environ["AzureWebJobsStorage"] = storage.connection_string
        environ["TABLE_CONNECTION_STRING"] = storage.connection_string
    return environ


def _own_environ() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if value}
    return {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"} | given


async def _answers(url: str, host: Process) -> bool:
    """Wait until the host answers, or is dead; tell whether it answers.

    Raises:
        LocalError: It does neither within two minutes.
    """
    dead = asyncio.create_task(host.wait())
    answered = asyncio.create_task(_first_answer(f"{url.removesuffix('/scim/v2')}/healthz"))
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
    return answered in done and dead not in done


async def _first_answer(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as client:
        while True:
            try:
                async with client.get(url) as answer:
                    # The host answers 503 until it has loaded the functions.
                    if answer.status != 503:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_PROBE_SECONDS)


def _announce(asked: Options, url: str, core_tools: str | None) -> None:
    kept = "in memory, gone at the end" if asked.ephemeral else "kept in .data/azurite"
    token = f"the value of {settings_file.TOKEN}"
    lines = [
        f"Storage:    Azurite, {kept}",
        f"Tenant URL: {url}",
        f"Token:      {token if os.environ.get(settings_file.TOKEN) else 'make token'}",
        "Ctrl-C ends it.",
    ]
    if core_tools is None:
        lines.insert(0, "Host:       local/ stands in for `func start`")
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
