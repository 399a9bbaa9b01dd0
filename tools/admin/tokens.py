"""Tokens and API keys: drawing, rotating and revoking them, so that no step opens what was closed.

Of a secret two versions are valid at most. Key Vault keeps every older version, and one that is
enabled would become valid again when a newer one is disabled. So whatever is superseded is
disabled, by each rotation and before each revocation.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tools.admin.errors import NotDoneError
from tools.admin.versions import Standing, State, having, standings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.admin.holders import Holder
    from tools.admin.versions import Version

TOKEN_BYTES = 32
"""Random bytes of a token and of an API key: 256 bits."""

_LEAST_DIGITS = 4


class Secrets(Protocol):
    """What is needed of a vault (`TokenVault`)."""

    async def versions(self, holder: Holder) -> list[Version]:
        """List the versions of a secret; none when there is no secret."""
        ...

    async def add(self, holder: Holder, value: str, term: Term, tags: Mapping[str, str]) -> Version:
        """Add a version."""
        ...

    async def disable(self, holder: Holder, version: Version) -> None:
        """Disable a version."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """When a version is valid, in POSIX seconds; `not_before` None is from now on."""

    not_before: float | None
    expires: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A token or a key that was just drawn: the only place where it can be read.

    Attributes:
        token: what was drawn; "" where the value was given, so that there is nothing to hand over.
        version: of the secret.
    """

    token: str
    version: Version


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation disabled: the version, and superseded ones that could have come back."""

    version: Version
    superseded: list[Version]


async def new(
    vault: Secrets, holder: Holder, term: Term, tags: Mapping[str, str] | None = None
) -> Issued:
    """Draw the first version of a secret. 2 calls.

    Args:
        vault: where the secret is to be.
        holder: whose it is.
        term: when the version is valid.
        tags: of the secret.

    Raises:
        NotDoneError: there is a secret already.
    """
    if await vault.versions(holder):
        raise NotDoneError(
            f"{holder.title} has a {holder.version} already: `{holder.command} rotate` adds a"
            f" second one and keeps the present one valid, `{holder.command} list` shows them"
        )
    return await _issue(vault, holder, term, tags or {})


async def rotate(
    vault: Secrets,
    holder: Holder,
    term: Term,
    now: float,
    tags: Mapping[str, str] | None = None,
) -> Issued:
    """Add a version to a secret that has one. 2 calls; `retire` follows.

    A closed secret is opened by it, to the new version alone: what the older ones could open then
    is disabled first.

    Args:
        vault: where the secret is.
        holder: whose it is.
        term: when the version is valid.
        now: POSIX seconds.
        tags: those to be changed; the others stay as those of the newest version are.

    Raises:
        NotDoneError: there is no secret.
    """
    judged = standings(await vault.versions(holder), now)
    if not judged:
        raise no_such(holder)
    if not judged[0].version.enabled:
        for each in judged:
            if each.state in {State.CLOSED, State.NOT_YET}:
                await vault.disable(holder, each.version)
    return await _issue(vault, holder, term, {**judged[0].version.tags, **(tags or {})})


async def retire(vault: Secrets, holder: Holder, now: float, *, keep: str = "") -> list[Version]:
    """Disable what is superseded, so that it never becomes valid again; `keep` is left alone.

    Returns:
        What was disabled.
    """
    superseded = having(State.SUPERSEDED, standings(await vault.versions(holder), now))
    disabled = [version for version in superseded if version.id != keep]
    for version in disabled:
        await vault.disable(holder, version)
    return disabled


async def revoke(vault: Secrets, holder: Holder, named: str, now: float) -> Revoked:
    """Disable a version of a secret. What was closed before stays closed.

    Args:
        vault: where the secret is.
        holder: whose it is.
        named: the version's id, its beginning, or the label that the log shows.
        now: POSIX seconds.

    Raises:
        NotDoneError: there is no such version, or it is the newest one, which closes the secret.
    """
    judged = standings(await vault.versions(holder), now)
    if not judged:
        raise no_such(holder)
    wanted = _named(holder, judged, named)
    if wanted.state is State.DISABLED:
        raise NotDoneError(f"the version {wanted.version.id} is disabled already")
    # The vault counts in seconds: of two that were made in one, either may be its newest.
    if wanted.version.created >= judged[0].version.created:
        raise NotDoneError(
            f"this is the newest version, and to disable it closes {holder.kind} to every"
            f" {holder.version}, because Key Vault lists a secret by its newest version: run"
            f" `{holder.command} rotate` first and then revoke this one, or `{holder.command}"
            f" revoke --all` to close {holder.kind}"
        )
    superseded = await retire(vault, holder, now, keep=wanted.version.id)
    await vault.disable(holder, wanted.version)
    return Revoked(wanted.version, superseded)


async def close(vault: Secrets, holder: Holder, now: float) -> list[Version]:
    """Disable every version that is enabled, the newest first: that alone closes the secret.

    Returns:
        What was disabled.

    Raises:
        NotDoneError: there is no secret.
    """
    judged = standings(await vault.versions(holder), now)
    if not judged:
        raise no_such(holder)
    enabled = [each.version for each in judged if each.version.enabled]
    for version in enabled:
        await vault.disable(holder, version)
    return enabled


def no_such(holder: Holder) -> NotDoneError:
    """Build the answer about whoever has no secret."""
    return NotDoneError(
        f"{holder.title} has no secret, so it does not exist: `{holder.command} new` creates it,"
        f" `{holder.lister}` shows those that exist"
    )


async def _issue(vault: Secrets, holder: Holder, term: Term, tags: Mapping[str, str]) -> Issued:
    if holder.given:
        return Issued("", await vault.add(holder, holder.given, term, tags))
    token = f"{holder.prefix}{secrets.token_urlsafe(TOKEN_BYTES)}"
    return Issued(token, await vault.add(holder, token, term, tags))


def _named(holder: Holder, judged: Sequence[Standing], named: str) -> Standing:
    """Find the version that an operator means."""
    digits = named.rpartition("/")[2].lower()
    found = [each for each in judged if each.version.id.startswith(digits)]
    if len(digits) < _LEAST_DIGITS:
        raise NotDoneError(f"{named!r} is too short: give at least {_LEAST_DIGITS} digits")
    if len(found) != 1:
        what = "no version begins so" if not found else f"{len(found)} versions begin so"
        raise NotDoneError(f"{named!r}: {what}; `{holder.command} list` shows them")
    return found[0]
