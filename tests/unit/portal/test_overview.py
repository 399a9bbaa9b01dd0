"""What staff should look at, and in which order: by tokens, and by the newest entries of logs."""

from __future__ import annotations

from typing import Any

import pytest

from portal.overview import (
    ENTRIES_READ,
    REREAD_SECONDS,
    Concern,
    LogSummary,
    RememberedFindings,
    TenantFindings,
    TenantGlance,
    reasons_of,
    summarize,
)
from shared.auth.tenant_tokens import TenantAccess, TenantState
from shared.store.provisioning_log import KeptEntry, LogEntry

NOW = 1_000_000_000.0
HOUR, DAY = 3_600, 86_400


def entry(kind: Any, seconds_ago: float, **values: Any) -> KeptEntry:
    told = {"token": "scim-token/1", **values}
    return KeptEntry("", LogEntry(int((NOW - seconds_ago) * 1_000), kind, **told))


def glance(
    name: str = "acme",
    state: TenantState = TenantState.OPEN,
    expires: float | None = None,
    log: LogSummary | None = None,
    *,
    is_held: bool = False,
    is_read: bool = False,
    **values: Any,
) -> TenantGlance:
    found = TenantFindings(NOW, log, is_held) if is_read or is_held or log else None
    return TenantGlance(name, TenantAccess(state, expires), found, **values)


@pytest.mark.parametrize(
    ("entries", "summary"),
    [
        ([], LogSummary()),
        ([entry("contact", 60)], LogSummary(NOW - 60)),
        ([entry("refused", HOUR), entry("contact", DAY)], LogSummary(NOW - HOUR, 1)),
        ([entry("refused", 2 * DAY)], LogSummary(NOW - 2 * DAY)),
        ([entry("refused", HOUR, is_product=True)], LogSummary()),
        ([entry("slow", HOUR), entry("skippedMembers", HOUR)], LogSummary(NOW - HOUR)),
        ([entry("leftOut", HOUR, token="", number=40)], LogSummary(failures=40)),
        ([entry("attributes", HOUR, token="")], LogSummary()),
        (
            [entry("refused", HOUR)] * ENTRIES_READ,
            LogSummary(NOW - HOUR, ENTRIES_READ, is_exact=False),
        ),
        (
            [*[entry("refused", HOUR)] * (ENTRIES_READ - 1), entry("contact", 3 * DAY)],
            LogSummary(NOW - HOUR, ENTRIES_READ - 1),
        ),
    ],
)
def test_entries_tell_of_the_last_contact_and_of_failures(
    entries: list[KeptEntry], summary: LogSummary
) -> None:
    assert summarize(entries, NOW) == summary


@pytest.mark.parametrize(
    ("shown", "reasons"),
    [
        (glance(log=LogSummary(NOW)), []),
        (glance(log=LogSummary()), []),
        (glance(state=TenantState.NO_VALID_TOKEN), [Concern.SHUT]),
        (
            glance(state=TenantState.NO_VALID_TOKEN, log=LogSummary(), is_held=True),
            [Concern.HELD, Concern.SHUT],
        ),
        (glance(state=TenantState.CLOSED, is_held=True), []),
        (glance(state=TenantState.CLOSED, expires=NOW + 1, is_read=True), []),
        (glance(expires=NOW + DAY), [Concern.EXPIRES]),
        (glance(expires=NOW + 31 * DAY), []),
        (glance(expires=NOW - DAY), []),
        (glance(log=LogSummary(NOW - 3 * DAY)), [Concern.SILENT]),
        (
            glance(expires=NOW + DAY, log=LogSummary(NOW - 3 * DAY, 2)),
            [Concern.FAILURES, Concern.EXPIRES, Concern.SILENT],
        ),
        (glance(is_read=True), [Concern.UNREADABLE]),
        (glance(), []),
    ],
)
def test_reasons_are_told_the_most_pressing_first(
    shown: TenantGlance, reasons: list[Concern]
) -> None:
    assert list(reasons_of(shown, NOW)) == reasons


def test_the_most_pressing_stands_first_and_what_is_closed_last() -> None:
    shown = [
        glance("closed", TenantState.CLOSED),
        glance("b-fine", log=LogSummary(NOW)),
        glance("a-fine", log=LogSummary(NOW)),
        glance("not-yet-read"),
        glance("unreadable", is_read=True, reasons=(Concern.UNREADABLE,)),
        glance("few", log=LogSummary(NOW, 1), reasons=(Concern.FAILURES,)),
        glance("many", log=LogSummary(NOW, 9), reasons=(Concern.FAILURES, Concern.EXPIRES)),
        glance("shut", reasons=(Concern.SHUT,)),
    ]
    names = [each.name for each in sorted(shown, key=lambda each: each.order)]
    pressing, known = ["shut", "many", "few", "unreadable"], ["a-fine", "b-fine", "closed"]
    assert names == [*pressing, "not-yet-read", *known]


@pytest.fixture
def remembered() -> RememberedFindings:
    return RememberedFindings()


def test_what_is_remembered_is_bounded(
    remembered: RememberedFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.overview._MOST_REMEMBERED", 2)
    found = TenantFindings(NOW, LogSummary(NOW))
    for name in ("a", "b", "b", "c"):
        remembered.put(name, found)
    assert [remembered.of(name) for name in ("a", "b", "c")] == [None, found, found]


def test_what_was_decided_about_is_read_again(remembered: RememberedFindings) -> None:
    for name in ("a", "b"):
        remembered.put(name, TenantFindings(NOW, LogSummary(), is_held=True))
    for name in ("a", "c"):
        remembered.invalidate(name)
    assert remembered.due(["a", "b"], NOW) == ["a"]


def test_a_view_reads_what_was_never_read_and_then_what_was_read_the_longest_ago(
    remembered: RememberedFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds_ago in (("new", 10), ("old", 400), ("older", 500)):
        remembered.put(name, TenantFindings(NOW - seconds_ago, LogSummary()))
    tenants = ["new", "never", "old", "older"]
    assert remembered.due(tenants, NOW - REREAD_SECONDS) == ["never", "older", "old"]
    assert remembered.due(tenants, NOW) == ["never", "older", "old", "new"]
    monkeypatch.setattr("portal.overview.MOST_READ", 2)
    assert remembered.due(tenants, NOW) == ["never", "older"]


def test_who_cannot_be_read_does_not_keep_others_from_being_read(
    remembered: RememberedFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.overview.MOST_READ", 1)
    remembered.put("broken", TenantFindings(NOW))
    assert remembered.due(["broken", "next"], NOW + 1) == ["next"]
