"""What a client presents at the token endpoint, and how that is used once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


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


UseOnce = Callable[[str, float], Awaitable[bool]]
"""Notes that an assertion is used: whose it is with its id, and until when it is valid, in POSIX
seconds. Says False if it was used before."""
