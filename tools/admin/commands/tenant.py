"""`tenant`: which tenants there are, what each holds, and its settings."""

import asyncio
from typing import Annotated, Any

import typer

from shared.store.changes import RecordedChange
from tools.admin import console, grants, stats
from tools.admin.commands import tenant_settings
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Vault,
    now_in_milliseconds,
    place,
    run,
    tenant_name,
)
from tools.admin.existence import known_tenants, require_table, require_tenant
from tools.admin.places import Place
from tools.admin.stats import Number, Stats
from tools.admin.storage import open_storage
from tools.admin.vault import TenantSecret
from tools.command_line import App, say

_AT_ONCE = 8

app = App(no_args_is_help=True, epilog=EXIT_STATUS)
tenant_settings.add_to(app)


@app.command("list", epilog=EXIT_STATUS)
def list_tenants(vault: Vault = None, as_json: AsJson = False) -> None:
    """List the tenants: a tenant exists when the vault holds its secret.

    *open* says whether its newest token is enabled; when it is not, the service answers every
    request of the tenant 401.
    """
    where = place(vault=vault)
    listed = run(known_tenants(where))
    rows = [_secret_as_json(each) for each in listed]
    if as_json:
        console.show_json(rows)
        return
    if where.is_local and where.settings.key_vault_url is None:
        say("(those of local.settings.json; GET /api/v1/tenants knows those made by POST as well)")
    columns = ["tenant", "open", "changed", "newest token expires"]
    console.show_table(columns, [list(row.values()) for row in rows])


@app.command("stats", epilog=EXIT_STATUS)
def show_stats(
    tenants: Annotated[
        list[str] | None,
        typer.Argument(metavar="TENANT", help="The tenants; all of the vault when none is named."),
    ] = None,
    memberships: Annotated[
        bool,
        typer.Option(
            "--memberships",
            help="Count memberships too, up to 20,000 (a read for each 1,000, where the other"
            " numbers take a few reads whatever the size).",
        ),
    ] = False,
    recount: Annotated[
        bool,
        typer.Option(
            "--recount",
            help="Read all users and count the active ones again, which takes the role Storage"
            " Table Data Contributor. The tenants must be named.",
        ),
    ] = False,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show what tenants hold: users, groups, the last change, deletions still to be cleared up.

    *active* are the users who are not disabled; it is empty until they are counted, which the
    sweeper does within a day, once in the life of a tenant.

    *pending* are deleted groups and users whose memberships are still in the table, whom nobody
    sees, and changes of the role map that are not yet told whole. A `+` behind a number says that
    counting ended there. A tenant that exists and holds nothing has zeros; one that does not exist
    is refused.
    """
    where = place(vault=vault, storage=storage, table=table)
    named = [tenant_name(name) for name in tenants or []]
    if recount and not named:
        raise typer.BadParameter("name the tenants whose users are to be counted again")
    found = run(_stats(where, named, memberships=memberships, recount=recount))
    if as_json:
        console.show_json([_stats_as_json(each) for each in found])
        return
    columns = ["tenant", "users", "active", "groups", "last change", "pending"]
    console.show_table(
        [*columns, "memberships"] if memberships else columns,
        [_stats_as_row(each) for each in found],
    )


async def _stats(
    where: Place, named: list[str], *, memberships: bool, recount: bool
) -> list[Stats]:
    role = grants.STORAGE_WRITER_ROLE if recount else grants.STORAGE_ROLE
    async with open_storage(where, role) as storage:
        names = named or [secret.tenant for secret in await known_tenants(where)]
        room = asyncio.Semaphore(_AT_ONCE)

        async def read(tenant: str) -> Stats:
            async with room:
                now = now_in_milliseconds()
                if recount:
                    await stats.recount(storage, tenant)
                return await stats.read(storage, tenant, now, memberships=memberships)

        found = await asyncio.gather(*(read(name) for name in names))
        for each in found:
            if each.is_nothing and each.tenant in named:
                await require_tenant(where, storage, each.tenant)
        if not named and all(each.is_nothing for each in found):
            await require_table(where, storage)
        return found


def _secret_as_json(secret: TenantSecret) -> dict[str, Any]:
    return {
        "tenant": secret.tenant,
        "open": secret.is_open,
        "changed": console.time_of(secret.updated),
        "expires": console.time_of(secret.expires),
    }


def _stats_as_json(found: Stats) -> dict[str, Any]:
    return {
        "tenant": found.tenant,
        "users": found.users,
        "active": found.active,
        "groups": found.groups,
        "last_change": _time(found.last_change),
        "pending_deletions": _number_as_json(found.pending_deletions),
        "memberships": _number_as_json(found.memberships),
    }


def _stats_as_row(found: Stats) -> list[Any]:
    row = [found.tenant, found.users, found.active, found.groups, _time(found.last_change)]
    row.append(_number(found.pending_deletions))
    return row if found.memberships is None else [*row, _number(found.memberships)]


def _time(change: RecordedChange | None) -> str | None:
    return None if change is None else console.time_of_milliseconds(change.time)


def _number(number: Number) -> str:
    return f"{number.least:,}{'' if number.is_exact else '+'}"


def _number_as_json(number: Number | None) -> dict[str, Any] | None:
    return None if number is None else {"at_least": number.least, "exact": number.is_exact}
