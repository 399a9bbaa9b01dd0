"""Azurite, the emulator of Azure Storage, as a child process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local import children
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
FREE_PORTS = {"blob": 0, "queue": 0, "table": 0}
WELL_KNOWN_PORTS = {"blob": 10000, "queue": 10001, "table": 10002}
"""Where `UseDevelopmentStorage=true` looks for the services."""

_EMULATOR = "UseDevelopmentStorage=true"
_ACCOUNT = "devstoreaccount1"
# Published by Microsoft, the same in every emulator: it protects nothing.
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_LISTENING = re.compile(rb"Azurite (\w+) service is successfully listening at \S+:(\d+)")
_START_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = "60"
"""Longer than clients keep an idle connection (15 s), or they meet one that was just closed."""
_OLDEST_NODE, _WANTED_NODE = 20, 22


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running Azurite.

    Attributes:
        process: The process, started in a group of its own.
        ports: Port on 127.0.0.1 of each service: "blob", "queue" and "table".
    """

    process: Process
    ports: Mapping[str, int]

    @property
    def connection_string(self) -> str:
        """What the Azure SDKs and the Functions host take to reach it."""
        return _connection_string(self.ports)

    @property
    def tables(self) -> str:
        """Return what the service and its tools take to reach the tables, as short as can be."""
        endpoint = f"http://127.0.0.1:{self.ports['table']}/{_ACCOUNT}"
        return f"UseDevelopmentStorage=true;TableEndpoint={endpoint}"


def is_emulator(connection_string: str) -> bool:
    """Tell whether a connection string means the emulator, as one that is empty does."""
    return connection_string.strip().rstrip(";").lower() in {"", _EMULATOR.lower()}


def expanded(connection_string: str) -> str:
    """Return a connection string that every SDK takes: some do not know the one word."""
    return (
        _connection_string(WELL_KNOWN_PORTS)
        if is_emulator(connection_string)
        else (connection_string)
    )


def _connection_string(ports: Mapping[str, int]) -> str:
    endpoints = (
        f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/{_ACCOUNT};"
        for service, port in ports.items()
    )
    account = f"AccountName={_ACCOUNT};AccountKey={_ACCOUNT_KEY};"
    return f"DefaultEndpointsProtocol=http;{account}{''.join(endpoints)}"


@asynccontextmanager
async def running(
    *, location: Path | None = None, ports: Mapping[str, int] = FREE_PORTS
) -> AsyncIterator[Azurite]:
    """Run Azurite until the block ends.

    Args:
        location: Folder that keeps the data; without one they are in memory.
        ports: Port of each service, 0 for a free one.

    Raises:
        LocalError: Node or Azurite is missing, a port is busy, another one keeps its data in that
            folder, or Azurite does not start.
    """
    _refuse_busy(ports)
    command = [await _node(), *_arguments(ports, location)]
    with _lock(location) as descriptors:
        started = children.running(
            command, directory=ROOT, environ=os.environ, capture=True, descriptors=descriptors
        )
        async with started as process:
            listening = await _listening(process, len(ports))
            reading = asyncio.create_task(_read_on(process))
            try:
                yield Azurite(process, listening)
            finally:
                reading.cancel()


@contextmanager
def _lock(location: Path | None) -> Iterator[list[int]]:
    """Hold the lock of a folder; Azurite inherits the descriptor, so the lock is its own too.

    Raises:
        LocalError: Another Azurite holds it; two in one folder would destroy each other's data.
    """
    if location is None:
        yield []
        return
    with (location / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"another run of the service keeps its data in {location}: stop it, "
                "or run with EPHEMERAL=1, which keeps nothing"
            ) from None
        yield [file.fileno()]


def _arguments(ports: Mapping[str, int], location: Path | None) -> list[str]:
    script = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if not script.exists():
        raise LocalError("Azurite is not installed: run `make azurite`")
    arguments = ["--require", str(ROOT / "local" / "leash.cjs"), str(script)]
    for service, port in ports.items():
        arguments += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        arguments += [f"--{service}KeepAliveTimeout", _KEEP_ALIVE_SECONDS]
    arguments += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    if location is None:
        return [*arguments, "--inMemoryPersistence"]
    location.mkdir(parents=True, exist_ok=True)
    return [*arguments, "--location", str(location)]


def _refuse_busy(ports: Mapping[str, int]) -> None:
    for service, port in ports.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise LocalError(
                f"port {port} of the {service} storage is busy (an Azurite that runs already?): "
                "stop what listens there"
            ) from None


async def _node() -> str:
    """Return the path of node, once its version is known to do."""
    node = shutil.which("node")
    if node is None:
        raise LocalError(f"node is missing: install Node.js {_WANTED_NODE} or newer for Azurite")
    asked = await asyncio.create_subprocess_exec(
        node, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    )
    version = (await asked.communicate())[0].decode().strip()
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < _OLDEST_NODE:
        raise LocalError(
            f"node is {version or 'not working'}: Azurite wants Node.js {_WANTED_NODE} or newer"
        )
    return node


async def _listening(process: Process, count: int) -> dict[str, int]:
    """Return the port of each service, once all of them listen."""
    ports: dict[str, int] = {}
    last = b""
    try:
        async with asyncio.timeout(_START_SECONDS):
            while len(ports) < count and (line := await _line(process)):
                last = line.strip() or last
                if found := _LISTENING.search(line):
                    ports[found[1].decode().lower()] = int(found[2])
    except TimeoutError:
        raise LocalError(f"Azurite did not start within {_START_SECONDS:.0f} seconds") from None
    if len(ports) < count:
        raise LocalError(f"Azurite did not start: {last.decode(errors='replace')}")
    return ports


async def _read_on(process: Process) -> None:
    """Read what Azurite still says, so that it never waits for a reader."""
    while await _line(process):
        pass


async def _line(process: Process) -> bytes:
    return await process.stdout.readline() if process.stdout else b""
