"""`python -m tools.provision`: provisions a directory into a SCIM 2.0 service as Entra does."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.command_line import App
from tools.provision import files
from tools.provision import state as states
from tools.provision.client import Limits
from tools.provision.cycle import Match, Settings
from tools.provision.directory import Directory
from tools.provision.generator import generate
from tools.provision.mapping import COLUMNS
from tools.provision.options import (
    LIMITS,
    OUTPUT,
    Concurrency,
    Retries,
    Show,
    Target,
    Timeout,
    Token,
    Url,
    stop,
    watching,
)
from tools.provision.readback import Verification
from tools.provision.report import print_json, print_report
from tools.provision.results import ServiceError
from tools.provision.run import Plan, Report, evolutions, provision
from tools.provision.tenant_url import UsageError
from tools.provision.watch import Watch
from tools.provision.wire import Dialect, ManagerShape

app = App()


@dataclass(frozen=True, slots=True)
class Generated:
    """A directory to generate, with so many later states."""

    users: int
    groups: int
    seed: int
    increments: int
    nested: bool


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command line
    url: Url,
    token: Token,
    directory: Annotated[
        Path | None,
        typer.Option(
            help="Directory to provision, .csv or .json; without it, one is generated. "
            f"Columns: {', '.join(COLUMNS)}, active, manager (a userName), groups (names "
            "separated by a semicolon; in JSON a list beside the users). Required: userName. "
            "A .csv is separated by commas, semicolons or tabs, as its header is.",
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
    nested: Annotated[
        bool,
        typer.Option(
            "--nested",
            help="Put the groups of the generated directory into groups, three levels high. Entra "
            "sends no such members; other clients do.",
            rich_help_panel="Directory",
        ),
    ] = False,
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
    concurrency: Concurrency = LIMITS.connections,
    timeout: Timeout = LIMITS.timeout,
    retries: Retries = LIMITS.retries,
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
    show: Show = 20,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON object instead of the table.", rich_help_panel=OUTPUT
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
        target = Target.of(url, token, Limits(concurrency, timeout, retries))
        settings = Settings(
            dialect=dialect or target.dialect,
            manager=manager,
            match=tuple(match or [Match.USER_NAME]),
            batch=batch,
            check_references=check_references,
        )
        plan = Plan(
            directories=_directories(directory, Generated(users, groups, seed, increments, nested)),
            settings=settings,
            verification=Verification(samples, user_groups) if verify else None,
        )
        known = states.load(state, target.url) if state else states.State(target.url)
        with watching(quiet=as_json) as watch:
            report = asyncio.run(_connect(target, plan, known, state, watch))
    except (UsageError, files.DirectoryFileError, states.StateFileError) as error:
        raise stop(str(error)) from error
    except ServiceError as error:
        raise stop(f"{target.url}: {error}") from error
    if as_json:
        print_json(report)
    else:
        print_report(Console(), report, show)
    raise typer.Exit(0 if report.ok else 1)


def _directories(file: Path | None, generated: Generated) -> list[Directory]:
    if file is None:
        source = generate(
            generated.users, generated.groups, generated.seed, nested=generated.nested
        )
        return evolutions(source, generated.increments, generated.seed)
    given = {"--increments": generated.increments, "--nested": generated.nested}
    for option in (name for name, value in given.items() if value):
        raise UsageError(f"{option} goes with a generated directory, not with a file")
    return [files.load(file)]


async def _connect(
    target: Target, plan: Plan, known: states.State, state_file: Path | None, watch: Watch
) -> Report:
    async with target.client(watch.say) as client:
        try:
            return await provision(client, plan, known, watch)
        finally:
            # Also after Ctrl-C: what was sent is not sent again.
            if state_file is not None:
                states.save(state_file, known)


if __name__ == "__main__":
    app.run("python -m tools.provision")
