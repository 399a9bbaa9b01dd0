"""`python -m tools.provision`: provisions a directory into a SCIM 2.0 service as Entra does."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.provision import files
from tools.provision import state as states
from tools.provision.client import Limits, ScimClient
from tools.provision.cycle import Match, Settings
from tools.provision.directory import Directory
from tools.provision.generator import generate
from tools.provision.mapping import COLUMNS
from tools.provision.readback import Verification
from tools.provision.report import ProgressBars, Silence, print_json, print_report
from tools.provision.results import Ledger, ServiceError
from tools.provision.run import Plan, Report, evolutions, provision
from tools.provision.tenant_url import (
    FLAG_PARAMETER,
    UsageError,
    checked_token,
    split_tenant_url,
)
from tools.provision.watch import Watch
from tools.provision.wire import Dialect, ManagerShape

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True)
class Target:
    """The service to provision into, and the file that remembers what it holds."""

    url: str
    token: str
    limits: Limits
    state_file: Path | None


@dataclass(frozen=True, slots=True)
class Generated:
    """A directory to generate, with so many later states."""

    users: int
    groups: int
    seed: int
    increments: int


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command line
    url: Annotated[
        str,
        typer.Option(
            envvar="SCIM_URL",
            help="Tenant URL of the service, as typed into Entra. "
            f"With ?{FLAG_PARAMETER} the dialect is flag.",
        ),
    ],
    token: Annotated[
        str,
        typer.Option(
            envvar="SCIM_TOKEN",
            show_envvar=True,
            help="Secret token. Better in the environment, where no shell history keeps it.",
        ),
    ],
    directory: Annotated[
        Path | None,
        typer.Option(
            help="Directory to provision, .csv or .json; without it, one is generated. "
            f"Columns: {', '.join(COLUMNS)}, active, manager (a userName), groups (names "
            "separated by a semicolon; in JSON a list beside the users). Required: userName.",
            rich_help_panel="Directory",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps what was sent, so that the next run is incremental.",
            rich_help_panel="Directory",
        ),
    ] = None,
    users: Annotated[
        int,
        typer.Option(min=0, help="Users of the generated directory.", rich_help_panel="Directory"),
    ] = 1000,
    groups: Annotated[
        int,
        typer.Option(min=0, help="Groups of the generated directory.", rich_help_panel="Directory"),
    ] = 50,
    seed: Annotated[
        int, typer.Option(help="Seed of the generated directory.", rich_help_panel="Directory")
    ] = 1,
    increments: Annotated[
        int,
        typer.Option(
            min=0,
            help="Later states of the generated directory to synchronise too.",
            rich_help_panel="Directory",
        ),
    ] = 0,
    dialect: Annotated[
        Dialect | None,
        typer.Option(
            help="How PATCH is written. Without it, the URL decides.", rich_help_panel="Requests"
        ),
    ] = None,
    manager: Annotated[
        ManagerShape,
        typer.Option(
            help="How a manager is written: as Entra does, or as the RFC asks.",
            rich_help_panel="Requests",
        ),
    ] = ManagerShape.STRING,
    match: Annotated[
        list[Match] | None,
        typer.Option(
            help="Matching attribute of users; repeat it for a second one.",
            rich_help_panel="Requests",
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Members in one PATCH at most.", rich_help_panel="Requests")
    ] = Settings().batch,
    check_references: Annotated[
        bool,
        typer.Option(
            help="Ask for each manager and member before it is set.", rich_help_panel="Requests"
        ),
    ] = False,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Requests under way at once.", rich_help_panel="Transport")
    ] = 8,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds an attempt may take.", rich_help_panel="Transport"),
    ] = 60.0,
    retries: Annotated[
        int,
        typer.Option(
            min=0,
            help="Repetitions of a request after 429, 503, a lost answer.",
            rich_help_panel="Transport",
        ),
    ] = 5,
    verify: Annotated[
        bool,
        typer.Option(
            help="Read everything back and compare it with the source.", rich_help_panel="Read-back"
        ),
    ] = False,
    user_groups: Annotated[
        bool, typer.Option(help="Expect that a user shows its groups.", rich_help_panel="Read-back")
    ] = True,
    samples: Annotated[
        int,
        typer.Option(
            min=0,
            help="Users that are read again by id and by filter.",
            rich_help_panel="Read-back",
        ),
    ] = 20,
    show: Annotated[
        int, typer.Option(min=0, help="Failures and differences listed.", rich_help_panel="Output")
    ] = 20,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON object instead of the table.", rich_help_panel="Output"
        ),
    ] = False,
) -> None:
    """Provision a directory into a SCIM 2.0 service, as Microsoft Entra ID does.

    Test Connection, users (match, create or update), managers, groups, memberships; with
    --state the next run sends only what has changed since.

    Exit status: 0 when all went well, 1 when an object failed or the read-back found a
    difference, 2 when an option, a file or the connection is wrong.
    """
    try:
        base, asked = split_tenant_url(url)
        target = Target(base, checked_token(token), Limits(concurrency, timeout, retries), state)
        settings = Settings(
            dialect=dialect or asked,
            manager=manager,
            match=tuple(match or [Match.USER_NAME]),
            batch=batch,
            check_references=check_references,
        )
        plan = Plan(
            directories=_directories(directory, Generated(users, groups, seed, increments)),
            settings=settings,
            verification=Verification(samples, user_groups) if verify else None,
        )
        report = _run(target, plan, quiet=as_json)
    except (UsageError, files.DirectoryFileError, states.StateFileError) as error:
        raise _stop(str(error)) from error
    except ServiceError as error:
        raise _stop(f"{base}: {error}") from error
    if as_json:
        print_json(report)
    else:
        print_report(Console(), report, show)
    raise typer.Exit(0 if report.ok else 1)


def _stop(line: str) -> typer.Exit:
    Console(stderr=True).print(f"error: {line}", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(2)


def _directories(file: Path | None, generated: Generated) -> list[Directory]:
    if file is None:
        source = generate(generated.users, generated.groups, generated.seed)
        return evolutions(source, generated.increments, generated.seed)
    if generated.increments:
        raise UsageError("--increments goes with a generated directory, not with a file")
    return [files.load(file)]


def _run(target: Target, plan: Plan, *, quiet: bool) -> Report:
    known = states.State(target.url)
    if target.state_file is not None:
        known = states.load(target.state_file, target.url)
    with contextlib.ExitStack() as stack:
        watch: Watch = (
            Silence() if quiet else stack.enter_context(ProgressBars(Console(stderr=True)))
        )
        return asyncio.run(_connect(target, plan, known, watch))


async def _connect(target: Target, plan: Plan, known: states.State, watch: Watch) -> Report:
    async with ScimClient(target.url, target.token, Ledger(), target.limits) as client:
        try:
            return await provision(client, plan, known, watch)
        finally:
            # Also after Ctrl-C: what was sent is not sent again.
            if target.state_file is not None:
                states.save(target.state_file, known)


if __name__ == "__main__":
    app(prog_name="python -m tools.provision")
