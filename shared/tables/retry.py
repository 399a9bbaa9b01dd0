"""Retry and back-off: which errors of Table Storage may pass, how often and how soon to try again.

Three things are tried again, each in its own way:

- a read, since it changes nothing (`retry_read`);
- a transaction whose outcome is unknown, by a sender that can tell its own success (`resend`);
- a change that lost a race, which is built again on what is read again (`retry_conflicts`).

Whatever is tried again ends at the deadline of the request.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import PayloadTooLarge, TooManyRequests, Unavailable
from shared.tables.client import StorageError
from shared.tables.operations import OperationRejected, OutcomeUnknown
from shared.tables.request_context import RequestContext

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
TOO_LARGE_CODES = frozenset(
    {"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge", "TooManyProperties"}
)
"""Error codes by which the service says that a row, a value or a transaction is too large."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how soon and for how long to try again.

    Attributes:
        read_attempts: times that a read is sent.
        transaction_sends: times that a transaction is sent while its outcome is unknown.
        conflict_attempts: times that a change is built and committed, lost races included.
        attempt_timeout: seconds that one request to the storage may take.
        receipt_window: seconds after which a transaction is not sent again under the same change
            key, which bears the time of its first send.
        first_backoff: seconds to wait at most before the first retry; the bound doubles with each.
        longest_backoff: seconds to wait at most before any retry.
        retry_after_exhausted: `Retry-After` when the last attempt has failed, in seconds.
        retry_after_conflicts: `Retry-After` when the last race is lost.
        retry_after_queue: `Retry-After` when the deadline comes while others are in the way.
        retry_after_refused: `Retry-After` when the storage refuses the service, which no retry
            mends.
    """

    read_attempts: int = 4
    transaction_sends: int = 6
    conflict_attempts: int = 12
    attempt_timeout: float = 10.0
    receipt_window: float = 60.0
    first_backoff: float = 0.05
    longest_backoff: float = 2.0
    retry_after_exhausted: int = 10
    retry_after_conflicts: int = 2
    retry_after_queue: int = 5
    retry_after_refused: int = 60


RETRY_POLICY = RetryPolicy()
"""The policy of the service."""


async def retry_read(context: RequestContext, read: Callable[[], Awaitable[_T]]) -> _T:
    """Run a read, again after every error that may pass.

    Raises:
        Unavailable, TooManyRequests: the last attempt failed, or the deadline has passed.
    """
    retry = 0
    while True:
        try:
            return await read()
        except OutcomeUnknown as failure:
            if retry + 1 == RETRY_POLICY.read_attempts:
                raise retries_exhausted(failure) from failure
        await backoff(context, retry)
        retry += 1


async def resend(context: RequestContext, send: Callable[[], Awaitable[_T]]) -> _T:
    """Send a transaction, again while its outcome is unknown.

    Args:
        context: the request.
        send: sends the transaction as it is; it must know its own success when it meets it.

    Raises:
        Unavailable, TooManyRequests: no clear answer within the sends, the window of the receipt
            or the deadline; it may be committed or not.
    """
    begun = time.monotonic()
    retry = 0
    while True:
        try:
            return await send()
        except OutcomeUnknown as error:
            failure = error
        if retry + 1 == RETRY_POLICY.transaction_sends:
            raise retries_exhausted(failure) from failure
        await backoff(context, retry)
        if time.monotonic() - begun > RETRY_POLICY.receipt_window:
            raise retries_exhausted(failure) from failure
        retry += 1


async def retry_conflicts(context: RequestContext, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Read and commit, again after every lost race.

    Raises:
        Unavailable: the resource is changed by others faster than it can be read, or the deadline
            has passed.
    """
    for races in range(RETRY_POLICY.conflict_attempts):
        if races:
            await backoff(context, races - 1)
        try:
            return await attempt()
        except OperationRejected:
            continue
    raise conflicts_exhausted("resource")


async def backoff(context: RequestContext, retry: int) -> None:
    """Wait before a retry (0-based): exponential back-off with full jitter, up to the deadline."""
    longest = min(RETRY_POLICY.first_backoff * 2**retry, RETRY_POLICY.longest_backoff)
    seconds = random.uniform(0, min(longest, context.remaining()))  # noqa: S311 - spreads retries, no secret
    await asyncio.sleep(seconds)


def attempt_timeout(context: RequestContext) -> float:
    """Tell how many seconds one request to the storage may take.

    Raises:
        Unavailable: the deadline has passed.
    """
    return min(RETRY_POLICY.attempt_timeout, context.remaining())


def outcome_of(error: StorageError) -> OutcomeUnknown:
    """Classify an error of the storage: what is returned may pass.

    Raises:
        PayloadTooLarge: a row or a value is larger than the service takes.
        Unavailable: the error will not pass by itself, such as missing rights.
    """
    if error.code in TOO_LARGE_CODES:
        raise PayloadTooLarge("The resource is too large to be stored; send less.") from error
    if error.status is not None and error.status not in _TRANSIENT_STATUSES:
        _log.error("table storage refused a request: %s", error)
        raise Unavailable(
            "The storage refused the service; its operator finds the reason in the log.",
            retry_after=RETRY_POLICY.retry_after_refused,
        ) from error
    throttled = error.code == "ServerBusy" or error.status == 429
    return OutcomeUnknown(str(error), throttled=throttled)


def retries_exhausted(failure: OutcomeUnknown) -> Unavailable | TooManyRequests:
    """Build the answer after the last attempt: 429 when the storage throttles, otherwise 503."""
    retry_after = RETRY_POLICY.retry_after_exhausted
    if failure.throttled:
        return TooManyRequests(
            "The storage of this tenant is at its limit; repeat the request later.",
            retry_after=retry_after,
        )
    return Unavailable(
        "The storage did not answer; a change may be done, or not. Repeat the request.",
        retry_after=retry_after,
    )


def conflicts_exhausted(contended: str) -> Unavailable:
    """Build the answer after the last lost race over a `contended` thing."""
    return Unavailable(
        f"Other requests keep changing the same {contended}; repeat the request.",
        retry_after=RETRY_POLICY.retry_after_conflicts,
    )
