"""Requests are tried again, a bounded number of times, and no sooner than the service wants."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from scim_on_functions import (
    CursorExpiredError,
    RateLimitedError,
    ServiceError,
    UnavailableError,
)
from scim_on_functions.exchange import Exchange, seconds_of
from scim_on_functions.flows import Pause, Send

KEY = "scimkey_crm_" + "k" * 43
PROBLEM = {"type": "/problems/gone", "title": "Gone", "status": 410, "detail": "Begin anew."}

Answer = httpx.Response | httpx.TransportError


def answer(status: int, retry_after: str | None = None) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return httpx.Response(status, json={}, headers=headers)


def played(answers: list[Answer], attempts: int = 4) -> tuple[object, list[float], int]:
    """What becomes of a request that is answered so, how long it pauses, how often it is sent."""
    flow = Exchange(KEY, "agent", 1, attempts, 30).get("https://id.example.com", {})
    pauses: list[float] = []
    sent = 0
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = flow.send(None)
                continue
            assert isinstance(step, Send)
            sent += 1
            coming = answers.pop(0)
            if isinstance(coming, httpx.TransportError):
                step = flow.throw(coming)
            else:
                step = flow.send(coming)
    except StopIteration as end:
        return end.value, pauses, sent
    except ServiceError as error:
        return error, pauses, sent


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_go_well_the_next_time_is_tried_again(status: int) -> None:
    assert played([answer(status), answer(200)])[::2] == ({}, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 301])
def test_what_stays_refused_is_not(status: int) -> None:
    error, pauses, sent = played([answer(status)])
    assert isinstance(error, ServiceError)
    assert (error.status, pauses, sent) == (status, [], 1)


def test_no_answer_is_tried_again_and_then_is_an_outage() -> None:
    lost = httpx.ConnectError("refused")
    assert played([lost, answer(200)])[::2] == ({}, 2)
    error, pauses, sent = played([lost] * 4)
    assert isinstance(error, UnavailableError)
    assert (error.status, len(pauses), sent) == (0, 3, 4)


def test_pauses_grow_and_are_short() -> None:
    _, pauses, _ = played([answer(503)] * 9, attempts=9)
    assert all(0.1 <= each <= 0.25 * 2**turn for turn, each in enumerate(pauses, 1))


def test_as_long_as_the_service_wants_is_waited() -> None:
    result, pauses, _ = played([answer(429, "7"), answer(200)])
    assert result == {}
    assert pauses == [7.0]


def test_longer_than_is_bearable_is_not_waited() -> None:
    error, pauses, sent = played([answer(429, "3600"), answer(200)])
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, pauses, sent) == (3600, [], 1)


def test_a_moment_is_read_as_well_as_seconds() -> None:
    later = datetime.now(UTC) + timedelta(seconds=20)
    assert seconds_of(format_datetime(later, usegmt=True)) == pytest.approx(20, abs=2)
    assert seconds_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert seconds_of("12") == 12
    assert seconds_of("soon") is None
    assert seconds_of("-1") is None
    assert seconds_of(None) is None


def test_a_problem_document_becomes_an_exception_that_says_what_it_says() -> None:
    response = httpx.Response(410, json=PROBLEM, headers={"Request-Id": "r-1"})
    error, _, _ = played([response])
    assert isinstance(error, CursorExpiredError)
    assert (error.type, error.detail) == ("/problems/gone", "Begin anew.")
    assert error.request_id == "r-1"
    assert "Begin anew." in str(error)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'"text"'])
def test_a_refusal_of_something_in_between_is_an_exception_too(content: bytes) -> None:
    error, _, _ = played([httpx.Response(403, content=content)])
    assert isinstance(error, ServiceError)
    assert error.status == 403


def test_a_success_that_is_no_json_is_none() -> None:
    error, _, _ = played([httpx.Response(200, content=b"<html>")])
    assert isinstance(error, UnavailableError)
