"""Tenants and their tokens, as the product manages them: listed, drawn, revoked and closed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from shared import tenants
from shared.auth import rotation
from shared.auth.rotation import Lifetime, ManagedSecret
from shared.auth.secret_changes import Act, SecretChanges, vault_unavailable
from shared.auth.versions import standings
from shared.clock import Clock
from shared.errors import Conflict, NotFound, NotServed

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from shared.auth.rotation import Drawn, SecretVersions
    from shared.auth.secret_changes import Requester
    from shared.auth.versions import Standing
    from shared.errors import ScimError

_log = logging.getLogger("scim.tokens")


class TenantState(StrEnum):
    """Whether the tokens of a tenant open it."""

    OPEN = "open"
    CLOSED = "closed"
    NO_VALID_TOKEN = "noValidToken"  # noqa: S105 - a state, no token


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """Whether its tokens open a tenant, and when the newest expires, in POSIX seconds."""

    state: TenantState
    expires: float | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was drawn, and the ids of the versions that were disabled for it."""

    drawn: Drawn
    disabled: list[str]


class TenantTokens(Protocol):
    """What manages tenants and their tokens.

    Each method raises `Unavailable` where the vault does not answer. Those that write raise
    `NotServed` where the service may not write, and tell in the log who did what.
    """

    async def names(self) -> list[str]:
        """Name all tenants, closed ones too, in the order of their names."""

    async def access(self, tenant: str) -> TenantAccess:
        """Tell whether a tenant is open.

        Raises:
            NotFound: There is no such tenant.
        """

    async def create(self, tenant: str, expires: float, by: Requester) -> NewToken:
        """Create a tenant by drawing its first token.

        Raises:
            Conflict: There is one.
        """

    async def draw(
        self, tenant: str, expires: float, by: Requester, *, reopens: bool = True
    ) -> NewToken:
        """Draw another token of a tenant; its present one stays valid, and older ones end.

        Args:
            tenant: Whose token.
            expires: When it expires, in POSIX seconds.
            by: On whose behalf.
            reopens: Whether a closed tenant is opened by it, to this token alone.

        Raises:
            NotFound: There is no such tenant.
            Conflict: Others drew or closed at the same time, and this was taken back; or the tenant
                is closed, and not to be opened.
        """

    async def versions(self, tenant: str) -> list[Standing]:
        """Judge the versions of a tenant's secret, the newest first.

        Raises:
            NotFound: There is no such tenant.
        """

    def label(self, tenant: str, version: str) -> str:
        """Name a version of a tenant's secret as the log and the change rows do."""

    async def revoke(self, tenant: str, version: str, by: Requester) -> list[str]:
        """Disable a version, and older ones that would come back; return which were disabled.

        Raises:
            NotFound: There is no such version.
            Conflict: It is the newest, which closes the tenant.
        """

    async def close(self, tenant: str, by: Requester) -> list[str]:
        """Disable all versions of a tenant; return those that were not disabled before.

        Raises:
            NotFound: There is no such tenant.
        """


class KnownTokens(Protocol):
    """What authentication has read of the vault (`VaultTokens`)."""

    async def listed_tenants(self) -> list[str]:
        """Name all tenants, closed ones too."""

    async def tenant_access(self, tenant: str) -> TenantAccess:
        """Tell whether a tenant is open."""

    def note_change(self, secret: str) -> None:
        """Have a secret read again before it serves, since this process has changed it."""

    def label(self, tenant: str, version: str) -> str:
        """Name a version of a tenant's secret as the log and the change rows do."""


class WithoutVault:
    """No tenants, because the settings name no place where tokens are."""

    async def names(self) -> list[str]:
        """Name no tenant."""
        return []

    async def access(self, tenant: str) -> TenantAccess:
        """Know no tenant; see `TenantTokens.access`."""
        del tenant
        raise no_such_tenant()

    async def create(self, tenant: str, expires: float, by: Requester) -> NewToken:
        """Refuse; see `TenantTokens.create`."""
        del tenant, expires, by
        raise self._refusal()

    async def draw(
        self, tenant: str, expires: float, by: Requester, *, reopens: bool = True
    ) -> NewToken:
        """Refuse; see `TenantTokens.draw`."""
        del tenant, expires, by, reopens
        raise self._refusal()

    async def versions(self, tenant: str) -> list[Standing]:
        """Refuse; see `TenantTokens.versions`."""
        del tenant
        raise self._refusal()

    def label(self, tenant: str, version: str) -> str:
        """Name a version, of which there is none; see `TenantTokens.label`."""
        return f"{tenants.secret_name(tenant)}/{version[:8]}"

    async def revoke(self, tenant: str, version: str, by: Requester) -> list[str]:
        """Refuse; see `TenantTokens.revoke`."""
        del tenant, version, by
        raise self._refusal()

    async def close(self, tenant: str, by: Requester) -> list[str]:
        """Refuse; see `TenantTokens.close`."""
        del tenant, by
        raise self._refusal()

    def _refusal(self) -> NotServed:
        return NotServed(
            "Tokens are managed where they lie in Key Vault, and this service has none: set"
            " KEY_VAULT_URL and start it again."
        )


@dataclass(slots=True)
class VaultTenantTokens:
    """Tenants whose tokens lie in Key Vault, or in what a developer's machine has in its place.

    Attributes:
        vault: Where they lie.
        remembered: What authentication has read of it.
        write_refused: The exception by which the vault says that the app may not write; `()` if it
            never does.
        name_taken: The exception by which it says that a deleted secret has the name; likewise.
        clock: The time by which tokens begin and expire.
    """

    vault: SecretVersions
    remembered: KnownTokens
    write_refused: type[Exception] | tuple[()] = ()
    name_taken: type[Exception] | tuple[()] = ()
    clock: Clock = field(default_factory=Clock)
    _changes: SecretChanges = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the changes of the vault."""
        note_change = self.remembered.note_change
        self._changes = SecretChanges(self.vault, note_change, self.write_refused, self.clock)

    async def names(self) -> list[str]:
        """Name all tenants, as they were read within the last minute."""
        return sorted(await self.remembered.listed_tenants())

    async def access(self, tenant: str) -> TenantAccess:
        """Tell whether a tenant is open, as it was read within the last minute."""
        return await self.remembered.tenant_access(tenant)

    async def create(self, tenant: str, expires: float, by: Requester) -> NewToken:
        """Create a tenant; see `TenantTokens.create`. 4 calls of the vault."""
        secret = ManagedSecret.of_tenant(tenant)
        lifetime = Lifetime(None, expires)
        async with self._acting("create", tenant, by) as told:
            drawn = await rotation.draw_first(self.vault, secret, lifetime, self.clock.wall())
            told["version"] = drawn.version.id
        return NewToken(drawn, [])

    async def draw(
        self, tenant: str, expires: float, by: Requester, *, reopens: bool = True
    ) -> NewToken:
        """Draw a token; see `TenantTokens.draw`. 3 calls, and one for each that is superseded."""
        secret = ManagedSecret.of_tenant(tenant)
        lifetime = Lifetime(None, expires)
        async with self._acting("draw", tenant, by) as told:
            now = self.clock.wall()
            drawn = await rotation.rotate(self.vault, secret, lifetime, now, reopens=reopens)
            told["version"] = drawn.version.id
            disabled = await self._changes.settle(secret, drawn, by)
            told["disabled"] = disabled
        return NewToken(drawn, disabled)

    async def versions(self, tenant: str) -> list[Standing]:
        """Judge the versions; see `TenantTokens.versions`. One call for each 25."""
        try:
            listed = await self.vault.versions(tenants.secret_name(tenant))
        except Exception as error:
            _log.warning("Reading the versions of %s failed: %s", tenant, error)
            raise vault_unavailable("Nothing was changed.") from error
        if not listed:
            raise no_such_tenant()
        return standings(listed, self.clock.wall())

    def label(self, tenant: str, version: str) -> str:
        """Name a version as authentication does; see `TenantTokens.label`."""
        return self.remembered.label(tenant, version)

    async def revoke(self, tenant: str, version: str, by: Requester) -> list[str]:
        """Disable a version; see `TenantTokens.revoke`. 2 calls, one more for each other."""
        secret = ManagedSecret.of_tenant(tenant)
        async with self._acting("revoke", tenant, by) as told:
            told["version"] = version
            try:
                revoked = await rotation.revoke(self.vault, secret, version, self.clock.wall())
            except rotation.AlreadyDisabledError:
                return []
            told["disabled"] = [revoked.version.id, *(each.id for each in revoked.superseded)]
        return [revoked.version.id, *(each.id for each in revoked.superseded)]

    async def close(self, tenant: str, by: Requester) -> list[str]:
        """Disable all versions; see `TenantTokens.close`.

        3 calls, and one for each version; of each OAuth client 2, and one for each credential.
        """
        secret = ManagedSecret.of_tenant(tenant)
        async with self._acting("close", tenant, by) as told:
            ended = await rotation.close(self.vault, secret, self.clock.wall())
            told["disabled"] = [version.id for version in ended]
        return [version.id for version in ended]

    def _acting(
        self, action: str, tenant: str, by: Requester
    ) -> AbstractAsyncContextManager[dict[str, object]]:
        """Bound a change of a tenant's secret, log it, and refuse in the words of errors."""
        secret, line = tenants.secret_name(tenant), {"tokens": action, "tenant": tenant}
        half_done = _HALF_DONE[action]
        act = Act(secret, line, by, "token", half_done, lambda error: self._refusal(tenant, error))
        return self._changes.acting(act)

    def _refusal(self, tenant: str, error: Exception) -> ScimError | None:
        if isinstance(error, self.name_taken):
            return Conflict(
                "A tenant of this name was deleted from the vault and can still be recovered, which"
                f" keeps the name: `az keyvault secret recover --name {tenants.secret_name(tenant)}"
                " --vault-name <vault>` brings it back."
            )
        return _of_rotation(error)


_HALF_DONE = {
    "create": "Whether the tenant was created is not known: list the tenants. If it is there, draw"
    " another token, since nobody has seen the first.",
    "draw": "Whether a token was drawn is not known; nobody has seen it, and the present ones are"
    " as valid as before. List the tokens, revoke what is not yours, and repeat the request.",
    "revoke": "List the tokens to see which are disabled, and repeat the request.",
    "close": "The tenant may be closed already: repeat the request until it succeeds.",
}
"""What is so where the vault has failed, by what was asked for."""


def no_such_tenant() -> NotFound:
    """Build the answer about a tenant that does not exist."""
    return NotFound("There is no such tenant.")


def _of_rotation(error: Exception) -> ScimError | None:
    match error:
        case rotation.SecretExistsError():
            return Conflict(
                "There is a tenant of this name. Draw a token of it with POST to its `tokens`."
            )
        case rotation.NoSecretError():
            return no_such_tenant()
        case rotation.NoSuchVersionError():
            return NotFound("The tenant has no such token.")
        case rotation.NewestVersionError():
            return Conflict(
                "This is the newest token, and to disable it would close the tenant to the other"
                " one too. Draw a new one first and then revoke this one, or close the tenant with"
                " DELETE."
            )
        case rotation.OvertakenError() | rotation.SecretClosedError():
            return Conflict(
                "Others drew tokens or closed the tenant at the same time, and this request was"
                " taken back. List the tokens, and repeat it if it is still wanted."
            )
    return None
