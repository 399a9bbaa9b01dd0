"""`trace`: for a while the requests of a tenant are kept with their values, sealed."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from shared import tenants
from shared.auth.rotation import Lifetime, ManagedSecret, UnknownOutcomeError
from shared.store import layout
from shared.store.open_trace import OpenTrace
from shared.store.trace_content import TraceContent
from shared.store.traces import KEPT_SECONDS, SealedEntry, TraceIsOpenError, trace_place
from tools.admin import console, grants
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Tenant,
    Vault,
    milliseconds_of,
    now_in_milliseconds,
    place,
    run,
    tenant_name,
)
from tools.admin.errors import NoAccessError, NotDoneError
from tools.admin.existence import known_tenants, require_tenant
from tools.admin.places import Kept, Place
from tools.admin.sign_in import Identity
from tools.admin.storage import Storage, open_storage
from tools.admin.trace_report import trace_as_json, trace_as_lines
from tools.admin.vault import TokenVault, open_vault
from tools.command_line import App, say

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

MOST_HOURS = 24
_HOUR, _DAY = 3_600, 86_400


@app.command(epilog=EXIT_STATUS)
def on(
    tenant: Tenant = tenants.DEFAULT,
    hours: Annotated[
        int, typer.Option(min=1, max=MOST_HOURS, help="After how many hours it ends by itself.")
    ] = 1,
    user: Annotated[
        str,
        typer.Option(
            "--user",
            help="Keep only requests that name a user, in the request or the answer: by id,"
            " userName or another value, whole.",
        ),
    ] = "",
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Open a trace: every request of the identity provider is kept with its values, and its answer.

    Personal data are kept, sealed: only who may read the secret `scim-trace--<tenant>` of the vault
    can open them. They are deleted 3 days after the end. Every instance begins within a minute. It
    takes the roles Key Vault Secrets Officer and Storage Table Data Contributor.
    """
    where = place(vault=vault, storage=storage, table=table, kept=Kept.TRACE_KEYS)
    _ = where.vault_url, where.storage  # a place without one is refused before a key is drawn
    trace = run(_open(where, tenant, hours, user))
    if as_json:
        console.show_json({"tenant": tenant, **_as_json(trace, is_open=True)})
        return
    say(
        f"The trace {trace.id} of the tenant {tenant} is open until {console.time_of(trace.until)};"
        " every instance begins within a minute. `trace off` ends it, `trace show` shows it."
    )


@app.command(epilog=EXIT_STATUS)
def off(
    tenant: Tenant = tenants.DEFAULT, storage: StorageEndpoint = None, table: TableName = None
) -> None:
    """End the trace of a tenant that is open; every instance ends within a minute.

    What was kept can be shown until it is deleted.
    """
    trace = run(_close(place(storage=storage, table=table), tenant))
    say(f"The trace {trace.id} of the tenant {tenant} ends within a minute.")


@app.command(epilog=EXIT_STATUS)
def show(
    tenant: Tenant = tenants.DEFAULT,
    start: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="From when on: a length before now (90s, 15m, 2h, 7d), or a time such as"
            " 2027-01-31T08:00:00Z.",
        ),
    ] = "7d",
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Write each entry as a line of JSON.", rich_help_panel="Output"
        ),
    ] = False,
) -> None:
    """Show what the traces of a tenant have kept, oldest first.

    It holds personal data: all values of users and groups that were sent and answered. An entry
    that was changed in the table is not shown; it is told of, and the exit status is 1.
    """
    begin = milliseconds_of(start, now_in_milliseconds())
    where = place(vault=vault, storage=storage, table=table, kept=Kept.TRACE_KEYS)
    _ = where.vault_url, where.storage
    run(_show(where, tenant, begin, as_json=as_json))


@app.command("list", epilog=EXIT_STATUS)
def list_traces(
    tenant: Annotated[
        str | None,
        typer.Option(
            callback=lambda text: None if text is None else tenant_name(text),
            help="Only those of a tenant; of every tenant when not given.",
        ),
    ] = None,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """List the traces that are open, and those that have ended and are not yet deleted."""
    found = run(
        _list(place(vault=vault, storage=storage, table=table, kept=Kept.TRACE_KEYS), tenant)
    )
    if as_json:
        console.show_json(found)
        return
    columns = ["tenant", "id", "state", "opened", "until", "user", "by"]
    console.show_table(columns, [[each[column] for column in columns] for each in found])


async def _open(where: Place, tenant: str, hours: int, user: str) -> OpenTrace:
    """Open a trace. Its key is drawn when it is known that it can be opened."""
    from shared.trace_seals import draw_seal_keys  # noqa: PLC0415 - 0.1 s that `--help` spares

    async with (
        open_vault(where) as vault,
        open_storage(where, grants.STORAGE_WRITER_ROLE) as storage,
    ):
        await require_tenant(where, storage, tenant)
        context = storage.context(tenant)
        if await storage.store.traces.read(context) is not None:
            raise _already_open(tenant)
        keys, until = draw_seal_keys(), int(time.time()) + hours * _HOUR
        lifetime = Lifetime(None, float(until + KEPT_SECONDS + _DAY))
        version = await _keep_key(vault, tenant, keys.private, lifetime)
        context.actor = by = operator_label(storage.operator, vault.operator)
        trace_id = layout.new_trace_id(now_in_milliseconds())
        trace = OpenTrace(trace_id, keys.public, version, until, user, by)
        try:
            await storage.store.traces.open(context, trace)
        except TraceIsOpenError as error:
            raise _already_open(tenant) from error
        return trace


async def _keep_key(vault: TokenVault, tenant: str, key: str, lifetime: Lifetime) -> str:
    """Write a private key to the vault; return the version."""
    secret = ManagedSecret(secret_of_traces(tenant), "SCIM trace key", given=key)
    try:
        return (await vault.add(secret, key, lifetime, {})).id
    except UnknownOutcomeError as error:
        raise NoAccessError(
            "whether the key of the trace was written is not known, because the answer of the vault"
            " was lost. No trace was opened: repeat the command"
        ) from error


async def _close(where: Place, tenant: str) -> OpenTrace:
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        context = storage.context(tenant)
        trace = await storage.store.traces.read(context)
        if trace is None:
            await require_tenant(where, storage, tenant)
            raise NotDoneError(f"no trace of the tenant {tenant} is open")
        context.actor = operator_label(storage.operator)
        await storage.store.traces.close(context)
        return trace


async def _show(where: Place, tenant: str, begin: int, *, as_json: bool) -> None:
    """Show entries as they are read. A call for each 100, and one of the vault for each trace."""
    broken = 0
    async with open_vault(where) as vault, open_storage(where) as storage:
        kept = await storage.store.traces.kept(storage.context(tenant))
        if not kept:
            await require_tenant(where, storage, tenant)
        for trace in kept:
            async for entry, content in _opened(vault, storage, tenant, trace, begin):
                if content is None:
                    broken += 1
                    say(f"(the entry {entry.key} was changed, or sealed for another key)")
                else:
                    _show_entry(entry, content, as_json=as_json)
    if broken:
        raise NotDoneError(
            f"{broken:,} entries were not shown: somebody has changed them in the table, or the"
            f" secret {secret_of_traces(tenant)} of the vault"
        )


async def _opened(
    vault: TokenVault, storage: Storage, tenant: str, trace: OpenTrace, begin: int
) -> AsyncIterator[tuple[SealedEntry, TraceContent | None]]:
    """Yield the entries of a trace, each with what it tells; None for one that cannot be opened."""
    from shared.trace_seals import BrokenSealError, unseal  # noqa: PLC0415 - as above

    key = await vault.value(secret_of_traces(tenant), trace.key_version)
    context = storage.context(tenant)
    async for entry in storage.store.traces.entries(context, trace.id, begin):
        try:
            packed = unseal(key, entry.content, trace_place(tenant, entry.key))
        except BrokenSealError:
            yield entry, None
        else:
            yield entry, TraceContent.unpack(packed)


def _show_entry(entry: SealedEntry, content: TraceContent, *, as_json: bool) -> None:
    if as_json:
        console.show_json_line(trace_as_json(entry.time, content))
        return
    for line in trace_as_lines(entry.time, content):
        console.show_line(line)


async def _list(where: Place, tenant: str | None) -> list[dict[str, Any]]:
    """List traces. 2 calls a tenant."""
    _ = where.storage
    known = [each.tenant for each in await known_tenants(where)] if tenant is None else [tenant]
    found = []
    async with open_storage(where) as storage:
        for name in known:
            context = storage.context(name)
            kept = await storage.store.traces.kept(context)
            current = await storage.store.traces.read(context) if kept else None
            if tenant is not None and not kept:
                await require_tenant(where, storage, name)
            is_open = current.id if current else ""
            found += [
                {"tenant": name, **_as_json(each, is_open=each.id == is_open)} for each in kept
            ]
    return found


def secret_of_traces(tenant: str) -> str:
    """Return the name of the secret that holds the private keys of the traces of a tenant."""
    return f"scim-trace--{tenant}"


def operator_label(*signed_in: Identity) -> str:
    """Name whoever opens or closes a trace, as change rows do: `admin`, and who is signed in."""
    name = next((text for each in signed_in if (text := each.name or each.object_id)), "")
    return f"admin/{name}" if name else "admin"


def _already_open(tenant: str) -> NotDoneError:
    return NotDoneError(
        f"a trace of the tenant {tenant} is open: `trace list` shows it, `trace off` ends it"
    )


def _as_json(trace: OpenTrace, *, is_open: bool) -> dict[str, Any]:
    return {
        "id": trace.id,
        "state": "open" if is_open else "ended",
        "opened": console.time_of_milliseconds(layout.trace_time(trace.id)),
        "until": console.time_of(trace.until),
        "user": trace.user,
        "by": trace.by,
        "keyVersion": trace.key_version,
    }
