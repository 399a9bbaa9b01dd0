"""HTTP to the service, with Entra's headers: keep-alive HTTP/1.1, bounded retries, latencies."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tools.provision.results import Ledger, Operation, Sample, ServiceError

_CONTENT_TYPE: Final = "application/scim+json; charset=utf-8"
_BUSY: Final = frozenset({429, 503})

Sleep = Callable[[float], Awaitable[None]]
Say = Callable[[str], None]

PATIENCE_SECONDS = 2.0
"""How long the first answer may take before it is said that one is waited for."""

_SILENCE_SECONDS = 10.0
"""How long after a line about a repetition there is no other."""


def say_nothing(_: str) -> None:
    """Leave whoever waits without a word."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost.

    Attributes:
        connections: requests under way at once.
        timeout: seconds until an attempt is given up.
        retries: how often one request is repeated.
        longest_wait: seconds; a service that asks for more is taken as away.
    """

    connections: int = 8
    timeout: float = 60.0
    retries: int = 5
    longest_wait: float = 60.0


class ScimClient:
    """Talks to one SCIM service.

    A request is repeated after 429 and 503, as Retry-After says, and after a lost connection
    unless it is a POST: that may have created the resource, so the next cycle matches first. Only
    the test of the connection is not, where nobody listens: the address is wrong then.

    Attributes:
        say: Called with a line when the first answer takes long, and when a request is repeated.
    """

    def __init__(
        self,
        url: str,
        token: str,
        ledger: Ledger,
        limits: Limits | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.limits = limits or Limits()
        self.ledger = ledger
        self._sleep = sleep
        self.say: Say = say_nothing
        self._was_answered = False
        self._silent_until = 0.0
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "scim-provision/1.0"},
            limits=httpx.Limits(max_connections=self.limits.connections),
            timeout=self.limits.timeout,
        )
        # Entra's GET asks for no media type; a service must not depend on one.
        del self._http.headers["Accept"]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def call(
        self,
        operation: Operation,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: frozenset[int] = frozenset(),
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer, empty when it has none.

        Args:
            operation: the row of the closing table it counts for.
            method: GET, POST, PATCH or DELETE.
            path: from the Tenant URL, with an encoded query.
            body: JSON value of a POST or PATCH.
            accept: statuses beside 2xx that are a success, without content.

        Raises:
            ServiceError: when the service does not answer so, or not with a JSON object.
        """
        request = self._request(method, path, body)
        started, retries = perf_counter(), 0
        attempt = await self._attempt(request)
        while (wait := self._wait(operation, request, attempt, retries)) is not None:
            self._say_again(operation, attempt, wait)
            await self._sleep(wait)
            retries += 1
            attempt = await self._attempt(request)
        fault = attempt.fault(accept)
        self.ledger.samples.append(
            Sample(operation, started, perf_counter(), attempt.latency, retries, fault is None)
        )
        if fault is not None:
            raise ServiceError(operation, fault, attempt.status)
        return attempt.content if attempt.status not in accept else {}

    def _request(self, method: str, path: str, body: Any) -> httpx.Request:
        if body is None:
            return self._http.build_request(method, self.url + path)
        content = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": _CONTENT_TYPE}
        return self._http.build_request(method, self.url + path, content=content, headers=headers)

    async def _attempt(self, request: httpx.Request) -> "_Attempt":
        started = perf_counter()
        patience = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._say_waiting)
        try:
            response = await self._http.send(request)
        except httpx.RequestError as error:
            lost, is_unsent = _describe(error, self.limits), isinstance(error, httpx.ConnectError)
            return _Attempt(perf_counter() - started, lost=lost, is_unsent=is_unsent)
        finally:
            patience.cancel()
        self._was_answered = True
        latency = perf_counter() - started
        return _Attempt(latency, response.status_code, response.headers, _parse(response))

    def _say_waiting(self) -> None:
        if not self._was_answered:
            self.say(f"no answer from {self.url} yet; waiting up to {self.limits.timeout:g} s")

    def _say_again(self, operation: Operation, attempt: "_Attempt", wait: float) -> None:
        """Say that a request is repeated; of many at once the first is said."""
        now = perf_counter()
        if now >= self._silent_until:
            self._silent_until = now + _SILENCE_SECONDS
            reason = attempt.fault(frozenset())
            self.say(f"{operation} failed: {reason}; trying again in {wait:g} s")

    def _wait(
        self, operation: Operation, request: httpx.Request, attempt: "_Attempt", retries: int
    ) -> float | None:
        """Return the seconds to wait before another attempt, None when there is to be none."""
        if retries >= self.limits.retries:
            return None
        is_first_contact = operation is Operation.TEST_CONNECTION and not self._was_answered
        if is_first_contact and attempt.is_unsent:
            return None
        if attempt.lost is not None:
            return None if request.method == "POST" else _backoff(retries)
        if attempt.status not in _BUSY:
            return None
        asked = retry_after(attempt.headers.get("Retry-After", ""), datetime.now(UTC))
        wait = _backoff(retries) if asked is None else asked
        return wait if wait <= self.limits.longest_wait else None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one attempt ended: with an answer, or lost with a reason, perhaps before it was sent."""

    latency: float
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: Any = None
    lost: str | None = None
    is_unsent: bool = False

    @property
    def content(self) -> dict[str, Any]:
        return self.body or {}

    def fault(self, accept: frozenset[int]) -> str | None:
        """Say in one line why the attempt failed, or None when it did not."""
        if self.status is None:
            return self.lost
        if self.status in accept:
            return None
        if not 200 <= self.status < 300:
            return f"HTTP {self.status}: {self._reason()}"
        if not isinstance(self.body, dict | None):
            return f"HTTP {self.status}, but the body is not a JSON object"
        return None

    def _reason(self) -> str:
        if "Location" in self.headers and 300 <= (self.status or 0) < 400:
            return f"redirected to {self.headers['Location']}; give that address as --url"
        body = self.body if isinstance(self.body, dict) else {}
        words = [str(body[key]) for key in ("scimType", "detail") if body.get(key)]
        return " ".join(": ".join(words).split()) or "no SCIM error in the body"


def _parse(response: httpx.Response) -> Any:
    """Return the JSON value of a body, None for none, and the text of what is not JSON."""
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return response.text


def _describe(error: httpx.RequestError, limits: Limits) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {limits.timeout:g} s"
    if isinstance(error, httpx.ConnectError):
        return f"nobody answers there ({error}): is the address right, and does the service run?"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def retry_after(value: str, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds from now; None when it is not one."""
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - now).total_seconds())


def _backoff(retries: int) -> float:
    return min(0.5 * 2.0**retries, 30.0)
