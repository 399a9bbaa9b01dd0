"""`user show` and `group show`: one resource with its memberships and its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from shared import tenants
from shared.store import layout
from shared.store.resources import Group, User
from shared.tables.request_context import RequestContext
from shared.tables.table import collect
from tools.admin import changes, console, lookup, stats
from tools.admin.changes import DAY, LATENESS, History, Lookback
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Tenant,
    now_in_milliseconds,
    place,
    run,
)
from tools.admin.feed import as_json as change_as_json
from tools.admin.feed import as_line
from tools.admin.places import Place
from tools.admin.stats import Number
from tools.admin.storage import Storage, open_storage
from tools.command_line import App, printable

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


@dataclass(frozen=True, slots=True)
class Member:
    """The other side of a membership."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a resource."""

    tenant: str
    resource: User | Group
    memberships: Number
    members: list[Member]
    history: History | None


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

    The history is that of the change rows, which hold names of attributes and no values. It never
    looks back beyond the creation of the user.
    """
    asked = _Asked(user, tenant, listed, days, scan_rows)
    shown = run(_user(place(storage=storage, table=table), asked))
    _show(shown, "userName", "groups", as_json=as_json)


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

    Members are counted up to 20,000. The history is that of the change rows, which hold names of
    attributes and no values. It never looks back beyond the creation of the group.
    """
    asked = _Asked(group, tenant, listed, days, scan_rows)
    shown = run(_group(place(storage=storage, table=table), asked))
    _show(shown, "displayName", "members", as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options of a command ask for."""

    named: str
    tenant: str
    listed: int
    days: int
    scan_rows: int


async def _user(where: Place, asked: _Asked) -> Shown:
    async with open_storage(where) as storage:
        context = storage.context(asked.tenant)
        user = await lookup.user(storage.store, context, asked.named)
        some = await storage.store.groups.get_many(context, user.group_ids[: asked.listed])
        return Shown(
            asked.tenant,
            user,
            Number(len(user.group_ids)),
            [Member(group.id, group.document["displayName"]) for group in some],
            await _history(storage, context, user, asked),
        )


async def _group(where: Place, asked: _Asked) -> Shown:
    async with open_storage(where) as storage:
        context = storage.context(asked.tenant)
        group = await lookup.group(storage.store, context, asked.named)
        span = layout.memberships_span(group.id)
        rows = await collect(storage.table, context, span, asked.listed) if asked.listed else []
        ids = [layout.id_in(row.key) for row in rows]
        some = await storage.store.users.get_many(context, ids)
        return Shown(
            asked.tenant,
            group,
            await stats.members_of(storage, context, span),
            [Member(user.id, user.document["userName"]) for user in some],
            await _history(storage, context, group, asked),
        )


async def _history(
    storage: Storage, context: RequestContext, resource: User | Group, asked: _Asked
) -> History | None:
    if not asked.days:
        return None
    is_user = isinstance(resource, User)
    concerns = changes.concerns_user if is_user else changes.concerns_group
    now = now_in_milliseconds()
    created = int(datetime.fromisoformat(resource.created).timestamp() * 1000)
    lookback = Lookback(max(created - LATENESS, now - asked.days * DAY), asked.scan_rows)
    return await changes.history(storage, context, concerns(resource.id), now, lookback)


def _show(shown: Shown, name: str, side: str, *, as_json: bool) -> None:
    if as_json:
        console.show_json(_as_json(shown, side))
        return
    resource = shown.resource
    document = resource.document
    console.show_fields(
        {
            "id": resource.id,
            name: document[name],
            **{key: _text(value) for key, value in document.items() if key != name},
            "created": resource.created,
            "modified": resource.modified,
            "version": resource.version,
            "tenant": shown.tenant,
        }
    )
    console.show_line("")
    console.show_line(f"{side}: {_number(shown.memberships)}")
    for member in shown.members:
        console.show_line(f"  {member.id}  {printable(member.name)}")
    more = shown.memberships.least - len(shown.members)
    if more > 0:
        console.show_line(f"  and {more:,} more (--list shows up to 1,000, --json too)")
    if shown.history is not None:
        _show_history(shown.history)


def _show_history(history: History) -> None:
    since = console.time_of_milliseconds(history.since)
    note = "" if history.is_whole else ", no farther: --scan-rows was reached"
    console.show_line("")
    console.show_line(f"history: {len(history.changes)}, complete since {since}{note}")
    for change in history.changes:
        console.show_line(f"  {as_line(change)}")


def _as_json(shown: Shown, side: str) -> dict[str, Any]:
    resource, history = shown.resource, shown.history
    return {
        "tenant": shown.tenant,
        "id": resource.id,
        "version": resource.version,
        "created": resource.created,
        "modified": resource.modified,
        "attributes": resource.document,
        side: {
            "at_least": shown.memberships.least,
            "exact": shown.memberships.is_exact,
            "listed": [{"id": each.id, "name": each.name} for each in shown.members],
        },
        "history": None
        if history is None
        else {
            "complete_since": console.time_of_milliseconds(history.since),
            "complete": history.is_whole,
            "changes": [change_as_json(shown.tenant, each) for each in history.changes],
        },
    }


def _text(value: Any) -> str:
    """Write the value of an attribute on one line."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return " | ".join(_text(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(number: Number) -> str:
    return f"{number.least:,}{'' if number.is_exact else ' or more'}"
