"""What staff should look at, and in which order: by tokens, and by the newest entries of logs."""

from __future__ import annotations

from typing import Any

import pytest

from portal.overview import (
    ENTRIES_READ,
    Concern,
    LogSummary,
    RememberedSummaries,
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
    **values: Any,
) -> TenantGlance:
    return TenantGlance(name, TenantAccess(state, expires), log, **values)


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
            glance(state=TenantState.NO_VALID_TOKEN, is_held=True),
            [Concern.HELD, Concern.SHUT],
        ),
        (glance(state=TenantState.CLOSED, is_held=True), []),
        (glance(state=TenantState.CLOSED, expires=NOW + 1, was_asked=True), []),
        (glance(expires=NOW + DAY), [Concern.EXPIRES]),
        (glance(expires=NOW + 31 * DAY), []),
        (glance(expires=NOW - DAY), []),
        (glance(log=LogSummary(NOW - 3 * DAY)), [Concern.SILENT]),
        (
            glance(expires=NOW + DAY, log=LogSummary(NOW - 3 * DAY, 2)),
            [Concern.FAILURES, Concern.EXPIRES, Concern.SILENT],
        ),
        (glance(was_asked=True), [Concern.UNREADABLE]),
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
        glance("b-fine"),
        glance("a-fine"),
        glance("unread", reasons=(Concern.UNREADABLE,)),
        glance("few", log=LogSummary(NOW, 1), reasons=(Concern.FAILURES,)),
        glance("many", log=LogSummary(NOW, 9), reasons=(Concern.FAILURES, Concern.EXPIRES)),
        glance("shut", reasons=(Concern.SHUT,)),
    ]
    names = [each.name for each in sorted(shown, key=lambda each: each.order)]
    assert names == ["shut", "many", "few", "unread", "a-fine", "b-fine", "closed"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.overview._MOST_REMEMBERED", 2)
    remembered = RememberedSummaries()
    for name in ("a", "b", "c"):
        remembered.put(name, TenantFindings(LogSummary(NOW)))
    assert [remembered.of(name) for name in ("a", "b", "c")] == [
        None,
        TenantFindings(LogSummary(NOW)),
        TenantFindings(LogSummary(NOW)),
    ]


def test_what_was_decided_about_is_read_again() -> None:
    remembered = RememberedSummaries()
    for name in ("a", "b"):
        remembered.put(name, TenantFindings(is_held=True))
    for name in ("a", "c"):
        remembered.forget(name)
    assert [remembered.of(name) for name in ("a", "b")] == [None, TenantFindings(is_held=True)]
