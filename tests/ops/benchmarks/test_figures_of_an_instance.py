"""What the figures of one instance are made of: starts, and requests at several concurrencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.driven import Measurement, Traffic
from benchmarks.start import App, Case, Start, sums, table
from benchmarks.throughput import at_once_to_fill, ceiling, cpu_of_a_request, curve
from tests.support.fakes.worker import Answer


def measurement(level: int, *, requests: int = 100, cpu: float = 0.2) -> Measurement:
    latencies = [n / 1000 for n in range(1, requests + 1)]
    return Measurement(level, 2.0, cpu, 0.5, latencies, resident=60.0)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_level_is_shown_by_the_medians_of_its_rounds() -> None:
    rounds = [measurement(4, cpu=cpu) for cpu in (0.2, 0.4, 9.0)]
    head, _, row = curve(rounds).splitlines()
    assert cells(row) == ["4", "50", "50.5", "96.0", "4.00", "5.00", "20%, 25%"]
    assert len(cells(head)) == len(cells(row))


def test_levels_are_shown_in_order_whatever_the_order_of_the_rounds() -> None:
    shown = curve([measurement(level) for level in (64, 1, 8)]).splitlines()[2:]
    assert [cells(row)[0] for row in shown] == ["1", "8", "64"]


def test_cpu_of_a_request_is_the_median_of_the_measurements() -> None:
    assert cpu_of_a_request([measurement(1, cpu=cpu) for cpu in (0.1, 0.3, 5.0)]) == 0.003


def test_a_core_is_full_when_others_compute_while_one_waits() -> None:
    assert at_once_to_fill(0.002, 0.0) == 1
    assert at_once_to_fill(0.002, 0.02) == pytest.approx(11)


def test_the_ceiling_leaves_out_levels_at_which_the_loop_idles() -> None:
    told = ceiling([measurement(1, cpu=50.0), measurement(8, cpu=0.2)])
    assert "2.00 ms of CPU" in told
    assert "500 a second" in told
    assert "6 where a request waits 10 ms" in told


def test_starts_are_shown_by_their_medians_elapsed_and_cpu() -> None:
    case = Case(App("this checkout", Path("here")), "development", {})
    starts = [Start((each, each / 2), (each * 2, each), each / 10) for each in (0.1, 0.2, 0.9)]
    *_, row = table([case], [starts]).splitlines()
    assert cells(row) == ["this checkout", "development", "200 (100)", "400 (200)", "20"]


def test_imports_are_shown_by_their_medians() -> None:
    assert sums({"Python": [0.01, 0.02, 0.9], "more": [0.1]}) == "Python 20, more 100"


def test_another_checkout_is_shown_by_its_folder() -> None:
    case = Case(App("/elsewhere", Path("/elsewhere")), "development", {})
    *_, row = table([case], [[Start((0.1, 0.1), (0.1, 0.1), 0.1)]]).splitlines()
    assert cells(row)[:2] == ["/elsewhere", "development"]


class Recorder:
    """Stands for the worker: notes what comes, and takes everything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def invoke(self, name: str, *, method: str, **_: object) -> Answer:
        self.asked.append((name, method))
        statuses = {"POST": 201, "GET": 200, "PATCH": 200 if name == "users_id" else 204}
        body = b'{"id": "%d"}' % len(self.asked)
        return Answer(statuses[method], {}, body)


async def test_traffic_is_the_five_operations_in_turn() -> None:
    worker = Recorder()
    traffic = Traffic(worker, "token", users=10, groups=2)  # type: ignore[arg-type] # stands for it
    await traffic.seed()
    assert worker.asked == [("users", "POST")] * 10 + [("groups", "POST")] * 2
    worker.asked.clear()
    operations = traffic.operations()
    for _ in range(5):
        await next(operations)(traffic.next_number())
    assert worker.asked == [
        ("users_id", "GET"),
        ("users", "GET"),
        ("users_id", "PATCH"),
        ("users", "POST"),
        ("groups_id", "PATCH"),
    ]
