"""The secrets that sign the webhooks of an endpoint: read for the dispatcher, drawn and rotated."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared import signing_secrets
from shared.auth import rotation
from shared.auth.rotation import Lifetime, ManagedSecret
from shared.auth.secret_changes import Act, SecretChanges, vault_unavailable
from shared.auth.versions import VersionState, having, standings
from shared.clock import Clock
from shared.errors import Conflict, NotFound, NotServed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from shared.auth.rotation import Drawn, SecretVersions
    from shared.auth.secret_changes import Requester
    from shared.auth.tokens import Choose, SecretToken
    from shared.auth.versions import SecretVersion, Standing
    from shared.errors import ScimError

SECRET_SECONDS = 3_650 * 86_400.0
"""How long a secret is valid that nobody rotates: ten years. Vaults want an end, webhooks do not
stop for it by surprise."""

_log = logging.getLogger("scim.tokens")


class KnownSecrets(Protocol):
    """What authentication has read of the vault (`Authenticator`)."""

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Choose a valid version of a secret."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A signing secret that was drawn, and what became of the others.

    Attributes:
        drawn: The secret: the only place where it can be read.
        disabled: Ids of the versions that were disabled for it.
        previous_until: When the one before it ends, in POSIX seconds; None where there is none.
    """

    drawn: Drawn
    disabled: list[str]
    previous_until: float | None = None


class WebhookSecrets(Protocol):
    """What reads and manages the signing secrets of all endpoints.

    Those that write raise `NotServed` where the service may not write, and `Unavailable` where the
    vault does not answer. They tell in the log who did what.
    """

    async def of(self, endpoint_id: str) -> tuple[str, ...]:
        """Return the secrets of an endpoint that are valid now, the newest first, two at most.

        They are remembered for a minute, as tokens are. There are none where the endpoint has no
        secret, or where it is disabled.

        Raises:
            Unavailable: They cannot be read, and were not within the past hour.
        """

    async def create(self, endpoint_id: str, by: Requester) -> NewSecret:
        """Draw the first secret of an endpoint."""

    async def rotate(self, endpoint_id: str, overlap: float, by: Requester) -> NewSecret:
        """Draw another secret of an endpoint; the present one stays valid beside it for a while.

        Where none is left in the vault it is the first one.

        Args:
            endpoint_id: Whose secret.
            overlap: For how many seconds.
            by: On whose behalf.

        Raises:
            NotFound: The secret was deleted from the vault meanwhile.
            Conflict: Others rotated at the same time, and this was taken back.
        """

    async def versions(self, endpoint_id: str) -> list[Standing]:
        """Judge the versions of the secret of an endpoint, the newest first."""

    async def close(self, endpoint_id: str, by: Requester) -> None:
        """Disable all secrets of an endpoint, if it has any."""


@dataclass(slots=True)
class SecretsWithoutVault:
    """No signing secrets, because the settings name no place where secrets are."""

    async def of(self, endpoint_id: str) -> tuple[str, ...]:
        """Return none."""
        del endpoint_id
        return ()

    async def create(self, endpoint_id: str, by: Requester) -> NewSecret:
        """Refuse; see `WebhookSecrets.create`."""
        del endpoint_id, by
        raise self._refusal()

    async def rotate(self, endpoint_id: str, overlap: float, by: Requester) -> NewSecret:
        """Refuse; see `WebhookSecrets.rotate`."""
        del endpoint_id, overlap, by
        raise self._refusal()

    async def versions(self, endpoint_id: str) -> list[Standing]:
        """Refuse; see `WebhookSecrets.versions`."""
        del endpoint_id
        raise self._refusal()

    async def close(self, endpoint_id: str, by: Requester) -> None:
        """Refuse; see `WebhookSecrets.close`."""
        del endpoint_id, by
        raise self._refusal()

    def _refusal(self) -> NotServed:
        return NotServed(
            "The secrets of webhooks lie in Key Vault, and this service has none: set KEY_VAULT_URL"
            " and start it again."
        )


@dataclass(slots=True)
class VaultWebhookSecrets:
    """Signing secrets that lie in Key Vault, or in what a developer's machine has in its place.

    Attributes:
        vault: Where they lie.
        remembered: What authentication has read of it.
        changes: By which they are changed.
        clock: The time by which secrets begin and expire.
    """

    vault: SecretVersions
    remembered: KnownSecrets
    changes: SecretChanges
    clock: Clock = field(default_factory=Clock)

    async def of(self, endpoint_id: str) -> tuple[str, ...]:
        """Return the valid secrets; see `WebhookSecrets.of`."""
        valid: list[str] = []

        def collect(versions: Sequence[SecretToken], most: int) -> SecretToken | None:
            valid[:] = [each.value for each in versions[:most]]
            return versions[0] if versions else None

        await self.remembered.choose(signing_secrets.secret_name(endpoint_id), collect)
        return tuple(valid)

    async def create(self, endpoint_id: str, by: Requester) -> NewSecret:
        """Draw the first secret; see `WebhookSecrets.create`. 3 calls of the vault."""
        secret = ManagedSecret.of_webhook(endpoint_id)
        async with self._acting("create", endpoint_id, by) as told:
            now = self.clock.wall()
            drawn = await rotation.draw_first(self.vault, secret, _lifetime(now), now)
            told["version"] = drawn.version.id
        return NewSecret(drawn, [])

    async def rotate(self, endpoint_id: str, overlap: float, by: Requester) -> NewSecret:
        """Draw another secret, or the first one where none is left; see `WebhookSecrets.rotate`.

        5 calls, the last for the end of the present secret; one more for each that is superseded.
        """
        secret = ManagedSecret.of_webhook(endpoint_id)
        async with self._acting("rotate", endpoint_id, by) as told:
            now = self.clock.wall()
            listed = await self.vault.versions(secret.name)
            if not listed:
                # Purged; or of a developer's machine, where secrets end with the process.
                drawn = await rotation.draw_first(self.vault, secret, _lifetime(now), now)
                told["version"] = drawn.version.id
                return NewSecret(drawn, [])
            present = having(VersionState.VALID, standings(listed, now))
            drawn = await rotation.rotate(self.vault, secret, _lifetime(now), now)
            told["version"] = drawn.version.id
            disabled = await self.changes.settle(secret, drawn, by)
            told["disabled"] = disabled
            until = await self._end(secret, present[:1], now + overlap)
        return NewSecret(drawn, disabled, until)

    async def _end(
        self, secret: ManagedSecret, present: Sequence[SecretVersion], until: float
    ) -> float | None:
        """Let the secret before a new one expire; return when it does, None if there is none.

        Where the vault fails the new secret is good all the same, and has to be answered: the one
        before it then ends by itself, or with the next rotation.
        """
        ends = None
        for version in present:
            ends = version.expires
            if ends is not None and ends <= until:
                continue
            try:
                await self.vault.expire(secret.name, version.id, until)
            except Exception as error:  # noqa: BLE001 - whatever the vault said
                _log.warning(
                    "%s: the version %s was to end and goes on, rotate again: %s",
                    secret.name,
                    version.id[:8],
                    type(error).__name__,
                )
            else:
                ends = until
        return ends

    async def versions(self, endpoint_id: str) -> list[Standing]:
        """Judge the versions; see `WebhookSecrets.versions`. One call for each 25."""
        name = signing_secrets.secret_name(endpoint_id)
        try:
            listed = await self.vault.versions(name)
        except Exception as error:
            _log.warning("Reading the versions of %s failed: %s", name, error)
            raise vault_unavailable("Nothing was changed.") from error
        return standings(listed, self.clock.wall())

    async def close(self, endpoint_id: str, by: Requester) -> None:
        """Disable all secrets; see `WebhookSecrets.close`. 2 calls, and one for each version."""
        secret = ManagedSecret.of_webhook(endpoint_id)
        async with self._acting("close", endpoint_id, by) as told:
            try:
                ended = await rotation.close(self.vault, secret, self.clock.wall())
            except rotation.NoSecretError:
                ended = []  # somebody has deleted it, which comes to the same
            told["disabled"] = [version.id for version in ended]

    def _acting(
        self, action: str, endpoint_id: str, by: Requester
    ) -> AbstractAsyncContextManager[dict[str, object]]:
        """Bound a change of the secret of an endpoint, log it, and refuse in words of errors."""
        secret = signing_secrets.secret_name(endpoint_id)
        line = {"webhookSecret": action, "endpoint": endpoint_id}
        return self.changes.acting(
            Act(secret, line, by, "webhook", _HALF_DONE[action], _of_rotation)
        )


_HALF_DONE = {
    "create": "No endpoint was created; repeat the request.",
    "rotate": "Whether a secret was drawn is not known; nobody has seen it, and the present one is"
    " as valid as before. Repeat the request.",
    "close": "The endpoint is still there, and its secrets may be disabled already: repeat the"
    " request until it succeeds.",
}
"""What is so where the vault has failed, by what was asked for."""


def _lifetime(now: float) -> Lifetime:
    return Lifetime(None, now + SECRET_SECONDS)


def _of_rotation(error: Exception) -> ScimError | None:
    match error:
        case rotation.NoSecretError():
            return NotFound(
                "The secret of the endpoint was deleted from the vault meanwhile; send the request"
                " again to draw another."
            )
        case rotation.OvertakenError():
            return Conflict(
                "Others rotated the secret at the same time, and this request was taken back. Read"
                " the secrets of the endpoint, and repeat it if it is still wanted."
            )
    return None
