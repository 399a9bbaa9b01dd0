"""How many attempts at an endpoint are under way in a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.webhooks.endpoint_load import MOST_SLOW_ATTEMPTS, EndpointLoad

if TYPE_CHECKING:
    from tests.support.fakes.clock import Time


@pytest.fixture
def load(clock: Time) -> EndpointLoad:
    return EndpointLoad(clock.clock())


def begun(load: EndpointLoad, most: int, endpoint: str = "e") -> int:
    """Begin attempts as long as there is room; return how many."""
    number = 0
    while number < most and load.has_room(endpoint):
        load.begin(endpoint)
        number += 1
    return number


def test_an_endpoint_that_has_not_answered_yet_has_two(load: EndpointLoad) -> None:
    assert begun(load, 50) == 2


def test_one_that_answers_has_as_many_as_there_are_runs(load: EndpointLoad) -> None:
    load.end("e", load.begin("e"), succeeded=True)
    assert begun(load, 50) == 50


def test_one_that_fails_three_times_has_one_until_it_answers(load: EndpointLoad) -> None:
    load.end("e", load.begin("e"), succeeded=True)
    for _ in range(3):
        load.end("e", load.begin("e"), succeeded=False)
    assert begun(load, 50) == 1


def test_one_that_takes_long_has_four(load: EndpointLoad, clock: Time) -> None:
    load.end("e", load.begin("e"), succeeded=True)
    load.begin("e")
    clock.advance(1.5)
    assert begun(load, 50) == 3


def test_of_many_endpoints_that_hang_few_are_tried_and_those_that_answer_are_not_held_up(
    load: EndpointLoad, clock: Time
) -> None:
    load.end("e", load.begin("e"), succeeded=True)
    tried = 0
    for number in range(100):
        tried += begun(load, 50, f"hangs{number}")
        clock.advance(0.2)
    assert MOST_SLOW_ATTEMPTS <= tried < 2 * MOST_SLOW_ATTEMPTS
    assert begun(load, 50) == 50


async def test_who_finds_no_room_at_first_waits_until_something_is_known(
    load: EndpointLoad,
) -> None:
    first, _ = load.begin("e"), load.begin("e")
    waiting = asyncio.create_task(load.has_room_soon("e"))
    await asyncio.sleep(0)
    assert not waiting.done()
    load.end("e", first, succeeded=True)
    assert await waiting
