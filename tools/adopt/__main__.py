"""`python -m tools.adopt`: makes accounts that exist already known to a SCIM 2.0 service."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.adopt.accounts import Entry, load
from tools.adopt.adoption import Adopted, Plan, adopt
from tools.adopt.report import is_complete, print_json, print_report
from tools.command_line import App
from tools.provision import cycle
from tools.provision.client import Limits
from tools.provision.cycle import Match
from tools.provision.files import DirectoryFileError
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
from tools.provision.results import ServiceError
from tools.provision.tenant_url import UsageError
from tools.provision.watch import Watch

app = App()


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command line
    file: Annotated[
        Path,
        typer.Argument(
            help="The accounts: .csv with a header, or .ndjson (.jsonl) with an object a line. "
            f"Columns: {', '.join(COLUMNS)}, active. Required: userName. The id becomes the "
            "externalId. The columns manager and groups are left to the identity provider. "
            "A .csv is separated by commas, semicolons or tabs, as its header is."
        ),
    ],
    url: Url,
    token: Token,
    applies: Annotated[
        bool,
        typer.Option(
            "--apply/--dry-run",
            help="Write to the service, or look everything up and only say what would be written.",
        ),
    ] = False,
    match: Annotated[
        list[Match] | None,
        typer.Option(
            metavar="ATTRIBUTE",
            help="Besides userName, what shows that an account is there already: externalId or "
            "email; repeat it for both, which is the default. `--match userName` is the name "
            "alone. Accounts of the file must not share what is matched.",
        ),
    ] = None,
    fill_external_id: Annotated[
        bool,
        typer.Option(
            "--fill-external-id",
            help="Give accounts that are there without an externalId that of the file. Nothing "
            "else of them is ever changed.",
        ),
    ] = False,
    concurrency: Concurrency = LIMITS.connections,
    timeout: Timeout = LIMITS.timeout,
    retries: Retries = LIMITS.retries,
    show: Show = 20,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object with every line of the file: its outcome, the id that the "
            "service gave, the reason, the differences.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
) -> None:
    """Make accounts that exist already known to a SCIM service, before it is connected.

    An identity provider looks for each person and creates who is not found. So that it finds the
    accounts that your product has, they are put into the service first. Each account of the file
    is looked for by userName, then by externalId and e-mail; who is missing is created, inactive
    ones inactive; who is there is left alone. Without --apply nothing is written.

    It can be run again at any time, and goes on where it ended.

    Exit status: 0 when every line of the file is an account of the service (or would be), 1 when a
    line was skipped or failed, 2 when an option, the file or the connection is wrong, 130 after
    Ctrl-C.
    """
    wanted = [Match.EXTERNAL_ID, Match.EMAIL] if match is None else match
    plan = Plan(tuple(dict.fromkeys([Match.USER_NAME, *wanted])), applies, fill_external_id)
    try:
        target = Target.of(url, token, Limits(concurrency, timeout, retries))
        entries = load(file)
        with watching(quiet=as_json) as watch:
            adopted = asyncio.run(_connect(target, entries, plan, watch))
    except (UsageError, DirectoryFileError) as error:
        raise stop(str(error)) from error
    except ServiceError as error:
        raise stop(f"{target.url}: {error}") from error
    except KeyboardInterrupt as error:
        raise stop("interrupted; run it again to go on", 130) from error
    if as_json:
        print_json(adopted, applied=applies)
    else:
        print_report(Console(), adopted, show, applied=applies)
    raise typer.Exit(0 if is_complete(adopted) else 1)


async def _connect(target: Target, entries: list[Entry], plan: Plan, watch: Watch) -> list[Adopted]:
    async with target.client(watch.say) as client:
        await cycle.check_connection(client, cycle.Settings())
        return await adopt(client, entries, plan, watch)


if __name__ == "__main__":
    app.run("python -m tools.adopt")
