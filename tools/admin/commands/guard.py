"""`guard`: what the guard against mass removal holds, its release and its undo."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from shared import tenants
from shared.errors import NotFound, ScimError
from shared.store.guard import LastHour
from shared.store.guard_state import Decision, Hold
from shared.tables.request_context import Bound
from shared.tenant_settings import GuardSettings
from tools.admin import console, grants
from tools.admin.change_hints import give_hint
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Tenant,
    place,
    run,
)
from tools.admin.errors import NotDoneError
from tools.admin.existence import require_tenant
from tools.admin.places import Place
from tools.admin.storage import open_storage
from tools.command_line import App, say

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

_SECONDS = 600.0
"""How long a decision may take; it can be repeated, and goes on."""

_Id = Annotated[str, typer.Argument(metavar="ID", help="What is held, as `guard show` shows it.")]


@app.command(epilog=EXIT_STATUS)
def show(
    tenant: Tenant = tenants.DEFAULT,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show how many users were removed within the last hour, what is held, and what was."""
    rule, hour, holds = run(_read(place(storage=storage, table=table), tenant))
    found = [_as_json(hold) for hold in holds]
    summary = {
        "mode": "hold" if rule.hold else "alert",
        "users": rule.users,
        "percent": rule.percent,
        "releaseAfterHours": rule.release_after_hours,
        "removedInTheLastHour": hour.removed,
        "activeUsers": hour.active,
    }
    if as_json:
        console.show_json({"tenant": tenant, **summary, "holds": found})
        return
    console.show_fields({"tenant": tenant, **summary})
    columns = [
        "id",
        "state",
        "since",
        "users",
        "removed",
        "activeUsers",
        "groups",
        "releaseAt",
        "changesTold",
        "enabled",
    ]
    rows = [[_cell(hold[column]) for column in columns] for hold in found]
    console.show_table(columns, rows)
    if hour.removed:
        say(
            "removedInTheLastHour: disabled, deleted or taken out of one group; those who were"
            " enabled again or put back since are counted too"
        )


@app.command(epilog=EXIT_STATUS)
def release(
    hold_id: _Id,
    tenant: Tenant = tenants.DEFAULT,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Release what is held: the product is told of it, as it would have been."""
    where = place(storage=storage, table=table)
    _show_decided(run(_decide(where, tenant, hold_id, "release")), as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def undo(
    hold_id: _Id,
    tenant: Tenant = tenants.DEFAULT,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Enable again whom the disables that are held concern, and release all else.

    Who was deleted, or touched otherwise since, is left out. Correct the scope of the identity
    provider first: it disables them again otherwise.
    """
    where = place(storage=storage, table=table)
    _show_decided(run(_decide(where, tenant, hold_id, "undo")), as_json=as_json)


async def _read(where: Place, tenant: str) -> tuple[GuardSettings, LastHour, list[Hold]]:
    async with open_storage(where) as storage:
        await require_tenant(where, storage, tenant)
        context, guard = storage.context(tenant), storage.store.guard
        kept = await storage.store.settings.read(context)
        rule = kept.settings.guard_rule
        held = await guard.read_hold(context)
        hour = await guard.count_last_hour(context, rule)
        decided = await guard.list_decided(context)
        return rule, hour, [*([held] if held else []), *decided]


@dataclass(frozen=True, slots=True)
class _Decided:
    """What a decision has come to.

    Attributes:
        hold: what was held.
        is_hinted: whether the service was told to send webhooks of it now.
    """

    hold: Hold
    is_hinted: bool


async def _decide(where: Place, tenant: str, hold_id: str, decision: Decision) -> _Decided:
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        bound = Bound(10_000_000, time.monotonic() + _SECONDS)
        context = storage.context(tenant)
        context.deadline = time.monotonic() + _SECONDS
        try:
            hold = await storage.store.guard.decide(context, hold_id, decision, bound)
        except NotFound as error:
            shown_by = f"`guard show --tenant {tenant}`"
            raise NotDoneError(f"{error.detail} {shown_by} shows the ids.") from error
        except ScimError as error:
            raise NotDoneError(error.detail) from error
        return _Decided(hold, await give_hint(where, storage, tenant))


def _show_decided(decided: _Decided, *, as_json: bool) -> None:
    hold = decided.hold
    found = _as_json(hold)
    if as_json:
        console.show_json({**found, "webhooksHinted": decided.is_hinted})
        return
    if hold.decision == "undo":
        left_out = found["leftOut"]
        say(
            f"{len(hold.undone)} of {len(hold.users)} users are enabled again; left out:"
            f" {left_out['changed']} that were changed since, {left_out['deleted']} deleted"
        )
    soon = "at once" if decided.is_hinted else "within 5 minutes"
    say(f"{_told(hold)} are in the feed now; webhooks of them follow {soon}")
    if not hold.is_done:
        say("not all is done yet: repeat the command, or wait for the sweeper")


def _told(hold: Hold) -> str:
    """Name what the feed tells since a decision."""
    of_held = f"{hold.events} changes that were held"
    if hold.decision == "undo":
        return f"user.activated of {len(hold.undone)} users and {of_held}"
    return of_held


def _as_json(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "state": hold.state,
        "since": console.time_of(hold.began / 1_000),
        **hold.numbers,
        "releaseAt": _release_at(hold),
        "decided": console.time_of(hold.decided / 1_000) if hold.decision else None,
        "decidedBy": hold.decided_by or None,
        "changesTold": hold.events,
        "enabled": len(hold.undone),
        "leftOut": {why: hold.left_out.get(why, 0) for why in ("changed", "deleted")},
        "leftOutFirst": dict(hold.left_out_first),
    }


def _release_at(hold: Hold) -> str | None:
    is_open = hold.decision is None and hold.release_at is not None
    return console.time_of((hold.release_at or 0) / 1_000) if is_open else None


def _cell(value: Any) -> Any:
    return sum(each["users"] for each in value) if isinstance(value, list) else value
