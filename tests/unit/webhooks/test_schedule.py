"""When a webhook is sent again."""

from __future__ import annotations

import random
from email.utils import formatdate

import pytest

from shared.webhooks.schedule import DELAYS, next_attempt, next_probe, retry_after

NOW = 1_800_000_000_000


def test_ten_attempts_are_spread_over_three_days() -> None:
    assert sum(DELAYS) == 5 + 300 + 1_800 + 3_600 * (2 + 5 + 10 + 14 + 20 + 24)
    assert next_attempt(NOW, 10, random.Random(1)) is None
    assert next_attempt(NOW, 9, random.Random(1)) is not None


def test_what_failed_together_is_not_tried_together() -> None:
    draw = random.Random(1)
    times = {next_attempt(NOW, 2, draw) for _ in range(50)}
    assert len(times) > 40
    assert all(at is not None and 300_000 <= at - NOW <= 330_000 for at in times)


def test_an_endpoint_that_fails_is_tried_after_a_minute_then_two_then_at_last_each_hour() -> None:
    waits = [(next_probe(NOW, failures) - NOW) / 60_000 for failures in range(10, 20)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 5 ", 5),
        ("99999999999", 3_600),
        (formatdate(NOW / 1_000 + 90, usegmt=True), 90),
        (formatdate(NOW / 1_000 - 90, usegmt=True), 0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(
    header: str | None, seconds: int | None
) -> None:
    assert retry_after(header, NOW / 1_000) == seconds
