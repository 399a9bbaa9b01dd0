"""`token`: the secret tokens of a tenant, in Key Vault."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from shared import tenants
from tools.admin import console, stats, tokens
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    Moment,
    StorageEndpoint,
    TableName,
    Tenant,
    Vault,
    place,
    run,
)
from tools.admin.errors import NoAccessError, NotDoneError
from tools.admin.existence import require_table
from tools.admin.places import Place
from tools.admin.storage import Storage, open_storage
from tools.admin.tokens import Issued, Revoked, Term
from tools.admin.vault import TokenVault, open_vault
from tools.admin.versions import Standing, State, Version, having, standings
from tools.command_line import App, say

DAY = 86_400
_LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

ValidDays = Annotated[
    int, typer.Option(min=1, max=3_650, help="For how many days the token is valid.")
]


@app.command(epilog=EXIT_STATUS)
def new(
    tenant: Tenant = tenants.DEFAULT,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    existing_data: Annotated[
        bool,
        typer.Option(
            "--existing-data",
            help="Give the tenant a token although the table already holds data of that name.",
        ),
    ] = False,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Create a tenant: draw its first token and write it to Key Vault.

    The token (256 random bits) is printed once, alone on standard output, and can be piped; all
    else goes to standard error. It is refused when the tenant has a token (see `token rotate`) or,
    where --storage is known, when the table holds data of a former tenant of that name.
    """
    where = place(vault=vault, storage=storage, table=table)
    checks = not existing_data and where.storage_name is not None
    term = _term(valid_days, not_before)
    issued = run(_new(where, tenant, term, checks=checks))
    if not checks and not existing_data:
        say("(without --storage it was not checked that no data of that name are left)")
    _hand_over(tenant, issued, as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def rotate(
    tenant: Tenant = tenants.DEFAULT,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Add a token to a tenant; the present one stays valid, so that nothing is interrupted.

    The token (256 random bits) is printed once, alone on standard output. Two tokens of a tenant
    are valid at most: what is older is disabled, so that it can never come back. Give the new one
    to the customer, then end the old one with `token revoke`, or leave it to the next rotation.
    """
    where = place(vault=vault)
    run(_rotate(where, tenant, _term(valid_days, not_before), as_json=as_json))


@app.command(epilog=EXIT_STATUS)
def revoke(
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION",
            help="The version to disable: its id or the beginning of it, as `token list` shows it,"
            " or the label of the log (`scim-token/1a2b3c4d`).",
        ),
    ] = None,
    close: Annotated[
        bool,
        typer.Option("--all", help="Disable every version, which closes the tenant to everybody."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --all.")] = False,
    tenant: Tenant = tenants.DEFAULT,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Disable a token; the service refuses it within a minute.

    The newest version is not disabled by itself, because that closes the tenant to the other one
    too (Key Vault lists a secret by its newest version): run `token rotate` first. Older versions
    that would become valid in its place are disabled along with it.
    """
    if (version is None) is not close:
        raise typer.BadParameter("give a VERSION (`token list` shows them), or --all")
    where = place(vault=vault)
    _ = where.vault_url  # a place without one is refused before a question is asked
    if version is not None:
        revoked = run(_revoke(where, tenant, version))
        _tell_revoked(tenant, revoked.version, revoked.superseded, as_json=as_json)
        return
    if not yes:
        question = f"Every token of the tenant {tenant} will be refused within a minute. Close it?"
        _confirm(question)
    disabled = run(_close(where, tenant))
    if as_json:
        console.show_json({"tenant": tenant, "disabled": [each.id for each in disabled]})
    say(
        f"The tenant {tenant} is closed: {len(disabled)} versions were disabled. Its data stay."
        f" `token rotate{_of(tenant)}` opens it again, to a new token."
    )


@app.command("list", epilog=EXIT_STATUS)
def list_versions(
    tenant: Tenant = tenants.DEFAULT, vault: Vault = None, as_json: AsJson = False
) -> None:
    """List the tokens of a tenant, the newest first; never their values.

    States: *valid* opens the tenant; *superseded* has two newer ones before it; *not yet* begins
    later; *expired*; *disabled*; *closed* would be valid, but the newest version is disabled,
    which closes the tenant.
    """
    judged = run(_list(place(vault=vault), tenant))
    if as_json:
        console.show_json([_as_json(each) for each in judged])
        return
    console.show_table(
        ["version", "state", "created", "not before", "expires"],
        [list(_as_json(each).values()) for each in judged],
    )


async def _new(where: Place, tenant: str, term: Term, *, checks: bool) -> Issued:
    async with open_vault(where) as vault:
        if checks:
            async with open_storage(where) as storage:
                await _refuse_taken(storage, where, tenant)
        return await tokens.new(vault, tenant, term)


async def _refuse_taken(storage: Storage, where: Place, tenant: str) -> None:
    """Refuse a name of which the table holds data.

    Raises:
        NotDoneError: a former tenant had that name.
        NotThereError: there is no table of the name that was given.
    """
    if not await stats.is_empty(storage, tenant):
        raise NotDoneError(
            f"the table holds data of a tenant {tenant}, which a new one of that name would take"
            " over: give it another name, or --existing-data if it is the same one"
        )
    await require_table(where, storage)


async def _rotate(where: Place, tenant: str, term: Term, *, as_json: bool) -> None:
    async with open_vault(where) as vault:
        issued = await tokens.rotate(vault, tenant, term, time.time())
        # Before anything else, so that whatever fails now, the token is not lost.
        _hand_over(tenant, issued, as_json=as_json)
        await _settle(vault, tenant, issued)


async def _settle(vault: TokenVault, tenant: str, issued: Issued) -> None:
    """Disable what is superseded and say what is valid now."""
    disabled = await tokens.retire(vault, tenant, time.time(), keep=issued.version.id)
    judged = standings(await vault.versions(tenant), time.time())
    if disabled:
        say(f"Disabled, so that it never comes back: {_ids(disabled)}.")
    for version in having(State.VALID, judged):
        if version.id == issued.version.id:
            continue
        until = console.time_of(version.expires)
        say(
            f"The token {version.id[:8]} stays valid{f' until {until}' if until else ''}, or until"
            f" the next rotation. To end it: token revoke {version.id[:8]}{_of(tenant)}"
        )


async def _revoke(where: Place, tenant: str, version: str) -> Revoked:
    async with open_vault(where) as vault:
        return await tokens.revoke(vault, tenant, version, time.time())


async def _close(where: Place, tenant: str) -> list[Version]:
    async with open_vault(where) as vault:
        return await tokens.close_tenant(vault, tenant, time.time())


async def _list(where: Place, tenant: str) -> list[Standing]:
    async with open_vault(where) as vault:
        judged = standings(await vault.versions(tenant), time.time())
    if not judged:
        raise tokens.no_such_tenant(tenant)
    return judged


def _confirm(question: str) -> None:
    """Ask the person at the terminal; standard output stays free of the question.

    Raises:
        NotDoneError: the answer is not yes, or nobody is there to give one.
    """
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    answer = "" if sys.stdin is None else sys.stdin.readline()
    if not answer.endswith("\n"):
        typer.echo(err=True)
    if answer.strip().lower() not in {"y", "yes"}:
        raise NotDoneError("nothing was done, because it was not confirmed; --yes does without")


def _term(valid_days: int, not_before: datetime | None) -> Term:
    begins = None if not_before is None else not_before.timestamp()
    start = time.time() if begins is None else begins
    expires = start + valid_days * DAY
    if expires <= time.time():
        raise typer.BadParameter("the token would have expired already: put a later --not-before")
    if expires > _LATEST:
        raise typer.BadParameter("the token would expire after 2200: put an earlier --not-before")
    return Term(begins, expires)


def _hand_over(tenant: str, issued: Issued, *, as_json: bool) -> None:
    """Print the token, the one time."""
    version = issued.version
    until = console.time_of(version.expires)
    begins = console.time_of(version.not_before)
    try:
        if as_json:
            named = {"tenant": tenant, "version": version.id, "not_before": begins}
            console.show_json({**named, "expires": until, "token": issued.token})
        else:
            console.show_line(issued.token)
    except OSError as error:
        say(
            f"error: the token {version.id[:8]} could not be written out ({error.strerror}), and"
            f" nobody can read it again: run token rotate{_of(tenant)}"
        )
        raise typer.Exit(NoAccessError.exit_status) from error
    path = "/scim/v2" if tenant == tenants.DEFAULT else f"/tenants/{tenant}/scim/v2"
    say(
        f"This is the secret token of the tenant {tenant} (Tenant URL https://<host>{path}). It is"
        f" not shown again. Version {version.id[:8]}, valid"
        f"{f' from {begins}' if begins else ''} until {until}."
    )


def _tell_revoked(
    tenant: str, version: Version, superseded: Sequence[Version], *, as_json: bool
) -> None:
    if as_json:
        disabled = [version.id, *(each.id for each in superseded)]
        console.show_json({"tenant": tenant, "disabled": disabled})
    if superseded:
        say(f"Disabled, so that it does not come back: {_ids(superseded)}.")
    say(f"The token {version.id[:8]} is disabled and refused within a minute.")


def _as_json(each: Standing) -> dict[str, Any]:
    version = each.version
    return {
        "version": version.id,
        "state": each.state,
        "created": console.time_of(version.created),
        "not_before": console.time_of(version.not_before),
        "expires": console.time_of(version.expires),
    }


def _ids(versions: Sequence[Version]) -> str:
    return ", ".join(version.id[:8] for version in versions)


def _of(tenant: str) -> str:
    """Write the option that names the tenant, where it is needed."""
    return "" if tenant == tenants.DEFAULT else f" --tenant {tenant}"
