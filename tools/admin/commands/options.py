"""Options that several commands have, and how a command is run."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from shared import tenants
from tools.admin.changes import DAY, HOUR
from tools.admin.places import Given, Kept, Place, find
from tools.command_line import say

EXIT_STATUS = """Exit status: 0 done; 1 nothing was done, because what was asked for is not there,
would do harm, or was not confirmed; 2 an option or a setting is wrong; 3 the vault or the storage
did not let you in, did not answer, or knows no such table or tenant; 70 the tool itself failed; 130
ended by Ctrl-C."""

_PLACE = "Where"
_OUTPUT = "Output"
_T = TypeVar("_T")


def tenant_name(text: str) -> str:
    """Check the name of a tenant before anything is asked about it.

    Raises:
        BadParameter: no tenant can have it.
    """
    name = tenants.DEFAULT if text.lower() == tenants.DEFAULT else tenants.of_path(text)
    if name is None:
        raise typer.BadParameter(
            "no tenant can have that name: up to 40 of a-z, 0-9 and single dashes between them"
        )
    return name


_LENGTHS = {"s": 1_000, "m": 60_000, "h": HOUR, "d": DAY}


def _moment(text: str) -> datetime:
    """Read a date or a time; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time: put one like 2027-01-31 or 2027-01-31T08:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def milliseconds_of(text: str, now: int) -> int:
    """Read `15m`, or a time, as POSIX milliseconds; `now` is what a length counts back from.

    Raises:
        BadParameter: it is neither.
    """
    length = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if length is not None:
        return max(0, now - int(length[1]) * _LENGTHS[length[2]])
    try:
        return int(_moment(text).timestamp() * 1000)
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{text!r}: put a length like 90s, 15m, 2h, 7d or a time like 2027-01-31T08:00:00Z"
        ) from None


Tenant = Annotated[
    str,
    typer.Option(
        callback=tenant_name,
        help="The tenant: `default`, or the name in its Tenant URL, `.../tenants/acme/scim/v2`.",
    ),
]
Vault = Annotated[
    str | None,
    typer.Option(
        envvar="KEY_VAULT_URL",
        show_envvar=True,
        metavar="URL",
        help="The vault that holds the tokens, as `https://contoso.vault.azure.net`.",
        rich_help_panel=_PLACE,
    ),
]
StorageEndpoint = Annotated[
    str | None,
    typer.Option(
        "--storage",
        envvar="TABLE_ENDPOINT",
        show_envvar=True,
        metavar="URL",
        help="The Table service, as `https://contoso.table.core.windows.net`.",
        rich_help_panel=_PLACE,
    ),
]
TableName = Annotated[
    str | None,
    typer.Option(
        "--table",
        envvar="TABLE_NAME",
        show_envvar=True,
        metavar="NAME",
        help="The table; `scim` when nothing is given.",
        rich_help_panel=_PLACE,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Write JSON instead of a table.", rich_help_panel=_OUTPUT),
]
Moment = Annotated[
    datetime | None,
    typer.Option(
        "--not-before",
        parser=_moment,
        metavar="TIME",
        help="When the token begins to be valid, as 2027-01-31 or 2027-01-31T08:00:00Z (UTC"
        " without a zone); now when not given.",
    ),
]


Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before --all.")]


def lifetime_option(what: str, *names: str) -> Any:
    """Make the option that says for how many days a version of something is valid."""
    return typer.Option(*names, min=1, max=3_650, help=f"For how many days {what} is valid.")


def close_all(consequence: str) -> Any:
    """Make the option that disables every version of a secret."""
    return typer.Option("--all", help=f"Disable every {consequence}.")


def version_named(what: str, lister: str, label: str = "") -> Any:
    """Make the argument that names the version to disable."""
    also = f", or the label of the log (`{label}/1a2b3c4d`)" if label else ""
    shown = f"its id or the beginning of it, as `{lister}` shows it{also}"
    return typer.Argument(metavar="VERSION", help=f"The {what} to disable: {shown}.")


def place(
    *,
    vault: str | None = None,
    storage: str | None = None,
    table: str | None = None,
    kept: Kept = Kept.TOKENS,
) -> Place:
    """Find where the command works, and say so when it is this machine.

    Args:
        vault: as of the option.
        storage: likewise.
        table: likewise.
        kept: what the command manages in the vault.

    Raises:
        WrongSettingError: no place is named, or it cannot be used as it is.
    """
    found = replace(find(Given(vault, storage, table), os.environ), kept=kept)
    if found.is_local:
        say(f"(the service on this machine: {found.storage_name}{_of_run(found)})")
    return found


def _of_run(found: Place) -> str:
    """Say by which run of the service the storage was found, so that no other is read unnoticed."""
    if found.run is None:
        return "" if found.is_named else "; no `make run` runs in this folder"
    kept = ", in memory" if found.run.is_ephemeral else ""
    return f"{kept}, of the run at {found.run.tenant_url}"


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run the work of a command.

    Raises:
        AdminError: it was not done; the text says what is wrong and what to do.
        Exit: 130, after Ctrl-C.
    """
    # What the SDKs and the store would log, the one line of the error says.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return asyncio.run(work)
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error


def now_in_milliseconds() -> int:
    """Return the time of this machine as POSIX milliseconds."""
    return time.time_ns() // 1_000_000
