"""What stands in the place of a vault on a developer's machine.

It holds the tokens of the settings. What is drawn, revoked, created and closed besides is forgotten
with the process.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.auth.secret_forms import is_kept_whole
from shared.auth.versions import SecretVersion, VersionState, having, standings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.auth.rotation import Lifetime, ManagedSecret
    from shared.clock import Clock

OF_THE_SETTINGS = "0" * 32
"""Id of the version that stands in the settings."""


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version, and SHA-256 of its value.

    Attributes:
        version: The version.
        digest: Of the value.
        value: The value itself, of a secret that signs; otherwise empty.
    """

    version: SecretVersion
    digest: bytes
    value: str = field(default="", repr=False)


class DevelopmentVault:
    """Holds the versions of secrets in memory (`rotation.SecretVersions`)."""

    def __init__(self, digests: Mapping[str, bytes], clock: Clock) -> None:
        """Prepare.

        Args:
            digests: SHA-256 of the value of each secret of the settings.
            clock: Its wall clock says when a version was made, and which are valid.
        """
        self._clock = clock
        begun = clock.wall()
        self._secrets = {
            name: [HeldVersion(SecretVersion(OF_THE_SETTINGS, enabled=True, created=begun), digest)]
            for name, digest in digests.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all secrets."""
        return tuple(self._secrets)

    def valid(self, name: str) -> list[HeldVersion]:
        """Return the versions that are valid, the newest first; none where there is no secret."""
        held = self._secrets.get(name, [])
        judged = standings([each.version for each in held], self._clock.wall())
        ids = [version.id for version in having(VersionState.VALID, judged)]
        return sorted(
            (each for each in held if each.version.id in ids),
            key=lambda each: ids.index(each.version.id),
        )

    async def open_names(self) -> list[str]:
        """Name the secrets whose newest version is enabled."""
        return [name for name, held in self._secrets.items() if held[-1].version.enabled]

    async def versions(self, name: str) -> list[SecretVersion]:
        """List the versions of a secret; none when there is no secret."""
        return [each.version for each in self._secrets.get(name, [])]

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        """Add a version, which creates the secret when there is none."""
        version = SecretVersion(
            secrets.token_hex(16),
            enabled=True,
            created=self._clock.wall(),
            not_before=lifetime.not_before,
            expires=lifetime.expires,
            tags=tags,
        )
        kept = value if is_kept_whole(secret.name, value) else ""
        held = HeldVersion(version, hashlib.sha256(value.encode()).digest(), kept)
        self._secrets.setdefault(secret.name, []).append(held)
        return version

    async def disable(self, name: str, version: str) -> None:
        """Disable a version."""
        self._change(name, version, lambda held: replace(held, enabled=False))

    async def expire(self, name: str, version: str, at: float) -> None:
        """Let a version expire."""
        self._change(name, version, lambda held: replace(held, expires=at))

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a version."""
        self._change(name, version, lambda held: replace(held, tags=tags))

    def _change(
        self, name: str, version: str, change: Callable[[SecretVersion], SecretVersion]
    ) -> None:
        held = self._secrets[name]
        for index, each in enumerate(held):
            if each.version.id == version:
                held[index] = replace(each, version=change(each.version))
