"""`python -m tools.adopt`: makes accounts that exist already known to a SCIM 2.0 service."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.adopt.accounts import Entry, load
from tools.adopt.adoption import Adopted, Plan, adopt
from tools.adopt.report import is_complete, print_json, print_report
from tools.provision import cycle
from tools.provision.client import Limits, ScimClient
from tools.provision.cycle import Match
from tools.provision.files import DirectoryFileError
from tools.provision.mapping import COLUMNS
from tools.provision.report import ProgressBars, Silence
from tools.provision.results import Ledger, ServiceError
from tools.provision.tenant_url import UsageError, checked_token, split_tenant_url
from tools.provision.watch import Watch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command line
    file: Annotated[
        Path,
        typer.Argument(
            help="The accounts: .csv with a header, or .ndjson (.jsonl) with an object a line. "
            f"Columns: {', '.join(COLUMNS)}, active. Required: userName. The id becomes the "
            "externalId. The columns manager and groups are left to the identity provider."
        ),
    ],
    url: Annotated[
        str,
        typer.Option(envvar="SCIM_URL", show_envvar=True, help="Tenant URL of the service."),
    ],
    token: Annotated[
        str,
        typer.Option(
            envvar="SCIM_TOKEN",
            show_envvar=True,
            help="Secret token. Better in the environment, where no shell history keeps it.",
        ),
    ],
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
            help="Repetitions of a request after 429 or 503 (as Retry-After says), or a lost answer"
            " unless it may have created an account.",
            rich_help_panel="Transport",
        ),
    ] = 5,
    show: Annotated[
        int,
        typer.Option(min=0, help="Lines listed of each kind.", rich_help_panel="Output"),
    ] = 20,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object with every line of the file: its outcome, the id that the "
            "service gave, the reason, the differences.",
            rich_help_panel="Output",
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
    base = url
    try:
        base, _ = split_tenant_url(url)
        target = (base, checked_token(token), Limits(concurrency, timeout, retries))
        adopted = _run(target, load(file), plan, quiet=as_json)
    except (UsageError, DirectoryFileError) as error:
        raise _stop(str(error), 2) from error
    except ServiceError as error:
        raise _stop(f"{base}: {error}", 2) from error
    except KeyboardInterrupt as error:
        raise _stop("interrupted; run it again to go on", 130) from error
    if as_json:
        print_json(adopted, applied=applies)
    else:
        print_report(Console(), adopted, show, applied=applies)
    raise typer.Exit(0 if is_complete(adopted) else 1)


def _stop(line: str, status: int) -> typer.Exit:
    Console(stderr=True).print(f"error: {line}", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(status)


def _run(
    target: tuple[str, str, Limits], entries: list[Entry], plan: Plan, *, quiet: bool
) -> list[Adopted]:
    with contextlib.ExitStack() as stack:
        watch: Watch = (
            Silence() if quiet else stack.enter_context(ProgressBars(Console(stderr=True)))
        )
        return asyncio.run(_connect(target, entries, plan, watch))


async def _connect(
    target: tuple[str, str, Limits], entries: list[Entry], plan: Plan, watch: Watch
) -> list[Adopted]:
    url, token, limits = target
    async with ScimClient(url, token, Ledger(), limits) as client:
        await cycle.check_connection(client, cycle.Settings())
        return await adopt(client, entries, plan, watch)


if __name__ == "__main__":
    app(prog_name="python -m tools.adopt")
