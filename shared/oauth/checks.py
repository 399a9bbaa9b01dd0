"""What is checked of the claims of a JWT, one by one, so that a refusal can be explained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_LONGEST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """One thing that was checked.

    Attributes:
        name: Of what was looked at.
        passed: Whether it is as expected.
        expected: What would have passed.
        received: What was there.
    """

    name: str
    passed: bool
    expected: str
    received: str

    def __str__(self) -> str:
        """Write it in a line."""
        return f"{self.name}: expected {self.expected}, received {self.received}"


def failed_check(checks: Sequence[ClaimCheck]) -> ClaimCheck | None:
    """Return the first check that failed; None if all passed."""
    return next((check for check in checks if not check.passed), None)


def exactly(name: str, expected: str, received: Any) -> ClaimCheck:
    """Check that a claim is one certain text."""
    return ClaimCheck(name, received == expected, shown(expected), shown(received))


def audience(expected: Collection[str], received: Any) -> ClaimCheck:
    """Check that one of the audiences is exactly one of those that are expected."""
    named = received if isinstance(received, list) else [received]
    passed = any(isinstance(each, str) and each in expected for each in named)
    return ClaimCheck("aud", passed, " or ".join(map(shown, expected)), shown(received))


def times(
    claims: Mapping[str, Any], now: float, leeway: float, longest: float
) -> Iterator[ClaimCheck]:
    """Check when a JWT begins and ends.

    Args:
        claims: Of the JWT.
        now: POSIX seconds.
        leeway: How far the clock of the issuer may be from ours, in seconds.
        longest: For how many seconds from now on it may be valid.
    """
    expires = number(claims.get("exp"))
    ends = expires is not None and now - leeway < expires
    yield ClaimCheck("exp", ends, f"later than {_whole(now)}", shown(claims.get("exp")))
    if expires is not None:
        within = expires <= now + longest + leeway
        yield ClaimCheck(
            "lifetime", within, f"{_whole(longest)} s at most", f"{_whole(expires - now)} s"
        )
    for name in ("nbf", "iat"):
        if name in claims:
            begins = number(claims[name])
            has_begun = begins is not None and begins <= now + leeway
            yield ClaimCheck(name, has_begun, f"{_whole(now)} or earlier", shown(claims[name]))


def number(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2); None if the value is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e12 and math.isfinite(value) else None


def shown(value: Any) -> str:
    """Write a value so that it can stand in a line of the log, whatever it is."""
    if value is None:
        return "nothing"
    text = ascii(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _whole(seconds: float) -> str:
    return str(int(seconds))
