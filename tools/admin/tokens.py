"""Tokens: drawing, rotating and revoking them, so that no step opens what was closed.

A tenant has two valid tokens at most. Key Vault keeps every older version, and one that is enabled
would become valid again when a newer one is disabled. So whatever is superseded is disabled, by
each rotation and before each revocation.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tools.admin.errors import NotDoneError
from tools.admin.versions import Standing, State, having, standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.admin.versions import Version

TOKEN_BYTES = 32
"""Random bytes of a token: 256 bits."""

_LEAST_DIGITS = 4


class Secrets(Protocol):
    """What is needed of a vault (`TokenVault`)."""

    async def versions(self, tenant: str) -> list[Version]:
        """List the versions of a tenant's secret; none when there is no secret."""
        ...

    async def add(
        self, tenant: str, token: str, *, not_before: float | None, expires: float
    ) -> Version:
        """Add a version."""
        ...

    async def disable(self, tenant: str, version: Version) -> None:
        """Disable a version."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """When a token is valid, in POSIX seconds; `not_before` None is from now on."""

    not_before: float | None
    expires: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was just drawn: the only place where it can be read."""

    token: str
    version: Version


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation disabled: the version, and superseded ones that could have come back."""

    version: Version
    superseded: list[Version]


async def new(vault: Secrets, tenant: str, term: Term) -> Issued:
    """Give a tenant its first token. 2 calls.

    Raises:
        NotDoneError: the tenant has a secret already.
    """
    if await vault.versions(tenant):
        raise NotDoneError(
            f"the tenant {tenant} has a token already: `token rotate` adds a second one and keeps"
            " the present one valid, `token list` shows them"
        )
    return await _issue(vault, tenant, term)


async def rotate(vault: Secrets, tenant: str, term: Term, now: float) -> Issued:
    """Add a token to a tenant that has one. 2 calls; `retire` follows.

    A closed tenant is opened by it, to the new token alone: what the older ones could open then is
    disabled first.

    Raises:
        NotDoneError: the tenant has no secret.
    """
    judged = standings(await vault.versions(tenant), now)
    if not judged:
        raise no_such_tenant(tenant)
    if not judged[0].version.enabled:
        for each in judged:
            if each.state in {State.CLOSED, State.NOT_YET}:
                await vault.disable(tenant, each.version)
    return await _issue(vault, tenant, term)


async def retire(vault: Secrets, tenant: str, now: float, *, keep: str = "") -> list[Version]:
    """Disable what is superseded, so that it never becomes valid again; `keep` is left alone.

    Returns:
        What was disabled.
    """
    superseded = having(State.SUPERSEDED, standings(await vault.versions(tenant), now))
    disabled = [version for version in superseded if version.id != keep]
    for version in disabled:
        await vault.disable(tenant, version)
    return disabled


async def revoke(vault: Secrets, tenant: str, named: str, now: float) -> Revoked:
    """Disable a version of a tenant's secret. What was closed before stays closed.

    Args:
        vault: where the secret is.
        tenant: whose it is.
        named: the version's id, its beginning, or the label that the log shows.
        now: POSIX seconds.

    Raises:
        NotDoneError: there is no such version, or it is the newest one, which closes the tenant.
    """
    judged = standings(await vault.versions(tenant), now)
    if not judged:
        raise no_such_tenant(tenant)
    wanted = _named(judged, named)
    if wanted.state is State.DISABLED:
        raise NotDoneError(f"the version {wanted.version.id} is disabled already")
    # The vault counts in seconds: of two that were made in one, either may be its newest.
    if wanted.version.created >= judged[0].version.created:
        raise NotDoneError(
            "this is the newest version, and to disable it closes the tenant to every token,"
            " because Key Vault lists a secret by its newest version: run `token rotate` first and"
            " then revoke this one, or `token revoke --all` to close the tenant"
        )
    superseded = await retire(vault, tenant, now, keep=wanted.version.id)
    await vault.disable(tenant, wanted.version)
    return Revoked(wanted.version, superseded)


async def close_tenant(vault: Secrets, tenant: str, now: float) -> list[Version]:
    """Disable every version that is enabled, the newest first: that alone closes the tenant.

    Returns:
        What was disabled.

    Raises:
        NotDoneError: the tenant has no secret.
    """
    judged = standings(await vault.versions(tenant), now)
    if not judged:
        raise no_such_tenant(tenant)
    enabled = [each.version for each in judged if each.version.enabled]
    for version in enabled:
        await vault.disable(tenant, version)
    return enabled


def no_such_tenant(tenant: str) -> NotDoneError:
    """Build the answer about a tenant without a secret."""
    return NotDoneError(
        f"the tenant {tenant} has no secret, so it does not exist: `token new` creates it,"
        " `tenant list` shows those that exist"
    )


async def _issue(vault: Secrets, tenant: str, term: Term) -> Issued:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    version = await vault.add(tenant, token, not_before=term.not_before, expires=term.expires)
    return Issued(token, version)


def _named(judged: Sequence[Standing], named: str) -> Standing:
    """Find the version that an operator means."""
    digits = named.rpartition("/")[2].lower()
    found = [each for each in judged if each.version.id.startswith(digits)]
    if len(digits) < _LEAST_DIGITS:
        raise NotDoneError(f"{named!r} is too short: give at least {_LEAST_DIGITS} digits")
    if len(found) != 1:
        what = "no version begins so" if not found else f"{len(found)} versions begin so"
        raise NotDoneError(f"{named!r}: {what}; `token list` shows them")
    return found[0]
