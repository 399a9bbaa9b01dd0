"""One request and its answer, with a bounded number of attempts."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from scim_on_functions.errors import UnavailableError, error_of
from scim_on_functions.flows import Flow, Send, pause, send

RETRIED = {429, 500, 502, 503, 504}

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Exchange:
    """How requests are sent.

    Attributes:
        api_key: goes with every request.
        user_agent: says which library sends.
        timeout: seconds that each attempt may take to connect, and between two bytes.
        attempts: how often a request is sent at most.
        longest_pause: seconds; what asks to be left alone for longer is not tried again.
    """

    api_key: str = field(repr=False)
    user_agent: str
    timeout: float
    attempts: int
    longest_pause: float

    def get(self, url: str, params: Mapping[str, str], wait: float = 0) -> Flow[Any]:
        """Read a JSON document.

        Args:
            url: of the resource.
            params: of the query.
            wait: seconds for which the service may hold the request back.

        Raises:
            ServiceError: it was refused, or all attempts have failed.
        """
        headers = {"Authorization": f"Bearer {self.api_key}", "User-Agent": self.user_agent}
        step = Send(url, params, headers, self.timeout + wait)
        for attempt in range(1, self.attempts + 1):
            backoff = self._backoff(attempt)
            try:
                response = yield from send(step)
            except httpx.TransportError as failure:
                if attempt == self.attempts:
                    reason = str(failure) or type(failure).__name__
                    raise UnavailableError(0, f"no answer from the service: {reason}") from failure
                yield from pause(backoff)
                continue
            if response.is_success:
                return _document(response)
            retry_after = seconds_of(response.headers.get("retry-after"))
            delay = max(backoff, retry_after or 0)
            is_last = attempt == self.attempts or delay > self.longest_pause
            if response.status_code not in RETRIED or is_last:
                raise error_of(response, retry_after)
            yield from pause(delay)
        raise AssertionError("an attempt returns or raises")

    def _backoff(self, attempt: int) -> float:
        """Draw a pause from a range that doubles with each attempt."""
        return _RANDOM.uniform(0.1, 0.25 * 2**attempt)


def seconds_of(retry_after: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a moment (RFC 9110 section 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _document(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise UnavailableError(
            response.status_code, "the answer is no JSON; is base_url that of the service?"
        ) from None
