"""`log`: what the identity provider was refused, and what was slow or passed over."""

from typing import Annotated, Any, get_args

import typer

from shared import tenants
from shared.store.provisioning_log import EntryKind, KeptEntry, is_about
from tools.admin import console
from tools.admin.changes import ROWS_A_CALL, Milliseconds
from tools.admin.commands.options import (
    StorageEndpoint,
    TableName,
    Tenant,
    milliseconds_of,
    now_in_milliseconds,
    place,
    run,
)
from tools.admin.existence import require_tenant
from tools.admin.log_report import entry_as_json, entry_as_line
from tools.admin.places import Place
from tools.admin.storage import open_storage

_KINDS = get_args(EntryKind)


def _known_kinds(kinds: list[str]) -> list[str]:
    for kind in kinds or []:
        if kind not in _KINDS:
            raise typer.BadParameter(f"{kind!r} is no kind: put one of {', '.join(_KINDS)}")
    return kinds


def log(
    tenant: Tenant = tenants.DEFAULT,
    start: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="From when on: a length before now (90s, 15m, 2h, 7d), or a time such as"
            " 2027-01-31T08:00:00Z.",
        ),
    ] = "1d",
    user: Annotated[
        str,
        typer.Option(
            "--user",
            help="Only what names a user or a group: its id, or the userName, displayName or"
            " externalId that was sent.",
        ),
    ] = "",
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            callback=_known_kinds,
            help=f"Only entries of a kind: {', '.join(_KINDS)}. May be given several times.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 1_000,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Write each entry as a line of JSON.", rich_help_panel="Output"
        ),
    ] = False,
) -> None:
    """Show the provisioning log of a tenant, oldest first: refusals, slow answers, members.

    It holds names of people as they were sent, and of bodies names, types and lengths. A change
    that succeeded is not in it; `changes` shows those.
    """
    begin = milliseconds_of(start, now_in_milliseconds())
    wanted = frozenset(kinds or ())
    found = run(_entries(place(storage=storage, table=table), tenant, begin, limit, user, wanted))
    for each in reversed(found):
        if as_json:
            console.show_json_line({"tenant": tenant, **entry_as_json(each)})
        else:
            console.show_line(entry_as_line(each))


async def _entries(
    where: Place,
    tenant: str,
    begin: Milliseconds,
    limit: int,
    user: str,
    kinds: frozenset[str],
) -> list[KeptEntry]:
    """Read the newest entries that are wanted. A call for each 1,000 that are looked at."""
    async with open_storage(where) as storage:
        context = storage.context(tenant)
        found: list[KeptEntry] = []
        behind, is_more = "", True
        while is_more and len(found) < limit:
            page = await storage.store.log.newest(context, ROWS_A_CALL, behind)
            recent = [each for each in page if each.entry.time >= begin]
            is_more = len(recent) == ROWS_A_CALL
            behind = page[-1].id if page else behind
            found += [each for each in recent if _is_wanted(each, user, kinds)]
        if not found:
            await require_tenant(where, storage, tenant)
        return found[:limit]


def _is_wanted(kept: KeptEntry, user: str, kinds: frozenset[str]) -> bool:
    entry: Any = kept.entry
    return (not kinds or entry.kind in kinds) and (not user or is_about(entry, user))
