"""The retry policy of the storage: what is tried again, how often, how soon, and what comes last.

`tests/unit/store/test_faults.py` shows the same over HTTP, fault by fault.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.errors import PayloadTooLarge, ScimError, TooManyRequests, Unavailable
from shared.tables import retry
from shared.tables.client import StorageError
from shared.tables.operations import Delete, OperationRejected, OutcomeUnknown
from shared.tables.retry import RETRY_POLICY, outcome_of, resend, retry_conflicts, retry_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext

LOST = OutcomeUnknown("no answer in time")
BUSY = OutcomeUnknown("503 ServerBusy", throttled=True)
RACE = OperationRejected(1, 412, Delete("u-1"))


class Attempts:
    """Fails a number of times, then succeeds."""

    def __init__(self, failure: Exception, times: float) -> None:
        self.made = 0
        self._failure = failure
        self._times = times

    async def __call__(self) -> str:
        self.made += 1
        if self.made <= self._times:
            raise self._failure
        return "done"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every back-off, at their longest; nothing is waited for."""
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    monkeypatch.setattr(asyncio, "sleep", note)
    return waited


@pytest.mark.parametrize(
    ("run", "failure", "most"),
    [
        (retry_read, LOST, RETRY_POLICY.read_attempts),
        (resend, LOST, RETRY_POLICY.transaction_sends),
        (retry_conflicts, RACE, RETRY_POLICY.conflict_attempts),
    ],
)
async def test_an_attempt_is_repeated_as_often_as_the_policy_says(
    waits: list[float],
    context: RequestContext,
    run: Callable[..., Awaitable[str]],
    failure: Exception,
    most: int,
) -> None:
    attempts = Attempts(failure, most - 1)
    assert await run(context, attempts) == "done"
    assert (attempts.made, len(waits)) == (most, most - 1)

    attempts = Attempts(failure, float("inf"))
    with pytest.raises(Unavailable) as last:
        await run(context, attempts)
    assert last.value.retry_after is not None
    assert (attempts.made, len(waits)) == (most, 2 * (most - 1)), "nothing waits after the last"


async def test_the_back_off_doubles_up_to_its_bound(
    waits: list[float], context: RequestContext
) -> None:
    with pytest.raises(Unavailable):
        await retry_conflicts(context, Attempts(RACE, float("inf")))
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0, 2.0]


async def test_a_back_off_is_drawn_from_0_on(
    monkeypatch: pytest.MonkeyPatch, context: RequestContext
) -> None:
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    monkeypatch.setattr(random, "uniform", draw)
    await retry_read(context, Attempts(LOST, 2))
    assert drawn == [(0, 0.05), (0, 0.1)]


async def test_a_back_off_ends_at_the_deadline(waits: list[float], new_context: NewContext) -> None:
    await retry_read(new_context(seconds=0.01), Attempts(LOST, 1))
    assert waits[0] <= 0.01
    with pytest.raises(Unavailable):
        await retry_read(new_context(seconds=0), Attempts(LOST, 1))


@pytest.mark.parametrize(("failure", "error"), [(BUSY, TooManyRequests), (LOST, Unavailable)])
async def test_the_last_answer_says_whether_the_storage_throttles_and_when_to_repeat(
    waits: list[float], context: RequestContext, failure: OutcomeUnknown, error: type[ScimError]
) -> None:
    del waits
    for run in (retry_read, resend):
        with pytest.raises(error) as refused:
            await run(context, Attempts(failure, float("inf")))
        assert refused.value.retry_after == RETRY_POLICY.retry_after_exhausted


async def test_another_policy_is_followed(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], context: RequestContext
) -> None:
    policy = replace(RETRY_POLICY, read_attempts=2, first_backoff=0.5)
    monkeypatch.setattr(retry, "RETRY_POLICY", policy)
    with pytest.raises(Unavailable):
        await retry_read(context, Attempts(LOST, 2))
    assert waits == [0.5]


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504])
def test_an_error_that_may_pass_leaves_the_outcome_unknown(status: int | None) -> None:
    assert isinstance(outcome_of(StorageError(status)), OutcomeUnknown)


@pytest.mark.parametrize(
    ("error", "throttled"),
    [
        (StorageError(503, "ServerBusy"), True),
        (StorageError(429), True),
        (StorageError(500, "InternalError"), False),
        (StorageError(None), False),
    ],
)
def test_a_busy_storage_throttles(error: StorageError, *, throttled: bool) -> None:
    assert outcome_of(error).throttled is throttled


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_error_that_no_retry_mends_is_for_the_operator(status: int) -> None:
    with pytest.raises(Unavailable) as refused:
        outcome_of(StorageError(status, "AuthorizationFailure"))
    assert refused.value.retry_after == RETRY_POLICY.retry_after_refused


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("code", ["EntityTooLarge", "RequestBodyTooLarge"])
def test_what_is_too_large_is_the_clients_to_shorten(status: int, code: str) -> None:
    with pytest.raises(PayloadTooLarge):
        outcome_of(StorageError(status, code))
