"""`tenant show` and `tenant set`: the settings of a tenant."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.errors import ScimError
from shared.store.guard_state import Hold
from shared.store.tenant_settings import KeptSettings
from shared.store.user_roles import FoundGroups
from shared.tables.request_context import RequestContext
from shared.tenant_settings import NAMES, patched
from tools.admin import console, grants
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Vault,
    place,
    run,
    tenant_name,
)
from tools.admin.errors import WrongSettingError
from tools.admin.existence import require_tenant
from tools.admin.places import Place
from tools.admin.storage import Storage, open_storage
from tools.command_line import App, say

_Named = Annotated[str, typer.Argument(metavar="TENANT", callback=tenant_name, help="The tenant.")]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a tenant.

    Attributes:
        kept: its settings.
        found: the groups of its role map.
        hold: what the guard holds, about which somebody has to decide; None for nothing.
    """

    kept: KeptSettings
    found: FoundGroups
    hold: Hold | None


def add_to(app: App) -> None:
    """Add the commands to those of `tenant`."""
    app.command("show", epilog=EXIT_STATUS)(show)
    app.command("set", epilog=EXIT_STATUS)(change)


def show(
    tenant: _Named,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show the settings of a tenant; what is not set is as the deployment says."""
    where = place(vault=vault, storage=storage, table=table)
    _show(tenant, run(_read(where, tenant)), as_json=as_json)


def change(
    tenant: _Named,
    role_map: Annotated[
        Path | None,
        typer.Option(
            "--role-map",
            metavar="FILE",
            help="A JSON file with the whole role map:"
            ' `[{"group": {"displayName": "Admins"}, "role": "admin", "priority": 1}]`.',
        ),
    ] = None,
    requests_per_second: Annotated[
        int | None,
        typer.Option("--requests-per-second", metavar="N", help="25 to 10,000, by each instance."),
    ] = None,
    unknown_members: Annotated[
        str | None, typer.Option("--unknown-members", metavar="skip|reject", help="What to do.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="tolerant|interop",
            help="How strictly its identity provider is read.",
        ),
    ] = None,
    group_names: Annotated[
        str | None,
        typer.Option(
            "--group-names",
            metavar="unique|repeat",
            help="Whether two groups may have one displayName; `repeat` is for good.",
        ),
    ] = None,
    guard: Annotated[
        str | None,
        typer.Option(
            "--guard",
            metavar="JSON",
            help='What of the guard is to change: `{"hold": true, "users": 25}`.',
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="NAME", help=f"Unset one of {', '.join(NAMES)}."),
    ] = None,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Change the settings of a tenant; every instance of the service goes by them within a minute.

    You need the role Storage Table Data Contributor on the storage account.
    """
    given = {
        "roleMap": None if role_map is None else _json_in(role_map),
        "requestsPerSecond": requests_per_second,
        "unknownMembers": unknown_members,
        "profile": profile,
        "groupNames": group_names,
        "guard": None if guard is None else _json_of("--guard", guard),
    }
    patch = dict.fromkeys(unset or []) | {
        name: value for name, value in given.items() if value is not None
    }
    if not patch:
        raise typer.BadParameter("name a setting that is to change")
    try:
        patched({}, patch)
    except ScimError as error:
        raise WrongSettingError(error.detail) from error
    where = place(vault=vault, storage=storage, table=table)
    _show(tenant, run(_change(where, tenant, patch)), as_json=as_json)


async def _read(where: Place, tenant: str) -> _Read:
    async with open_storage(where) as storage:
        await require_tenant(where, storage, tenant)
        context = storage.context(tenant)
        return await _read_besides(storage, context, await storage.store.settings.read(context))


async def _change(where: Place, tenant: str, patch: dict[str, Any]) -> _Read:
    async with open_storage(where, role=grants.STORAGE_WRITER_ROLE) as storage:
        await require_tenant(where, storage, tenant)
        context = storage.context(tenant)
        kept = await storage.store.settings.update(context, lambda held: patched(held, patch))
        return await _read_besides(storage, context, kept)


async def _read_besides(storage: Storage, context: RequestContext, kept: KeptSettings) -> _Read:
    found = await storage.store.roles.find(context, kept)
    return _Read(kept, found, await storage.store.guard.read_open_hold(context, kept))


def _json_of(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongSettingError(f"{option} is no JSON: {error}") from error


def _json_in(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongSettingError(f"{file} cannot be read as JSON: {error}") from error


def _show(tenant: str, read: _Read, *, as_json: bool) -> None:
    kept, found = read.kept, read.found
    settings = kept.settings.document()
    if as_json:
        held = {} if read.hold is None else {"held": {"id": read.hold.id, **read.hold.numbers}}
        console.show_json({"tenant": tenant, **settings, **held, "set": list(settings)})
    else:
        entries = kept.settings.role_map or ()
        shown = {name: value for name, value in settings.items() if name != "roleMap"}
        console.show_fields({"tenant": tenant, "changed": kept.modified, **shown})
        if entries:
            rows = [
                [
                    each.role,
                    each.priority,
                    each.group.display_name or each.group.external_id,
                    number,
                ]
                for each, number in zip(entries, found.numbers, strict=True)
            ]
            console.show_table(["role", "priority", "group", "groups now"], rows)
    if read.hold is not None:
        _tell_of_hold(tenant, read.hold)
    missing = [index for index, number in enumerate(found.numbers) if not number]
    if missing:
        say(f"(no group now for {len(missing)} entries of the role map, the first is {missing[0]})")


def _tell_of_hold(tenant: str, hold: Hold) -> None:
    say(
        f"(the guard holds {len(hold.users)} users and members of {len(hold.groups)} groups,"
        " whatever is set now, until somebody decides:"
        f" `guard release {hold.id} --tenant {tenant}`, or `guard undo`)"
    )
    if hold.release_at is not None:
        say(f"(it is released by itself at {console.time_of(hold.release_at / 1_000)})")
