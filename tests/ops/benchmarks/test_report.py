"""The page and the plot of a run, and what is said of the targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot
from benchmarks.core import Pure
from benchmarks.cpu import Cost
from benchmarks.figures import Figure
from benchmarks.flat import Flat
from benchmarks.latency import Latency
from benchmarks.operations import OPERATIONS
from benchmarks.report import page
from benchmarks.results import Results, goals
from benchmarks.sampling import PARTS
from benchmarks.services import OURS, SCIM2_SERVER, SCIMMY, SCIMMY_PAGED, STORAGE

if TYPE_CHECKING:
    from pathlib import Path


def exactly(value: float) -> Figure:
    return Figure(value, 10)


def latency(operation: str, service: str, users: int, milliseconds: float) -> Latency:
    return Latency(operation, service, users, exactly(milliseconds))


@pytest.fixture
def results() -> Results:
    """A run in which every target is just reached."""
    latencies = [
        latency(each.name, service, users, 2.0)
        for each in OPERATIONS
        for users in (10, 1_000)
        for service in (OURS, SCIM2_SERVER)
    ]
    latencies += [latency(each.name, OURS, 100_000, 3.0) for each in OPERATIONS]
    latencies += [
        latency(each.name, STORAGE, users, 1.5)
        for each in OPERATIONS
        for users in (10, 1_000, 100_000)
    ]
    latencies = [
        each
        for each in latencies
        if each.service == STORAGE or each.operation not in {"add a member", PAGE}
    ]
    for operation, factor in (("add a member", 100), (PAGE, 10)):
        latencies.append(latency(operation, OURS, 1_000, 2.0))
        latencies.append(latency(operation, SCIM2_SERVER, 1_000, 2.0 * factor))
        latencies.append(latency(operation, SCIMMY, 1_000, 2.0 * factor))
    return Results(
        command="python -m benchmarks",
        minutes=12.4,
        machine={"cores": "2", "Python": "3.13.0"},
        clients=4,
        latencies=[*latencies, latency(PAGE, SCIMMY_PAGED, 1_000, 7.0)],
        flats=[flat(1_000, 1_000.0), flat(100_000, 1_099.0)],
        rows=500_256,
        costs=[cost("get a user", 350), cost("create a user", 250), cost("`userName eq`", 999)],
        pures=[Pure("filter: parse", 30, exactly(30.0))],
    )


PAGE = "list a page of 100"


def cost(operation: str, microseconds: float) -> Cost:
    parts = dict.fromkeys(PARTS, 1 / len(PARTS))
    floors = exactly(100.0), exactly(50.0)
    handler, multiple = exactly(microseconds), microseconds / 100
    return Cost(operation, 2.0, handler, *floors, exactly(500.0), multiple, parts)


def flat(users: int, microseconds: float, *, calls: float = 2, of_deletions: float = 1) -> Flat:
    portions = (microseconds, 2 * microseconds, microseconds)
    return Flat("get a user", users, calls, of_deletions, 0, portions, users / 1_000)


def test_targets_that_are_just_reached_are_reached(results: Results) -> None:
    assert [each.name for each in goals(results) if not each.is_reached] == []
    assert len(goals(results)) == 2 + 8 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        (
            "add a member, 1,000 users",
            {"latencies": [latency("add a member", SCIMMY, 1_000, 199.0)]},
        ),
        ("get a user, 1,000 users", {"latencies": [latency("get a user", OURS, 1_000, 2.1)]}),
        (
            "get a user, 1,000 and 100,000 users",
            {"flats": [flat(1_000, 990.0)]},
        ),
        (
            "get a user, 1,000 and 100,000 users",
            {"flats": [flat(1_000, 1_250.0)]},
        ),
        (
            "get a user, 1,000 and 100,000 users",
            {"flats": [flat(1_000, 1_000.0, calls=2.01)]},
        ),
        ("get a user, CPU of the handler", {"costs": [cost("get a user", 351)]}),
        ("filter: parse", {"pures": [Pure("filter: parse", 30, exactly(30.1))]}),
    ],
)
def test_a_target_that_is_just_missed_is_missed(
    results: Results, name: str, worse: dict[str, list[object]]
) -> None:
    """Each case replaces the measurement of the same name and size by a worse one."""
    changed: dict[str, Any] = {}
    for field, [measured] in worse.items():
        kept = [each for each in getattr(results, field) if key(each) != key(measured)]
        changed[field] = [*kept, measured]
    found = goals(replace(results, **changed))
    assert [each.name for each in found if not each.is_reached] == [name]
    assert "| **no** |" in page(replace(results, **changed))


def key(measured: object) -> tuple[object, ...]:
    names = ("operation", "service", "users", "name")
    return tuple(getattr(measured, name, None) for name in names)


def test_the_page_has_every_size_and_every_operation(results: Results) -> None:
    text = page(results)
    for title in ("### 10 users\n", "### 1,000 users\n", "### 100,000 users, this service alone\n"):
        assert title in text
    assert "| get a user | 2.00 | 1.50 | 2.00 | - | 1.00 | - |" in text
    assert "| get a user | 3.00 | 1.50 |" in text
    assert "| the same page by scimmy, paged by its handler |  |  |  | 7.00 |  | 3.50 |" in text
    assert "| get a user | 3 | 0 | 1,000 | 1,099 | +10% | 1.00 | 100 |" in text
    assert "The directory of 100,000 users has 500,256 rows." in text
    assert "| get a user | 2 | 350 | 100 | 3.50 | 50.0 | 7.00 | 500 |" in text
    assert "in 12 minutes" in text


def test_a_process_that_remembers_a_row_makes_no_difference(results: Results) -> None:
    remembering = [
        flat(1_000, 1_000.0, of_deletions=0.02),
        flat(100_000, 1_000.0, of_deletions=0.15),
    ]
    changed = replace(results, flats=remembering)
    assert [each.name for each in goals(changed) if not each.is_reached] == []
    assert "| get a user | 2.02 and 2.15 | 0 |" in page(changed)


def test_a_missed_latency_is_held_against_storage_alone(results: Results) -> None:
    slow = [each for each in results.latencies if key(each)[:3] != ("get a user", OURS, 1_000)]
    changed = replace(results, latencies=[*slow, latency("get a user", OURS, 1_000, 4.0)])
    [missed] = [each for each in goals(changed) if not each.is_reached]
    assert missed.reached == (
        "0.50 times scim2-server (Azurite alone takes 0.75 times its whole latency)"
    )


def test_the_page_says_what_a_service_refused(results: Results) -> None:
    refused = Latency("membership check", SCIMMY, 1_000, None, "400 invalidFilter")
    text = page(replace(results, latencies=[*results.latencies, refused]))
    assert "- scimmy, membership check, 1,000 users: `400 invalidFilter`" in text


def test_a_line_of_the_plot_goes_through_the_sizes_that_were_measured(results: Results) -> None:
    assert plot.series(results, "get a user", OURS) == [(10, 2.0), (1_000, 2.0), (100_000, 3.0)]
    assert plot.series(results, "get a user", STORAGE)[-1] == (100_000, 1.5)
    assert plot.series(results, "get a user", SCIMMY) == []


def test_every_panel_is_of_an_operation_that_is_measured() -> None:
    assert set(plot.PANELS) <= {each.name for each in OPERATIONS}


def test_the_plot_is_the_same_picture_each_time(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="it is in the environment of the benchmark alone")
    for name in ("one.svg", "two.svg"):
        plot.draw(results, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    texts = {each.text for each in ET.parse(tmp_path / "one.svg").iter() if each.text}
    assert {"get the group without members", "members of the group", OURS, "100,000"} <= texts
