"""Wrong tokens that an instance has refused of late, by the tenant of their address.

Nothing of it is written, since anybody can send a wrong token to any address. It is a hint for
whoever asks why an identity provider is silent, and ends with the instance.
"""

from collections import OrderedDict
from dataclasses import dataclass

from shared.clock import Clock

MOST_TENANTS_COUNTED = 1_000
"""Tenants that are remembered: those of the latest refusals."""


@dataclass(frozen=True, slots=True)
class RefusedToken:
    """Refusals of a tenant.

    Attributes:
        number: how many there were.
        last: when the last one was, in POSIX milliseconds.
    """

    number: int
    last: int


class RefusedTokens:
    """What this instance has refused."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._refused: OrderedDict[str, RefusedToken] = OrderedDict()

    def note(self, tenant: str) -> None:
        """Note a refusal of a tenant that can be named, whether there is such a tenant or not."""
        number = 1 if (last := self._refused.pop(tenant, None)) is None else last.number + 1
        self._refused[tenant] = RefusedToken(number, int(self._clock.wall() * 1_000))
        if len(self._refused) > MOST_TENANTS_COUNTED:
            self._refused.popitem(last=False)

    def of(self, tenant: str) -> RefusedToken | None:
        """Return what was refused of a tenant; None if nothing was, as far as is remembered."""
        return self._refused.get(tenant)
