"""`link`: the setup links that let a customer's administrator into the portal."""

import time
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from shared import tenants
from shared.portal_codes import STAFF, PortalCode
from shared.store.setup_links import IssuedLink, Right, SetupLink
from tools.admin import console, grants
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    Tenant,
    Vault,
    place,
    run,
)
from tools.admin.errors import NotDoneError, NotThereError, WrongSettingError
from tools.admin.existence import known_tenants
from tools.admin.places import Place
from tools.admin.storage import open_storage
from tools.command_line import App, say

app = App(no_args_is_help=True, epilog=EXIT_STATUS)


@app.command(epilog=EXIT_STATUS)
def new(
    tenant: Tenant = tenants.DEFAULT,
    rights: Annotated[
        list[Right] | None,
        typer.Option(
            "--right",
            help="What the link allows; may be given several times. All of it when not given.",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=90, help="For how many days the link can be opened.")
    ] = 7,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the service is reached, as `https://scim.example.com`. On this machine it"
            " is found by the run.",
        ),
    ] = None,
    staff: Annotated[
        bool,
        typer.Option(
            "--staff",
            help="On this machine alone: a link to the pages of the vendor's staff, which show"
            " every tenant. In Azure staff sign in instead.",
        ),
    ] = False,
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Make a setup link: it opens the portal of a tenant to one person, once.

    The link is printed once, alone on standard output. What opens the portal stands behind its `#`
    and is kept nowhere, only its digest is. The session that begins when it is opened takes 8
    hours. It takes the role Storage Table Data Contributor.
    """
    where = place(vault=vault, storage=storage, table=table)
    if staff:
        tenant = _staff(where, tenant)
    base = _base(where, url)
    issued = run(_new(where, tenant, rights or list(Right), days))
    link = PortalCode(tenant, issued.link.id, issued.secret).url(base)
    if as_json:
        console.show_json({**_as_json(issued.link), "url": link})
        return
    until = console.time_of(issued.link.expires)
    whose = "staff" if staff else f"the tenant {tenant}"
    say(f"setup link {issued.link.id} of {whose}, to be opened once until {until}:")
    console.show_line(link)


@app.command("list", epilog=EXIT_STATUS)
def list_links(
    tenant: Tenant = tenants.DEFAULT,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """List the setup links of a tenant, the newest first; never what opens the portal."""
    found = [_as_json(link) for link in run(_list(place(storage=storage, table=table), tenant))]
    if as_json:
        console.show_json(found)
        return
    columns = ["id", "state", "rights", "created", "expires", "opened", "maker"]
    rows = [[_cell(link[column]) for column in columns] for link in found]
    console.show_table(columns, rows)


@app.command(epilog=EXIT_STATUS)
def revoke(
    link_id: Annotated[
        str, typer.Argument(metavar="ID", help="The link, as `link list` shows it.")
    ],
    tenant: Tenant = tenants.DEFAULT,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a setup link: it opens nothing, and whoever has opened it is signed out."""
    link = run(_revoke(place(storage=storage, table=table), tenant, link_id))
    if as_json:
        console.show_json(_as_json(link))
    else:
        say(f"the setup link {link.id} is revoked")


async def _new(where: Place, tenant: str, rights: list[Right], days: int) -> IssuedLink:
    known = [secret.tenant for secret in await known_tenants(where)]
    if tenant not in {*known, STAFF}:
        raise NotThereError(
            f"there is no tenant {tenant}, so a link would lead nowhere: `token new --tenant"
            f" {tenant}` creates it, `tenant list` shows those that exist"
        )
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        return await storage.store.setup_links.issue(storage.context(tenant), rights, days)


async def _list(where: Place, tenant: str) -> list[SetupLink]:
    async with open_storage(where) as storage:
        return await storage.store.setup_links.list_links(storage.context(tenant))


async def _revoke(where: Place, tenant: str, link_id: str) -> SetupLink:
    async with open_storage(where, grants.STORAGE_WRITER_ROLE) as storage:
        return await storage.store.setup_links.revoke(storage.context(tenant), link_id)


def _staff(where: Place, tenant: str) -> str:
    """Return what stands for the tenant in a link of staff.

    Raises:
        WrongSettingError: a tenant is named too, or the service is not one of this machine.
    """
    if tenant != tenants.DEFAULT:
        raise WrongSettingError("--staff is of all tenants: leave --tenant out")
    if not where.is_local:
        raise WrongSettingError(
            "--staff is for this machine: in Azure staff sign in (docs/portal.md, Staff of the"
            " vendor)"
        )
    return STAFF


def _base(where: Place, url: str | None) -> str:
    """Find where the service is reached.

    Raises:
        WrongSettingError: it is not known, or is no address.
        NotDoneError: the service of this machine does not run.
    """
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query:
            raise WrongSettingError("--url is no address: put one like https://scim.example.com")
        return url.rstrip("/")
    if where.settings.base_url is not None:
        return where.settings.base_url
    if where.run is not None:
        return where.run.tenant_url.removesuffix("/scim/v2")
    if where.is_local:
        raise NotDoneError("no service runs in this folder: begin `make run`, or give --url")
    raise WrongSettingError("--url is not given: put where the service is reached, as https://...")


def _as_json(link: SetupLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "state": link.state(time.time()),
        "rights": sorted(link.rights),
        "created": console.time_of(link.created),
        "expires": console.time_of(link.expires),
        "opened": None if link.opened is None else console.time_of(link.opened),
        "revoked": None if link.revoked is None else console.time_of(link.revoked),
        "maker": link.maker,
    }


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
