"""The versions of a secret of the vault, and which of them are valid."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VALID_TOKENS = 2
"""How many versions of a token or an API key are valid at once, so that one can be replaced without
downtime."""


class VersionState(StrEnum):
    """What a version is good for."""

    VALID = "valid"
    SUPERSEDED = "superseded"
    NOT_YET = "not yet"
    EXPIRED = "expired"
    DISABLED = "disabled"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A version of a secret, without its value; times in POSIX seconds."""

    id: str
    enabled: bool
    created: float
    not_before: float | None = None
    expires: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """A version and its state."""

    version: SecretVersion
    state: VersionState


def standings(versions: Sequence[SecretVersion], now: float) -> list[Standing]:
    """Judge the versions of a secret as the service does (`shared/auth/vault.py`), newest first.

    The newest two that are enabled, have begun and are not expired are valid; others like them are
    superseded. When the very newest one is disabled, the vault lists the whole secret as disabled,
    and the service takes it for closed: then nothing opens it.
    """
    newest_first = sorted(versions, key=lambda version: version.created, reverse=True)
    is_closed = bool(newest_first) and not newest_first[0].enabled
    room = VALID_TOKENS
    judged = []
    for version in newest_first:
        state = _state(version, now)
        if state is VersionState.VALID:
            room -= 1
            state = (
                VersionState.CLOSED
                if is_closed
                else state
                if room >= 0
                else VersionState.SUPERSEDED
            )
        judged.append(Standing(version, state))
    return judged


def having(state: VersionState, judged: Sequence[Standing]) -> list[SecretVersion]:
    """Return the versions of one state, in the order given."""
    return [each.version for each in judged if each.state is state]


def _state(version: SecretVersion, now: float) -> VersionState:
    if not version.enabled:
        return VersionState.DISABLED
    if version.expires is not None and version.expires <= now:
        return VersionState.EXPIRED
    if version.not_before is not None and now < version.not_before:
        return VersionState.NOT_YET
    return VersionState.VALID
