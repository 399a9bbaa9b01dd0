"""`changes`: what was done to the users and groups of a tenant, and what is being done."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from shared import tenants
from shared.store.changes import RecordedChange
from tools.admin import console
from tools.admin.changes import Milliseconds, follow, since
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
from tools.admin.feed import as_json as change_as_json
from tools.admin.feed import as_line
from tools.admin.places import Place
from tools.admin.storage import open_storage


def changes(
    tenant: Tenant = tenants.DEFAULT,
    start: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="From when on: a length before now (90s, 15m, 2h, 7d), or a time such as"
            " 2027-01-31T08:00:00Z.",
        ),
    ] = "1h",
    is_followed: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on with new changes until Ctrl-C."),
    ] = False,
    interval: Annotated[
        float,
        typer.Option(min=0.5, max=3_600, help="Seconds between two reads of --follow."),
    ] = 5.0,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Write each change as a line of JSON.", rich_help_panel="Output"
        ),
    ] = False,
) -> None:
    """Show the changes of a tenant, oldest first: which resource, what, by which token, when.

    A change row names attributes and holds no values. A change can become visible up to 2 minutes
    later than its time says; --follow shows it then, so its lines are not strictly in the order
    of their times, and each change is shown once.
    """
    begin = milliseconds_of(start, now_in_milliseconds())
    where = place(storage=storage, table=table)
    run(_show(where, tenant, begin, interval if is_followed else None, as_json=as_json))


async def _show(
    where: Place, tenant: str, begin: Milliseconds, interval: float | None, *, as_json: bool
) -> None:
    async with open_storage(where) as storage:

        def read(start: Milliseconds) -> AsyncIterator[RecordedChange]:
            return since(storage, storage.context(tenant), start)

        async def pause() -> None:
            await asyncio.sleep(interval or 0)

        if interval is not None:  # nothing would ever end the wait
            await require_tenant(where, storage, tenant)
        is_nothing = True
        found = read(begin) if interval is None else follow(read, begin, pause)
        async for change in found:
            is_nothing = False
            if as_json:
                console.show_json_line(change_as_json(tenant, change))
            else:
                console.show_line(as_line(change))
        if is_nothing:
            await require_tenant(where, storage, tenant)
