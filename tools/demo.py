"""`python -m tools.demo`: starts the service, provisions a directory as Entra does, compares.

The service runs as a child with storage in memory and a token of its own. What it answers is
compared with the source after an initial and two incremental cycles: a restored user must have
been disabled by an earlier one.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from tools.command_line import App
from tools.provision.client import ScimClient
from tools.provision.cycle import Settings
from tools.provision.generator import generate
from tools.provision.readback import Verification
from tools.provision.report import ProgressBars, print_report
from tools.provision.results import Ledger, ServiceError
from tools.provision.run import Plan, Report, evolutions, provision
from tools.provision.state import State
from tools.provision.wire import Dialect

ROOT: Final = Path(__file__).resolve().parents[1]
# Leashed, the service ends with this process, even when that is killed.
_AT_FULL_SPEED: Final = {"SCIM_REQUESTS_PER_SECOND": "10000"}
COMMAND: Final = (sys.executable, "-m", "local", "--leash")
ANNOUNCEMENT: Final = "Tenant URL: "
STORAGE: Final = "TABLE_CONNECTION_STRING="
TOKEN_FILE: Final = ROOT / ".data" / "demo-token"
INCREMENTS: Final = 2
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0

app = App()


class StartError(Exception):
    """The service did not start; the text holds what it said last."""


class Service:
    """The service as a child process.

    Attributes:
        process: the child.
        tenant_url: where it answers, once it has said so.
        storage: the variable by which `tools.admin` finds its storage.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.tenant_url = ""
        self.storage = ""
        self._said: deque[str] = deque(maxlen=20)
        self._draining: asyncio.Task[None] | None = None

    async def announced(self) -> None:
        """Wait for the line that names the Tenant URL, then read on without looking.

        Raises:
            StartError: when the output ends without it, or START_SECONDS pass.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                self.tenant_url = await self._announcement()
        except TimeoutError as error:
            raise self._not_started(f"it said nothing for {START_SECONDS:g} s") from error
        self._draining = asyncio.create_task(self._drain())

    async def stop(self) -> None:
        """Ask the child to end, and end it when it does not."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._draining is not None:
            self._draining.cancel()

    async def _announcement(self) -> str:
        async for line in self._lines():
            if line.strip().startswith(STORAGE):
                self.storage = line.strip()
            if line.startswith(ANNOUNCEMENT):
                return line.removeprefix(ANNOUNCEMENT).strip()
        raise self._not_started("it ended")

    def _not_started(self, why: str) -> StartError:
        said = "".join(f"\n  {line}" for line in self._said)
        return StartError(f"the service did not start: {why}{said}")

    async def _drain(self) -> None:
        """Read on: a full pipe would hold up the service."""
        async for _ in self._lines():
            pass

    async def _lines(self) -> AsyncIterator[str]:
        while self.process.stdout and (line := await self.process.stdout.readline()):
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            yield text


@contextlib.asynccontextmanager
async def running(command: Sequence[str], token: str) -> AsyncIterator[Service]:
    """Start the service in memory, wait until it answers, and stop it at the end.

    Args:
        command: what to start in the root of the repository.
        token: the secret token that it shall accept.

    Raises:
        StartError: when it does not answer; the text holds what it said last.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **_AT_FULL_SPEED, "EPHEMERAL": "1", "SCIM_SECRET_TOKEN": token},
        stdin=asyncio.subprocess.PIPE,  # nobody writes to it; it ends with this process
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**20,  # bytes of one line of its log
        # Ctrl-C in the terminal reaches this process alone, which then stops the child once.
        start_new_session=True,
    )
    service = Service(process)
    try:
        await service.announced()
        yield service
    finally:
        await service.stop()


async def demonstrate(plan: Plan, token: str, console: Console, *, keep: bool) -> Report:
    """Start the service, carry out the plan, print the report, and stop the service again.

    Raises:
        StartError: when the service does not start.
        ServiceError: when it does not answer as SCIM.
    """
    _end_by_signal()
    console.print("Starting the service with its storage in memory ...")
    async with running(COMMAND, token) as service:
        console.print(f"{ANNOUNCEMENT}{service.tenant_url}", highlight=False)
        with ProgressBars(console) as bars:
            async with ScimClient(service.tenant_url, token, Ledger()) as client:
                client.say = bars.say
                report = await provision(client, plan, State(service.tenant_url), bars)
        print_report(console, report, show=20)
        if keep:
            await _hold(service, token, console)
    return report


def _end_by_signal() -> None:
    """Let SIGTERM and SIGHUP end the demonstration as Ctrl-C does, with the child stopped."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)


async def _hold(service: Service, token: str, console: Console) -> None:
    """Leave the service running until Ctrl-C; its token lies in a file of the user alone."""
    TOKEN_FILE.parent.mkdir(exist_ok=True)
    TOKEN_FILE.touch(0o600)
    TOKEN_FILE.chmod(0o600)
    TOKEN_FILE.write_text(token, encoding="ascii")
    console.print(
        f"The service stays at {service.tenant_url} until Ctrl-C; its token: cat {TOKEN_FILE}\n"
        f"Its storage, for tools.admin: {service.storage}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    try:
        await service.process.wait()
    finally:
        TOKEN_FILE.unlink(missing_ok=True)


@app.command()
def main(
    users: Annotated[int, typer.Option(min=0, help="Users of the directory.")] = 1000,
    groups: Annotated[int, typer.Option(min=0, help="Groups; the first has all users.")] = 50,
    seed: Annotated[int, typer.Option(help="Decides everything that is generated.")] = 1,
    dialect: Annotated[Dialect, typer.Option(help="How PATCH is written.")] = Dialect.LEGACY,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the service running.")] = False,
) -> None:
    """Provision a generated directory into the service as Microsoft Entra ID does, and compare.

    Exit status: 0 when the service holds exactly what the source says, 1 when an object failed
    or anything differs, 2 when the service does not start.
    """
    plan = Plan(
        directories=evolutions(generate(users, groups, seed), INCREMENTS, seed),
        settings=Settings(dialect=dialect),
        verification=Verification(),
    )
    console = Console()
    token = secrets.token_urlsafe(32)
    try:
        report = asyncio.run(demonstrate(plan, token, console, keep=keep))
    except (StartError, ServiceError) as error:
        console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(130) from error
    raise typer.Exit(0 if report.ok else 1)


if __name__ == "__main__":
    app.run("python -m tools.demo")
