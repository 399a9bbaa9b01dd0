"""What administrators do with the tokens of a tenant: see which there are, draw one, revoke one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

TokenState = Literal["valid", "later", "expired", "disabled"]


@dataclass(frozen=True, slots=True)
class TokenVersion:
    """A token of a tenant, without its value; times in POSIX seconds.

    Attributes:
        id: What it is revoked by.
        label: What the log and the change rows call it.
        created: When it was drawn; None where that is not known.
        expires: When it expires; None for never.
        state: `valid` opens the tenant, `later` begins to be valid later.
        can_be_revoked: Whether to revoke it leaves another one that opens the tenant.
    """

    id: str
    label: str
    created: float | None
    expires: float | None
    state: TokenState
    can_be_revoked: bool


@dataclass(frozen=True, slots=True)
class DrawnToken:
    """A token that was just drawn: the only place where it can be read."""

    value: str = field(repr=False)
    version: TokenVersion


@runtime_checkable
class TokenAdmin(Protocol):
    """Administers the tokens of tenants, two of which are valid at most."""

    async def list_tokens(self, tenant: str) -> list[TokenVersion]:
        """List the tokens of a tenant, the newest first.

        Raises:
            Unavailable: They cannot be read at present.
        """
        ...

    async def draw_token(self, tenant: str, days: int) -> DrawnToken:
        """Draw a token; the newest one before it stays valid, older ones are disabled.

        Raises:
            Unavailable: It cannot be done at present.
        """
        ...

    async def revoke_token(self, tenant: str, version: str) -> None:
        """Disable a token, so that it is refused within a minute.

        Raises:
            NotFound: There is no such token.
            Conflict: It is the newest one, or cannot be revoked here.
            Unavailable: It cannot be done at present.
        """
        ...
