"""What a client presents at the token endpoint, and what is remembered of it there."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.clock import Clock
from shared.errors import TooManyRequests

MAX_REMEMBERED = 20_000
_RETRY_AFTER = 60


@dataclass(frozen=True, slots=True)
class SecretPresented:
    """A client secret (RFC 6749 section 2.3.1)."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssertionPresented:
    """A JWT by which a client is known (RFC 7523 section 2.2).

    Attributes:
        client_id: As the request names it; None where the subject of the assertion does.
        assertion: The JWT.
    """

    client_id: str | None
    assertion: str = field(repr=False)


ClientCredential = SecretPresented | AssertionPresented


class UsedAssertions:
    """The ids of assertions that were used, for as long as these are valid, in this process."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Begin with none.

        Args:
            clock: The time by which they expire.
        """
        self._clock = clock or Clock()
        self._expiries: dict[tuple[str, str], float] = {}

    def use(self, client: str, assertion_id: str, expires: float) -> bool:
        """Note that an assertion is used; False if it was used before.

        Raises:
            TooManyRequests: As many as are remembered are valid still. Who gets here has signed
                each of them.
        """
        key = client, assertion_id
        now = self._clock.wall()
        if self._expiries.get(key, now) > now:
            return False
        if len(self._expiries) >= MAX_REMEMBERED:
            self._expiries = {each: at for each, at in self._expiries.items() if at > now}
        if len(self._expiries) >= MAX_REMEMBERED:
            raise TooManyRequests(
                "Too many assertions are in use; send the same request again later.",
                retry_after=_RETRY_AFTER,
            )
        self._expiries[key] = expires
        return True
