"""`user show` and `group show`: one resource with its memberships and its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import typer

from shared import tenants
from shared.store import layout
from shared.store.change_history import ChangeHistory, Lookback
from shared.store.group_history import KeptHistory, MembersPage
from shared.store.resources import Group, User
from shared.tables.request_context import RequestContext
from tools.admin import changes, console, group_then, lookup, nesting, stats
from tools.admin.changes import DAY
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Tenant,
    milliseconds_of,
    now_in_milliseconds,
    place,
    run,
)
from tools.admin.errors import NotDoneError
from tools.admin.existence import require_tenant
from tools.admin.places import Place
from tools.admin.resource_report import Deleted, Shown, show
from tools.admin.stats import Number
from tools.admin.storage import Storage, open_storage
from tools.command_line import App

users = App(no_args_is_help=True, epilog=EXIT_STATUS)
groups = App(no_args_is_help=True, epilog=EXIT_STATUS)

Listed = Annotated[
    int, typer.Option("--list", min=0, max=1_000, help="How many memberships are listed by name.")
]
Days = Annotated[
    int,
    typer.Option(
        min=0,
        max=3_650,
        help="How many days the history looks back; 0 for none. What is older than the service's"
        " SCIM_HISTORY_DAYS has expired.",
    ),
]
ScanRows = Annotated[
    int,
    typer.Option(
        min=1_000,
        max=1_000_000,
        help="How many change rows of the tenant the history may read, a call for each 1,000. It"
        " says how far it came.",
    ),
]


@users.command("show", epilog=EXIT_STATUS)
def show_user(
    user: Annotated[str, typer.Argument(help="Its id, userName, externalId or e-mail address.")],
    tenant: Tenant = tenants.DEFAULT,
    listed: Listed = 50,
    days: Days = 30,
    scan_rows: ScanRows = 20_000,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show a user: its attributes, the groups it is in, and what was done to it, by which token.

    Of a group that it is in by another one, the groups between are named.

    The history is that of the change rows, which hold names of attributes and no values. It never
    looks back beyond the creation of the user. Of a deleted user, named by its id, the history is
    shown as far as --days and --scan-rows look back, and when it was deleted by which token.
    """
    asked = _Asked("User", user, tenant, listed, days, scan_rows)
    shown = run(_user(place(storage=storage, table=table), asked))
    show(shown, "userName", "groups", as_json=as_json)


@groups.command("show", epilog=EXIT_STATUS)
def show_group(
    group: Annotated[str, typer.Argument(help="Its id, displayName or externalId.")],
    tenant: Tenant = tenants.DEFAULT,
    listed: Listed = 50,
    days: Days = 30,
    scan_rows: ScanRows = 20_000,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show a group: its attributes, its members, and what was done to it, by which token.

    Members are counted up to 20,000; below a member that is a group stand its own. The history is
    that of the change rows, which hold names of attributes and no values. It never looks back
    beyond the creation of the group. Of a deleted group, named by its id, the history is shown as
    far as --days and --scan-rows look back, and when it was deleted by which token.
    """
    asked = _Asked("Group", group, tenant, listed, days, scan_rows)
    shown = run(_group(place(storage=storage, table=table), asked))
    show(shown, "displayName", "members", as_json=as_json)


@groups.command("members", epilog=EXIT_STATUS)
def show_members(
    group: Annotated[
        str,
        typer.Argument(help="Its id, displayName or externalId; of a deleted group the id alone."),
    ],
    at: Annotated[str, typer.Option("--at", help="When: `2h` ago, or 2027-01-31T08:00:00Z.")],
    until: Annotated[
        str | None, typer.Option("--and", help="A later time, with which it is compared.")
    ] = None,
    after: Annotated[
        str, typer.Option("--after", help="Read on behind the member of this id.")
    ] = "",
    tenant: Tenant = tenants.DEFAULT,
    listed: Listed = 50,
    days: Days = 400,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show the members of a group as they were at a time, or what changed between two times.

    It is computed from the members of now and the change rows since then, a call for each 1,000 of
    them, 100 at most. The direct members are listed by their ids, with the name that each has now.
    --days is how long the service keeps its history (SCIM_HISTORY_DAYS).
    """
    if after and not layout.is_id(after):
        raise typer.BadParameter("--after takes the id of a member: 32 hex digits")
    now = now_in_milliseconds()
    kept = KeptHistory(now - days * DAY, now)
    times = [milliseconds_of(each, now) for each in (at, until) if each is not None]
    asked = group_then.Asked(tenant, group, times, kept, MembersPage(after, listed))
    found = run(group_then.read(place(storage=storage, table=table), asked))
    group_then.show(found, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the arguments of a command ask for."""

    kind: Literal["User", "Group"]
    named: str
    tenant: str
    listed: int
    days: int
    scan_rows: int


async def _user(where: Place, asked: _Asked) -> Shown | Deleted:
    async with open_storage(where) as storage:
        context = storage.context(asked.tenant)
        user = await lookup.user(storage.store, context, asked.named)
        if user is None:
            await require_tenant(where, storage, asked.tenant)
            return await _deleted(storage, context, asked)
        return Shown(
            asked.tenant,
            user,
            Number(len(user.group_ids)),
            await nesting.groups_of(storage, context, user, asked.listed),
            await _history_of(storage, context, asked, user),
        )


async def _group(where: Place, asked: _Asked) -> Shown | Deleted:
    async with open_storage(where) as storage:
        context = storage.context(asked.tenant)
        group = await lookup.group(storage.store, context, asked.named)
        if group is None:
            await require_tenant(where, storage, asked.tenant)
            return await _deleted(storage, context, asked)
        span = layout.memberships_span(group.id)
        return Shown(
            asked.tenant,
            group,
            await stats.members_of(storage, context, span),
            await nesting.tree_below(storage, context, group.id, asked.listed),
            await _history_of(storage, context, asked, group),
        )


async def _deleted(storage: Storage, context: RequestContext, asked: _Asked) -> Deleted:
    """Find a resource that is not there any more, by its id, in the change rows.

    Raises:
        NotDoneError: none of that name or id is there, nor was deleted as far as was looked.
    """
    absent = f"there is no {asked.kind.lower()} {asked.named!r} in the tenant {asked.tenant}"
    if not layout.is_id(asked.named) or not asked.days:
        raise NotDoneError(f"{absent}; one that was deleted is found by its id, within --days")
    history = await _history(storage, context, asked, asked.named)
    for recorded in reversed(history.changes):
        change = recorded.change
        if (change.resource, change.id, change.verb) == (asked.kind, asked.named, "delete"):
            return Deleted(asked.tenant, asked.named, recorded, history)
    since = console.time_of_milliseconds(history.since)
    raise NotDoneError(
        f"{absent}, and none of that id was deleted since {since}; --days and --scan-rows look"
        " farther back"
    )


async def _history_of(
    storage: Storage, context: RequestContext, asked: _Asked, resource: User | Group
) -> ChangeHistory | None:
    if not asked.days:
        return None
    created = int(datetime.fromisoformat(resource.created).timestamp() * 1000)
    return await _history(storage, context, asked, resource.id, created - layout.LATENESS)


async def _history(
    storage: Storage, context: RequestContext, asked: _Asked, resource_id: str, begin: int = 0
) -> ChangeHistory:
    concerns = changes.concerns_member if asked.kind == "User" else changes.concerns_group
    now = now_in_milliseconds()
    lookback = Lookback(max(begin, now - asked.days * DAY), asked.scan_rows)
    return await changes.history(storage, context, concerns(resource_id), now, lookback)
