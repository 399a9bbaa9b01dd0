"""`token`: the secret tokens of a tenant, in Key Vault."""

from typing import Annotated

import typer

from shared import tenants
from shared.auth import rotation
from shared.auth.rotation import Drawn, Lifetime
from tools.admin import stats
from tools.admin.commands import issuing
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    Moment,
    StorageEndpoint,
    TableName,
    Tenant,
    Vault,
    Yes,
    close_all,
    lifetime_option,
    place,
    run,
    version_named,
)
from tools.admin.errors import NotDoneError
from tools.admin.existence import require_table
from tools.admin.holders import Holder
from tools.admin.places import Place
from tools.admin.storage import Storage, open_storage
from tools.admin.tokens import no_such, told_of
from tools.admin.vault import open_vault
from tools.command_line import App, say

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

ValidDays = Annotated[int, lifetime_option("the token")]


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
    lifetime = issuing.lifetime_of(valid_days, not_before)
    drawn = run(_new(where, tenant, lifetime, checks=checks))
    if not checks and not existing_data:
        say("(without --storage it was not checked that no data of that name are left)")
    issuing.hand_over(Holder.tenant(tenant), drawn, as_json=as_json)


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
    lifetime = issuing.lifetime_of(valid_days, not_before)
    run(issuing.rotate(where, Holder.tenant(tenant), lifetime, as_json=as_json))


@app.command(epilog=EXIT_STATUS)
def revoke(
    version: Annotated[str | None, version_named("version", "token list", "scim-token")] = None,
    close: Annotated[bool, close_all("version, which closes the tenant to everybody")] = False,
    yes: Yes = False,
    tenant: Tenant = tenants.DEFAULT,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Disable a token; the service refuses it within a minute.

    The newest version is not disabled by itself, because that closes the tenant to the other one
    too (Key Vault lists a secret by its newest version): run `token rotate` first. Older versions
    that would become valid in its place are disabled along with it.
    """
    holder = Holder.tenant(tenant)
    question = f"Every token of the tenant {tenant} will be refused within a minute. Close it?"
    issuing.end(holder, version, question, close=close, yes=yes, vault=vault, as_json=as_json)


@app.command("list", epilog=EXIT_STATUS)
def list_versions(
    tenant: Tenant = tenants.DEFAULT, vault: Vault = None, as_json: AsJson = False
) -> None:
    """List the tokens of a tenant, the newest first; never their values.

    States: *valid* opens the tenant; *superseded* has two newer ones before it; *not yet* begins
    later; *expired*; *disabled*; *closed* would be valid, but the newest version is disabled,
    which closes the tenant.
    """
    judged = run(issuing.list_versions(place(vault=vault), Holder.tenant(tenant)))
    issuing.show_versions(judged, as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def off(tenant: Tenant = tenants.DEFAULT, vault: Vault = None) -> None:
    """Switch the tokens of a tenant off: its OAuth clients alone are let in, within a minute.

    It is refused while the tenant has no client that is open, since nobody would be let in.
    """
    run(_switch(place(vault=vault), tenant, on=False))
    say(f"The tokens of the tenant {tenant} are refused within a minute. `token on` undoes it.")


@app.command(epilog=EXIT_STATUS)
def on(tenant: Tenant = tenants.DEFAULT, vault: Vault = None) -> None:
    """Switch the tokens of a tenant on again."""
    run(_switch(place(vault=vault), tenant, on=True))
    say(f"The tokens of the tenant {tenant} are accepted within a minute.")


async def _switch(where: Place, tenant: str, *, on: bool) -> None:
    holder = Holder.tenant(tenant)
    async with open_vault(where) as vault:
        if not await vault.versions(holder.secret.name):
            raise no_such(holder)
        if not on and not any(
            each.tenant == tenant and each.is_open for each in await vault.clients()
        ):
            raise NotDoneError(
                f"the tenant {tenant} has no open client, so nobody would be let in: `client new`"
                " makes one"
            )
        text = None if on else tenants.TOKEN_OFF
        with told_of(holder):
            await rotation.set_tag(vault, holder.secret, tenants.TOKEN_TAG, text)


async def _new(where: Place, tenant: str, lifetime: Lifetime, *, checks: bool) -> Drawn:
    async with open_vault(where) as vault:
        if checks:
            async with open_storage(where) as storage:
                await _refuse_taken(storage, where, tenant)
        return await issuing.draw_first(vault, Holder.tenant(tenant), lifetime)


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
