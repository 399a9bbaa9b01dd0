"""The rate limit of requests: who is let in, who is refused, and what the answers tell."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import RateLimited, Unavailable
from shared.settings import Settings, SettingsError
from shared.web.request_rate_limit import MIN_REQUESTS_PER_SECOND, RequestRateLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.web.services import Services
    from tests.unit.web.conftest import BrokenTable

SECONDS = 60


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def limit(clock: Time) -> RequestRateLimit:
    return RequestRateLimit(lambda _: 50, clock)


def admitted(limit: RequestRateLimit, tenant: str = "acme", most: int = 10_000) -> int:
    """Count how many requests in a row are let in."""
    for count in range(most):
        try:
            limit.take(tenant)
        except RateLimited:
            return count
    return most


def refused(limit: RequestRateLimit, tenant: str = "acme") -> RateLimited:
    with pytest.raises(RateLimited) as refusal:
        limit.take(tenant)
    return refusal.value


# Who is let in


def test_a_burst_of_twice_the_rate_is_let_in(limit: RequestRateLimit) -> None:
    assert admitted(limit) == 100


def test_then_as_many_a_second_as_the_rate(limit: RequestRateLimit, clock: Time) -> None:
    admitted(limit)
    for _ in range(SECONDS):
        clock.now += 1
        assert admitted(limit) == 50


def test_a_pause_fills_the_bucket_and_no_more(limit: RequestRateLimit, clock: Time) -> None:
    admitted(limit)
    clock.now += 3_600
    assert admitted(limit) == 100


def test_a_tenant_takes_nothing_from_another(limit: RequestRateLimit) -> None:
    admitted(limit, "acme")
    assert admitted(limit, "contoso") == 100


def at_once(_: random.Random) -> Sequence[float]:
    return [0.0] * 25


def at_the_end(_: random.Random) -> Sequence[float]:
    return [0.999_999] * 25


def evenly(_: random.Random) -> Sequence[float]:
    return [number / 25 for number in range(25)]


def anyhow(dice: random.Random) -> Sequence[float]:
    return sorted(dice.random() for _ in range(25))


def now_early_now_late(dice: random.Random) -> Sequence[float]:
    return [dice.choice([0.0, 0.999_999])] * 25


@pytest.mark.parametrize("rate", [MIN_REQUESTS_PER_SECOND, 33, 50, 10_000])
@pytest.mark.parametrize("pattern", [at_once, at_the_end, evenly, anyhow, now_early_now_late])
@pytest.mark.parametrize("began", [0.0, 1_234_567.891])
def test_25_a_second_of_a_tenant_are_never_refused(
    rate: int, pattern: Callable[[random.Random], Sequence[float]], began: float
) -> None:
    clock, dice = Time(), random.Random(rate)
    limit = RequestRateLimit(lambda _: rate, clock)
    for second in range(600):
        for moment in pattern(dice):
            clock.now = began + second + moment
            limit.take("acme")


@pytest.mark.parametrize("rate", ["24", "0", "-1", "10001", "many"])
def test_a_rate_below_25_is_a_wrong_setting(rate: str) -> None:
    environ = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_REQUESTS_PER_SECOND": rate}
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment(environ)
    (problem,) = refusal.value.problems
    assert problem.startswith("SCIM_REQUESTS_PER_SECOND should be ")


def test_by_default_it_is_50_and_the_least_that_may_be_set_is_what_tenants_count_on() -> None:
    field = Settings.model_fields["requests_per_second"]
    assert field.default == 50
    assert MIN_REQUESTS_PER_SECOND in [getattr(each, "ge", None) for each in field.metadata]


# Bulk requests


def test_a_bulk_request_is_let_in_while_the_bucket_is_not_empty(limit: RequestRateLimit) -> None:
    for _ in range(99):
        limit.take("acme")
    limit.take("acme")
    limit.take_bulk("acme", 1_000)


def test_its_operations_are_a_debt_that_is_paid_before_the_next_request(
    limit: RequestRateLimit, clock: Time
) -> None:
    limit.take("acme")
    limit.take_bulk("acme", 1_000)
    refusal = refused(limit)
    assert refusal.retry_after == 19  # 900 of debt and the token of a request, 50 a second
    clock.now += 18
    refused(limit)
    clock.now += 1
    limit.take("acme")


def test_of_bulk_requests_at_once_the_first_makes_the_debt(limit: RequestRateLimit) -> None:
    limit.take("acme")
    limit.take("acme")
    limit.take_bulk("acme", 1_000)
    with pytest.raises(RateLimited):
        limit.take_bulk("acme", 1_000)


# What the answers tell


def test_retry_after_is_whole_seconds_after_which_a_request_is_let_in(clock: Time) -> None:
    dice = random.Random(1)
    limit = RequestRateLimit(lambda _: 50, clock)
    for _ in range(200):
        limit.take("acme")
        limit.take_bulk("acme", dice.randint(100, 400))
        seconds = refused(limit).retry_after
        assert seconds is not None
        clock.now += seconds - 1.001
        refused(limit)
        clock.now += 1.001


def test_a_refusal_tells_the_policy_and_what_is_left(limit: RequestRateLimit) -> None:
    admitted(limit)
    assert refused(limit).headers == {
        "RateLimit-Policy": '"tenant";q=100;w=2',
        "RateLimit": '"tenant";r=0;t=2',
    }


def test_an_answer_tells_of_it_when_less_than_half_is_left(limit: RequestRateLimit) -> None:
    for _ in range(50):
        limit.take("acme")
    assert limit.fields("acme") == {}
    limit.take("acme")
    assert limit.fields("acme")["RateLimit"] == '"tenant";r=49;t=2'


# On the wire


@pytest.fixture
async def empty(process: Services) -> Services:
    """The services of a process whose tenants have nothing left."""
    process.rate_limit.take_bulk("default", 1_000)
    process.rate_limit.take_bulk("acme", 1_000)
    return process


@pytest.mark.parametrize("name", ["users", "groups_id", "bulk", "root", "schemas", "zz_custom"])
async def test_one_too_many_is_refused_before_any_call(
    call: Any, empty: Services, name: str
) -> None:
    del empty  # its table fails the test that asks it anything
    response = await call(name, id="0" * 32, endpoint="Devices")
    body = json.loads(response.get_body())
    assert (response.status_code, body["status"]) == (429, "429")
    assert "Repeat the request after the seconds of Retry-After" in body["detail"]
    assert int(response.headers["Retry-After"]) >= 18
    assert response.headers["RateLimit"].startswith('"tenant";r=0;t=')
    assert response.headers["RateLimit-Policy"] == '"tenant";q=100;w=2'


async def test_who_has_no_token_learns_nothing_of_the_limit(call: Any, empty: Services) -> None:
    del empty
    response = await call("users", headers={"authorization": "Bearer wrong-token-of-nobody"})
    assert response.status_code == 401
    assert "RateLimit" not in response.headers


async def test_probes_are_not_limited(
    call: Any, empty: Services, broken_table: BrokenTable
) -> None:
    del empty
    broken_table.fault = Unavailable("away")
    assert (await call("healthz")).status_code == 200
    assert (await call("readyz")).status_code == 503  # of the table, which is broken


async def test_the_log_tells_which_limit_refused(
    call: Any, empty: Services, caplog: pytest.LogCaptureFixture
) -> None:
    del empty
    with caplog.at_level("INFO", logger="scim.requests"):
        await call("users")
    (line,) = [json.loads(record.message) for record in caplog.records]
    assert (line["status"], line["refusedBy"], line["tenant"]) == (429, "rateLimit", "default")
