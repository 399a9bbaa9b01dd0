"""`python -m tools.reconcile`: compares a product's accounts with the directory of a tenant."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tools.command_line import App
from tools.provision.client import Limits
from tools.provision.files import DirectoryFileError, RowError
from tools.provision.options import (
    LIMITS,
    OUTPUT,
    Retries,
    Show,
    Target,
    Timeout,
    Url,
    stop,
    watching,
)
from tools.provision.results import ServiceError
from tools.provision.tenant_url import UsageError
from tools.provision.watch import Watch
from tools.reconcile.attributes import Match, chosen_comparison, chosen_match, requested
from tools.reconcile.comparison import Comparison
from tools.reconcile.directory import walk_users
from tools.reconcile.export import Columns, read_accounts
from tools.reconcile.report import Format, print_report

app = App()

_COLUMNS = "Columns"


@app.command()
def main(  # noqa: PLR0913, PLR0917 - each parameter is an option of the command line
    file: Annotated[
        Path,
        typer.Argument(
            help="The export of the product: CSV in UTF-8 with a header, separated by commas, "
            "semicolons or tabs, as its header is. Columns that no option names are passed over."
        ),
    ],
    url: Url,
    api_key: Annotated[
        str,
        typer.Option(
            envvar="SCIM_API_KEY",
            show_envvar=True,
            help="API key with the scope identities.read. Better in the environment, where no "
            "shell history keeps it.",
        ),
    ],
    match: Annotated[
        str,
        typer.Option(
            metavar="ATTRIBUTE[=COLUMN]",
            help="What an account and a user of the directory have in common: userName, "
            "externalId, id (of SCIM) or email (any address), and the column that has it.",
            rich_help_panel=_COLUMNS,
        ),
    ] = Match.USER_NAME.value,
    active: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column that says whether an account may sign in: true or false, yes or no, "
            "1 or 0; empty means yes. Without it all accounts are taken as active.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ATTRIBUTE[=COLUMN]",
            help="What else is to be the same: as displayName, email or department, as the columns "
            "of tools.adopt are named, or roles (of the role map, separated by semicolons); "
            "repeat it for several.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    ignores_inactive: Annotated[
        bool,
        typer.Option(
            "--ignore-inactive",
            help="Say nothing of who is only in one of the two and is inactive there.",
        ),
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", help="How the report is written.", rich_help_panel=OUTPUT)
    ] = Format.TEXT,
    show: Show = 20,
    timeout: Timeout = LIMITS.timeout,
    retries: Retries = LIMITS.retries,
) -> None:
    """Compare the accounts of a product with the users of a tenant's directory.

    It tells, the most dangerous first: who is active in the product and disabled in the directory;
    who is only in the product, so that the directory does not know them (any more); who is only in
    the directory; who is inactive in the product and active in the directory; whose attributes
    differ. Nothing is written to either.

    Who changes while it runs may be told as they were before. Run it again before you act.

    Exit status: 0 when both are equal, 1 when there are differences, 2 when they could not be
    compared (an option, the file, the connection), 130 after Ctrl-C.
    """
    try:
        target = Target.of(url, api_key, Limits(1, timeout, retries))
        attribute, key = chosen_match(match)
        compared = tuple(chosen_comparison(each) for each in compare or ())
        columns = Columns(key, active, tuple(each.column for each in compared))
        with (
            Comparison.open(attribute, compared, ignores_inactive=ignores_inactive) as comparison,
            watching(quiet=form is not Format.TEXT) as watch,
        ):
            _add_accounts(comparison, file, columns)
            read = requested(attribute, compared)
            asyncio.run(_add_users(comparison, target, read, watch))
            comparison.finish()
            is_equal = not comparison.counts
            print_report(comparison, form, show)
    except (UsageError, DirectoryFileError) as error:
        raise stop(str(error)) from error
    except ServiceError as error:
        raise stop(f"{target.url}: {error}") from error
    except KeyboardInterrupt as error:
        raise stop("interrupted; nothing was compared", 130) from error
    raise typer.Exit(0 if is_equal else 1)


def _add_accounts(comparison: Comparison, file: Path, columns: Columns) -> None:
    try:
        comparison.add_accounts(read_accounts(file, columns))
    except OSError as error:
        raise DirectoryFileError(f"{file}: {error.strerror}") from error
    except RowError as error:
        raise DirectoryFileError(f"{file}: {error}") from error


async def _add_users(
    comparison: Comparison, target: Target, attributes: Sequence[str], watch: Watch
) -> None:
    async with target.client(watch.say) as client:
        with watch.stage("users", None) as advance:
            async for users in walk_users(client, attributes):
                comparison.add_users(users)
                for _ in users:
                    advance()


if __name__ == "__main__":
    app.run("python -m tools.reconcile")
