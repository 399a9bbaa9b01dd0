"""The rate limit of requests: each tenant has token buckets, so that none takes all from others.

One is of the tenant's identity provider, one of the product's API keys, so that a product that
asks too much takes nothing from the identity provider, nor the other way round.

A bucket holds as many tokens as come in two seconds. A request takes one, an operation of a bulk
request as well. A bulk request is let in while the bucket is not empty, and what it takes beyond
that is a debt, which is paid before the next request of the tenant is let in. The buckets lie in
the memory of a process, so a tenant whom N instances serve has N of them.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.errors import RateLimited

MIN_REQUESTS_PER_SECOND = 25
"""What a tenant is always served: identity providers and interoperability profiles count on it."""

BURST_SECONDS = 2
"""A full bucket holds what comes in so many seconds. Whoever sends as many requests a second as
come, at whatever moments of it, is never refused."""

_ROUNDING = 1e-6
"""Of a token, which is lost in sums of seconds."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose requests a rate limit counts.

    Attributes:
        policy: name of the limit in the fields of answers.
        subject: how a refusal begins.
        served: for whom it is served so many requests.
    """

    policy: str
    subject: str
    served: str


IDENTITY_PROVIDER = Sender("tenant", "This tenant sends", "it is served")
PRODUCT = Sender("apiKeys", "The API keys send", "they are served for a tenant")


class RequestRateLimit:
    """The token buckets of all tenants.

    Args:
        per_second: says how many tokens come into the bucket of a tenant.
        steady: a clock that never jumps, in seconds.
        sender: whose requests are counted.
    """

    def __init__(
        self,
        per_second: Callable[[str], int],
        steady: Callable[[], float] = time.monotonic,
        sender: Sender = IDENTITY_PROVIDER,
    ) -> None:
        self._sender = sender
        self._per_second = per_second
        self._steady = steady
        self._full_at: dict[str, float] = {}

    def take(self, tenant: str) -> None:
        """Let a request of a tenant in.

        Raises:
            RateLimited: the bucket is empty.
        """
        self._require(tenant, 1)
        self._remove(tenant, 1)

    def take_bulk(self, tenant: str, operations: int) -> None:
        """Let the operations of a bulk request in, of which `take` has counted one.

        Raises:
            RateLimited: other requests of the tenant have left a debt meanwhile.
        """
        self._require(tenant, 0)
        self._remove(tenant, max(operations - 1, 0))

    def fields(self, tenant: str) -> Mapping[str, str]:
        """Return what an answer tells of the bucket of a tenant, by name of the header.

        Nothing unless less than half is left, so that the answers to clients that keep well
        within the limit stay as they are.
        """
        return self._fields(tenant) if self._level(tenant) < self._burst(tenant) / 2 else {}

    def _burst(self, tenant: str) -> int:
        """Return how many tokens a full bucket holds."""
        return self._per_second(tenant) * BURST_SECONDS

    def _level(self, tenant: str) -> float:
        """Return how many tokens there are; less than none is a debt."""
        missing = (self._full_at.get(tenant, 0.0) - self._steady()) * self._per_second(tenant)
        return self._burst(tenant) - max(missing, 0.0)

    def _remove(self, tenant: str, tokens: int) -> None:
        begun = max(self._full_at.get(tenant, 0.0), self._steady())
        self._full_at[tenant] = begun + tokens / self._per_second(tenant)

    def _require(self, tenant: str, tokens: int) -> None:
        missing = tokens - self._level(tenant)
        if missing > _ROUNDING:
            # A request needs one, also where an operation would do with less.
            rate = self._per_second(tenant)
            seconds = (missing + 1 - tokens) / rate
            raise RateLimited(
                f"{self._sender.subject} more than the {rate} requests a second that "
                f"{self._sender.served}. Repeat the request after the seconds of Retry-After, and "
                "send at a steady rate. The operations of a bulk request count as requests.",
                retry_after=math.ceil(seconds),
                headers=self._fields(tenant),
            )

    def _fields(self, tenant: str) -> Mapping[str, str]:
        """Write the fields of draft-ietf-httpapi-ratelimit-headers."""
        level, burst = self._level(tenant), self._burst(tenant)
        until_full = math.ceil((burst - level) / self._per_second(tenant))
        remaining = max(math.floor(level + _ROUNDING), 0)
        return {
            "RateLimit-Policy": f'"{self._sender.policy}";q={burst};w={BURST_SECONDS}',
            "RateLimit": f'"{self._sender.policy}";r={remaining};t={until_full}',
        }
