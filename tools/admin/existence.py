"""Whether a tenant and its table exist: asked where a read found nothing, so it costs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import tenants
from tools.admin import stats
from tools.admin.errors import NotThereError
from tools.admin.vault import TenantSecret, open_vault
from tools.command_line import say

if TYPE_CHECKING:
    from tools.admin.places import Place
    from tools.admin.storage import Storage


async def known_tenants(place: Place) -> list[TenantSecret]:
    """List the tenants of the vault, or of the settings of this machine when it names none.

    Raises:
        WrongSettingError: it is not on this machine, and no vault is named.
    """
    if place.is_local and place.settings.key_vault_url is None:
        return [TenantSecret(name, True, None, None) for name in place.local_tenants]
    async with open_vault(place) as vault:
        return await vault.tenants()


async def require_tenant(place: Place, storage: Storage, tenant: str) -> None:
    """Refuse a tenant that does not exist, and a table that does not.

    A tenant exists when the table holds a row of it, or the vault (the settings of this machine) a
    token. 1 call when there are rows; otherwise 2, and those of the vault.

    Raises:
        NotThereError: there is no such tenant, or no such table.
    """
    if not await stats.is_empty(storage, tenant):
        return
    await require_table(place, storage)
    if place.settings.key_vault_url is not None:
        await _require_secret(place, tenant)
    elif not place.is_local:
        raise NotThereError(
            f"the table {place.settings.table_name} of {place.storage} holds nothing of a tenant"
            f" {tenant}: it does not exist, or is new; KEY_VAULT_URL names the vault that knows"
        )
    elif tenant not in place.local_tenants:
        raise NotThereError(
            f"there is no tenant {tenant}: the settings of this machine have no token of it, and"
            f" the table {place.settings.table_name} of {place.storage} holds nothing of it;"
            " one that was made with POST /api/v1/tenants is known to the running service alone,"
            " until something is provisioned into it"
        )


async def require_table(place: Place, storage: Storage) -> None:
    """Refuse a table that was named and does not exist. One call.

    The one that nobody named may be missing, because the service creates it with the first request
    that it answers; that is only said.

    Raises:
        NotThereError: there is no such table.
    """
    if await storage.has_table():
        return
    absent = f"there is no table {place.settings.table_name} in {place.storage}"
    if place.names_table:
        raise NotThereError(f"{absent}: check --table, or TABLE_NAME in the environment")
    say(f"({absent}: the service creates it with the first request that it answers)")


async def _require_secret(place: Place, tenant: str) -> None:
    async with open_vault(place) as vault:
        if await vault.versions(tenants.secret_name(tenant)):
            return
    raise NotThereError(
        f"there is no tenant {tenant}: the vault {place.vault_url} holds no secret of it, and the"
        f" table {place.settings.table_name} of {place.storage} nothing; `tenant list` shows those"
        " that exist"
    )
