"""The secrets that sign the webhooks of an endpoint: read for the dispatcher, drawn and rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import signing_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.auth.tokens import Authenticator, SecretToken


@dataclass(slots=True)
class WebhookSecrets:
    """The signing secrets of all endpoints.

    Attributes:
        remembered: What authentication has read of the vault.
    """

    remembered: Authenticator

    async def of(self, endpoint_id: str) -> tuple[str, ...]:
        """Return the secrets of an endpoint that are valid now, the newest first, two at most.

        They are remembered for a minute, as tokens are. There are none where the endpoint has no
        secret, or where it is disabled.

        Raises:
            Unavailable: They cannot be read, and were not within the past hour.
        """
        valid: list[str] = []

        def collect(versions: Sequence[SecretToken], most: int) -> SecretToken | None:
            valid[:] = [each.value for each in versions[:most]]
            return versions[0] if versions else None

        await self.remembered.choose(signing_secrets.secret_name(endpoint_id), collect)
        return tuple(valid)
