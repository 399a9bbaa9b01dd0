"""Watch: what the last contact means, and a chart in which refusals hang below the line."""

from __future__ import annotations

from typing import Any

import pytest

from portal.contact import contact_of
from portal.texts import Texts
from portal.watch_pages import MOST_WATCHED, count_refusals, draw
from portal.wording import Entry
from shared.store.provisioning_log import KeptEntry, LogEntry
from shared.store.recent_changes import Bucket

HOUR = 3_600_000
NOW = 1_000 * HOUR


def entry(age: int, **values: Any) -> KeptEntry:
    told: dict[str, Any] = {"kind": "contact", "token": "scim-token/1", **values}
    return KeptEntry.of(LogEntry(NOW - age, **told))


def change(age: int) -> Entry:
    seconds = (NOW - age) / 1_000
    return Entry("1", seconds, "created", "Created", "", "", "User", "scim-token/2", "r")


@pytest.mark.parametrize(
    ("age", "state", "ago"),
    [
        (0, "recent", "0 minutes ago"),
        (60_000, "recent", "1 minute ago"),
        (HOUR, "recent", "60 minutes ago"),
        (3 * HOUR, "recent", "3 hours ago"),
        (4 * HOUR, "quiet", "4 hours ago"),
        (24 * HOUR, "quiet", "24 hours ago"),
        (25 * HOUR, "silent", "25 hours ago"),
        (72 * HOUR, "silent", "3 days ago"),
    ],
)
def test_silence_is_told_by_how_long_it_lasts(age: int, state: str, ago: str) -> None:
    contact = contact_of([entry(age)], [], NOW / 1_000)
    key, number = contact.ago
    assert (contact.state, Texts("en").count(key, number)) == (state, ago)


def test_the_later_of_log_and_changes_is_the_contact() -> None:
    both = contact_of([entry(2 * HOUR)], [change(HOUR)], NOW / 1_000)
    assert (both.token, both.age) == ("scim-token/2", 3_600)
    assert contact_of([entry(HOUR)], [change(2 * HOUR)], NOW / 1_000).token == "scim-token/1"


def test_the_product_is_no_contact_and_nobody_is_none() -> None:
    product = entry(0, kind="refused", is_product=True)
    left_out = entry(0, kind="leftOut", token="", number=3)
    assert contact_of([product, left_out], [], NOW / 1_000).state == "never"


def test_refusals_are_counted_with_those_that_have_no_entry() -> None:
    entries = [
        entry(0, kind="refused"),
        entry(1, kind="leftOut", token="", number=40),
        entry(HOUR, kind="refused"),
        entry(HOUR, kind="refused", is_product=True),
        entry(HOUR, kind="slow"),
    ]
    counted = count_refusals(entries)
    assert counted.by_hour == {NOW: 1, NOW - HOUR: 41}
    assert counted.since == 0


def test_what_is_done_stands_on_the_line_and_what_is_refused_hangs_below() -> None:
    buckets = [Bucket(NOW - HOUR, {"User": 30, "Group": 10}), Bucket(NOW, {})]
    chart = draw(buckets, count_refusals([entry(0, kind="refused")] * 10))
    first, second = chart.bars
    assert (first.total, first.refused, second.done, second.refusals) == (40, 0, 0, 10)
    assert first.done <= chart.line
    assert chart.line + second.refused <= chart.height
    assert first.done == pytest.approx(4 * second.refused, rel=0.01), "both have one scale"
    assert (chart.total, chart.refusals, chart.is_exact) == (40, 10, True)


def test_hours_of_which_not_all_refusals_were_read_are_said_to_be_more() -> None:
    counted = count_refusals([entry(0, kind="refused")] * MOST_WATCHED)
    chart = draw([Bucket(NOW - HOUR, {}), Bucket(NOW, {})], counted)
    assert [bar.is_exact for bar in chart.bars] == [False, True]


def test_one_refusal_among_thousands_of_changes_is_seen() -> None:
    chart = draw([Bucket(NOW, {"User": 9_000})], count_refusals([entry(0, kind="refused")]))
    assert chart.bars[0].refused >= 2
