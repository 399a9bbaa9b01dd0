"""`webhook`: endpoints to which events are sent, their secrets and their deliveries."""

import time
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any

import typer

from shared.auth import rotation
from shared.auth.rotation import Drawn, Lifetime, SecretVersions
from shared.auth.versions import VersionState, having, standings
from shared.errors import InvalidValue
from shared.events.event import GUARD_HELD, types_of
from shared.store.layout import new_id_without_name
from shared.store.webhook_deliveries import (
    Delivery,
    DeliveryState,
    DeliveryStream,
    Redelivery,
    RedeliveryResult,
    is_event_id,
)
from shared.store.webhook_endpoints import EndpointChange, EndpointState, WebhookEndpoint
from shared.webhook_endpoints import checked_url, types_among
from tools.admin import console, grants
from tools.admin.commands import issuing
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Vault,
    milliseconds_of,
    now_in_milliseconds,
    place,
    run,
    tenant_name,
)
from tools.admin.errors import NotThereError, WrongSettingError
from tools.admin.existence import known_tenants
from tools.admin.holders import Holder
from tools.admin.places import Kept, Place
from tools.admin.storage import open_storage
from tools.admin.tokens import told_of
from tools.admin.vault import open_vault
from tools.command_line import App, say

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

_SECRET_DAYS = 3_650
_HOUR = 3_600
_TYPES = frozenset({*types_of("User"), *types_of("Group"), GUARD_HELD})


def _names(texts: list[str] | None) -> list[str] | None:
    return None if texts is None else [tenant_name(each) for each in texts]


Id = Annotated[str, typer.Argument(metavar="ID", help="The endpoint, as `webhook list` shows it.")]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Where events are posted.")]
Tenants = Annotated[
    list[str] | None,
    typer.Option(
        "--tenant",
        metavar="TENANT",
        callback=_names,
        help="A tenant whose events are sent; may be given several times.",
    ),
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="A type of events of users or groups that are sent, as user.deactivated; may be given"
        " several times. Types of your own resources are named by /api/v1 alone.",
    ),
]
Description = Annotated[str | None, typer.Option(help="For people.")]
OfTenant = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="TENANT",
        help="Whose events. May be left out where the endpoint is of one tenant alone.",
    ),
]


@app.command(epilog=EXIT_STATUS)
def new(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted: https.")],
    tenant: Tenants = None,
    types: Types = None,
    description: Description = None,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Create a webhook endpoint: events from now on are sent to it.

    Its secret, which verifies what arrives, is printed once, alone on standard output. Without
    --tenant it is sent the events of all tenants, of later ones too. The service begins within a
    minute, if SCIM_WEBHOOKS is on.
    """
    where = place(vault=vault, storage=storage, table=table, kept=Kept.WEBHOOK_SECRETS)
    wanted = WebhookEndpoint(
        id=new_id_without_name(),
        url=_url(where, url),
        tenants=None if not tenant else tuple(sorted({*tenant})),
        types=_types(types),
        description=description,
    )
    drawn = run(_new(where, wanted))
    issuing.hand_over(Holder.webhook(wanted.id), drawn, as_json=as_json)


@app.command("list", epilog=EXIT_STATUS)
def list_endpoints(
    storage: StorageEndpoint = None, table: TableName = None, as_json: AsJson = False
) -> None:
    """List the webhook endpoints, the oldest first; never a secret."""
    found = [each.told() for each in run(_list(place(storage=storage, table=table)))]
    if as_json:
        console.show_json(found)
        return
    columns = ["id", "state", "url", "tenants", "types", "reason"]
    rows = [[_cell(column, each[column]) for column in columns] for each in found]
    console.show_table(columns, rows)


@app.command(epilog=EXIT_STATUS)
def show(
    endpoint: Id,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show a webhook endpoint; never its secret."""
    _show(run(_get(place(storage=storage, table=table), endpoint)), as_json=as_json)


@app.command("set", epilog=EXIT_STATUS)
def change(
    endpoint: Id,
    url: Url = None,
    tenant: Tenants = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Send the events of all tenants.")
    ] = False,
    types: Types = None,
    all_types: Annotated[
        bool, typer.Option("--all-types", help="Send events of all types.")
    ] = False,
    description: Description = None,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Change a webhook endpoint; every instance goes by it within a minute."""
    if (tenant and all_tenants) or (types and all_types):
        raise typer.BadParameter("name some, or take all; not both")
    where = place(vault=vault, storage=storage, table=table, kept=Kept.WEBHOOK_SECRETS)
    named: dict[str, Any] = {}
    if url is not None:
        named["url"] = _url(where, url)
    if tenant or all_tenants:
        named["tenants"] = None if all_tenants else tuple(sorted({*(tenant or ())}))
    if types or all_types:
        named["types"] = _types(types)
    if description is not None:
        named["description"] = description or None
    if not named:
        raise typer.BadParameter("name what is to change")
    _show(run(_change(where, endpoint, named)), as_json=as_json)


def _add_command_into(state: EndpointState, name: str, text: str) -> None:
    """Add the command that puts an endpoint into a state."""

    @app.command(name, epilog=EXIT_STATUS, help=text)
    def put_into(
        endpoint: Id,
        storage: StorageEndpoint = None,
        table: TableName = None,
        as_json: AsJson = False,
    ) -> None:
        where = place(storage=storage, table=table)
        changed = run(_update(where, endpoint, lambda kept: kept.in_state(state)))
        _show(changed, as_json=as_json)


_add_command_into(
    "paused",
    "pause",
    "Send nothing to an endpoint until it is resumed; what happens meanwhile is sent then.",
)
_add_command_into(
    "enabled",
    "resume",
    "Send events to an endpoint again that was paused, or that the service has disabled.",
)


@app.command(epilog=EXIT_STATUS)
def rotate(
    endpoint: Id,
    overlap_hours: Annotated[
        int,
        typer.Option(
            min=0,
            max=720,
            help="For how long the present secret signs beside the new one; 0 ends it at once, for"
            " one that has leaked.",
        ),
    ] = 24,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Draw another secret of an endpoint, for one that is to be replaced, or that was lost.

    It is printed once, alone on standard output. Webhooks are signed with both for the overlap.
    """
    run(
        _rotate(
            place(vault=vault, kept=Kept.WEBHOOK_SECRETS),
            endpoint,
            overlap_hours * _HOUR,
            as_json=as_json,
        )
    )


@app.command(epilog=EXIT_STATUS)
def delete(
    endpoint: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
) -> None:
    """Delete an endpoint: it is sent nothing more, and its secrets are disabled."""
    where = place(vault=vault, storage=storage, table=table, kept=Kept.WEBHOOK_SECRETS)
    _ = where.vault_url  # a place without one is refused before a question is asked
    if not yes:
        issuing.confirm(f"What was not delivered to {endpoint} will not be. Delete it?")
    run(_delete(where, endpoint))
    say(f"the webhook endpoint {endpoint} is deleted")


@app.command(epilog=EXIT_STATUS)
def deliveries(
    endpoint: Id,
    tenant: OfTenant = None,
    state: Annotated[
        DeliveryState | None, typer.Option(help="Only those; all when not given.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=999, help="How many at most.")] = 100,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """List what became of the newest events: attempts, status, latency, and why it failed."""
    where = place(storage=storage, table=table)
    found, lost_before = run(_deliveries(where, endpoint, tenant, state, limit))
    if lost_before is not None:
        say(
            f"Events from before {console.time_of(lost_before / 1_000)} were never sent, because"
            " they were no longer kept: have the product copy all users and groups anew."
        )
    shown = [_delivery(each) for each in found]
    if as_json:
        console.show_json(shown)
        return
    columns = ["id", "type", "state", "attempts", "status", "latency_ms", "last", "next", "error"]
    console.show_table(columns, [[each[column] for column in columns] for each in shown])


@app.command(epilog=EXIT_STATUS)
def redeliver(
    endpoint: Id,
    tenant: OfTenant = None,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="ID", help="An event; may be given several times."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Those of events from then on, delivered ones too."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="And before then.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that are dead.")] = False,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Deliver events again: some by their ids, those of a time, or all that are dead.

    Of those that are pending the next attempt is made now. The schedule of each begins anew.
    WHEN is a time, or how long ago: 90s, 15m, 2h, 7d. They are sent within five minutes.
    """
    wanted = _redelivery(event, since, until, dead=dead)
    done = run(_redeliver(place(storage=storage, table=table), endpoint, tenant, wanted))
    until = None if done.until is None else console.time_of_milliseconds(done.until)
    if as_json:
        told = {"redelivered": done.number, "more": done.has_more}
        console.show_json(told if until is None else {**told, "until": until})
    with_until = "" if until is None else f" with --until {until}"
    more = f"; there may be more, so give the command again{with_until}" if done.has_more else ""
    say(f"{done.number:,} deliveries are made again, within five minutes{more}")


async def _new(where: Place, wanted: WebhookEndpoint) -> Drawn:
    await _require_tenants(where, wanted.tenants or ())
    holder = Holder.webhook(wanted.id)
    async with (
        open_vault(where) as vault,
        open_storage(where, grants.STORAGE_WRITER_ROLE) as storage,
    ):
        context = storage.context("")
        await storage.store.webhook_endpoints.require_room(context)
        drawn = await issuing.draw_first(vault, holder, _lifetime())
        try:
            await storage.store.webhook_endpoints.create(context, wanted)
        except Exception:
            await _close(vault, holder)  # nobody has seen it, and nothing is signed with it
            raise
    return drawn


async def _list(where: Place) -> tuple[WebhookEndpoint, ...]:
    async with open_storage(where) as storage:
        return await storage.store.webhook_endpoints.list(storage.context(""))


async def _get(where: Place, endpoint: str) -> WebhookEndpoint:
    async with open_storage(where) as storage:
        return await storage.store.webhook_endpoints.get(storage.context(""), endpoint)


async def _change(where: Place, endpoint: str, named: dict[str, Any]) -> WebhookEndpoint:
    await _require_tenants(where, named.get("tenants") or ())
    return await _update(where, endpoint, lambda kept: replace(kept, **named))


async def _update(where: Place, endpoint: str, change: EndpointChange) -> WebhookEndpoint:
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        return await storage.store.webhook_endpoints.update(storage.context(""), endpoint, change)


async def _rotate(where: Place, endpoint: str, overlap: float, *, as_json: bool) -> None:
    holder, now = Holder.webhook(endpoint), time.time()
    async with open_vault(where) as vault:
        with told_of(holder):
            judged = standings(await vault.versions(holder.secret.name), now)
            drawn = await rotation.rotate(vault, holder.secret, _lifetime(), now)
        # Before anything else, so that whatever fails now, what was drawn is not lost.
        issuing.hand_over(holder, drawn, as_json=as_json)
        with told_of(holder):
            await rotation.settle(vault, holder.secret, drawn, time.time())
        for present in having(VersionState.VALID, judged)[:1]:
            until = min(now + overlap, present.expires or now + overlap)
            await vault.expire(holder.secret.name, present.id, until)
            say(f"The secret {present.id[:8]} stays valid until {console.time_of(until)}.")


async def _delete(where: Place, endpoint: str) -> None:
    async with open_vault(where) as vault:
        await _close(vault, Holder.webhook(endpoint))
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        await storage.store.webhook_endpoints.delete(storage.context(""), endpoint)


async def _close(vault: SecretVersions, holder: Holder) -> None:
    """Disable the secrets of an endpoint, if there are any."""
    with told_of(holder):
        try:
            await rotation.close(vault, holder.secret, time.time())
        except rotation.NoSecretError:
            return


async def _deliveries(
    where: Place, endpoint: str, tenant: str | None, state: DeliveryState | None, limit: int
) -> tuple[list[Delivery], int | None]:
    """Return deliveries, and before when events are lost, in POSIX milliseconds."""
    async with open_storage(where) as storage:
        context = storage.context("")
        kept = await storage.store.webhook_endpoints.get(context, endpoint)
        stream = _stream(kept, tenant)
        page = await storage.store.webhook_deliveries.page(context, stream, state, limit)
        own = storage.context(stream.tenant)
        checkpoint = await storage.store.webhook_checkpoints.read(own, endpoint)
        return page.deliveries, None if checkpoint is None else checkpoint.lost_before


async def _redeliver(
    where: Place, endpoint: str, tenant: str | None, wanted: Redelivery
) -> RedeliveryResult:
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        context = storage.context("")
        kept = await storage.store.webhook_endpoints.get(context, endpoint)
        stream = _stream(kept, tenant)
        return await storage.store.webhook_deliveries.redeliver(context, stream, wanted)


async def _require_tenants(where: Place, named: Collection[str]) -> None:
    """Refuse tenants that do not exist, before anything is written.

    Raises:
        NotThereError: there is no such tenant.
    """
    if not named:
        return
    known = {secret.tenant for secret in await known_tenants(where)}
    for tenant in named:
        if tenant not in known:
            raise NotThereError(
                f"there is no tenant {tenant}: `token new --tenant {tenant}` creates it, `tenant"
                " list` shows those that exist"
            )


def _stream(endpoint: WebhookEndpoint, tenant: str | None) -> DeliveryStream:
    if tenant is not None:
        return DeliveryStream(endpoint.id, tenant_name(tenant))
    if endpoint.tenants is None or len(endpoint.tenants) != 1:
        raise WrongSettingError("--tenant is not given: the endpoint is of several tenants")
    return DeliveryStream(endpoint.id, endpoint.tenants[0])


def _redelivery(
    events: list[str] | None, since: str | None, until: str | None, *, dead: bool
) -> Redelivery:
    by_time = since is not None or until is not None
    if [bool(events), by_time, dead].count(True) != 1 or (until and not since):
        raise typer.BadParameter("say which: --event ID, --since WHEN [--until WHEN], or --dead")
    if events:
        if not all(map(is_event_id, events)):
            raise typer.BadParameter("--event: put an id as `webhook deliveries` shows it")
        return Redelivery(ids=tuple(events))
    now = now_in_milliseconds()
    begin, end = (None if each is None else milliseconds_of(each, now) for each in (since, until))
    if begin is not None and end is not None and end <= begin:
        raise typer.BadParameter("--until is not after --since: put a later time")
    return Redelivery(since=begin, until=end)


def _url(where: Place, url: str) -> str:
    try:
        return checked_url(url, to_loopback=where.settings.webhooks_to_loopback == "on")
    except InvalidValue as error:
        raise WrongSettingError(error.detail) from error


def _types(types: list[str] | None) -> tuple[str, ...]:
    try:
        return types_among(types or [], _TYPES)
    except InvalidValue as error:
        raise WrongSettingError(error.detail) from error


def _lifetime() -> Lifetime:
    return issuing.lifetime_of(_SECRET_DAYS, None)


def _show(endpoint: WebhookEndpoint, *, as_json: bool) -> None:
    shown = endpoint.told()
    if as_json:
        console.show_json(shown)
    else:
        console.show_fields({name: _cell(name, value) for name, value in shown.items()})


def _delivery(delivery: Delivery) -> dict[str, Any]:
    moments = {
        "redelivered": delivery.redelivered,
        "last": delivery.last_attempt,
        "next": delivery.next_attempt,
    }
    return {
        "id": delivery.id,
        "tenant": delivery.tenant,
        "type": delivery.type,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "latency_ms": delivery.latency_ms,
        **{
            name: None if each is None else console.time_of_milliseconds(each)
            for name, each in moments.items()
        },
        "error": delivery.error,
        "answer": delivery.answer,
    }


def _cell(name: str, value: Any) -> Any:
    if name in {"tenants", "types"} and value is None:
        return "all"
    return ", ".join(value) if isinstance(value, list) else value
