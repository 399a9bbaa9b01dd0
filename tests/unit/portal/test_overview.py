"""What staff should look at, and in which order: by tokens, and by the newest entries of logs."""

from __future__ import annotations

from typing import Any

import pytest

from portal.overview import (
    ENTRIES_READ,
    Contact,
    Reason,
    RememberedContacts,
    TenantGlance,
    contact_of,
    reasons_of,
)
from shared.auth.tenant_tokens import TenantAccess, TenantState
from shared.store.provisioning_log import KeptEntry, LogEntry

NOW = 1_000_000_000.0
HOUR, DAY = 3_600, 86_400


def entry(kind: Any, seconds_ago: float, **values: Any) -> KeptEntry:
    return KeptEntry("", LogEntry(int((NOW - seconds_ago) * 1_000), kind, **values))


def glance(
    name: str = "acme",
    state: TenantState = TenantState.OPEN,
    expires: float | None = None,
    contact: Contact | None = None,
    **values: Any,
) -> TenantGlance:
    return TenantGlance(name, TenantAccess(state, expires), contact, **values)


@pytest.mark.parametrize(
    ("entries", "contact"),
    [
        ([], Contact()),
        ([entry("contact", 60)], Contact(NOW - 60)),
        ([entry("refused", HOUR), entry("contact", DAY)], Contact(NOW - HOUR, 1)),
        ([entry("refused", 2 * DAY)], Contact(NOW - 2 * DAY)),
        ([entry("refused", HOUR, is_product=True)], Contact()),
        ([entry("slow", HOUR), entry("skippedMembers", HOUR)], Contact(NOW - HOUR)),
        ([entry("leftOut", HOUR)], Contact(is_exact=False)),
        (
            [entry("refused", HOUR)] * ENTRIES_READ,
            Contact(NOW - HOUR, ENTRIES_READ, is_exact=False),
        ),
        (
            [*[entry("refused", HOUR)] * (ENTRIES_READ - 1), entry("contact", 3 * DAY)],
            Contact(NOW - HOUR, ENTRIES_READ - 1),
        ),
    ],
)
def test_entries_tell_of_the_last_contact_and_of_failures(
    entries: list[KeptEntry], contact: Contact
) -> None:
    assert contact_of(entries, NOW) == contact


@pytest.mark.parametrize(
    ("shown", "reasons"),
    [
        (glance(contact=Contact(NOW)), []),
        (glance(contact=Contact()), []),
        (glance(state=TenantState.NO_VALID_TOKEN), [Reason.SHUT]),
        (glance(state=TenantState.CLOSED, expires=NOW + 1, was_asked=True), []),
        (glance(expires=NOW + DAY), [Reason.EXPIRES]),
        (glance(expires=NOW + 31 * DAY), []),
        (glance(expires=NOW - DAY), []),
        (glance(contact=Contact(NOW - 3 * DAY)), [Reason.SILENT]),
        (
            glance(expires=NOW + DAY, contact=Contact(NOW - 3 * DAY, 2)),
            [Reason.FAILURES, Reason.EXPIRES, Reason.SILENT],
        ),
        (glance(was_asked=True), [Reason.UNREADABLE]),
        (glance(), []),
    ],
)
def test_reasons_are_told_the_most_pressing_first(
    shown: TenantGlance, reasons: list[Reason]
) -> None:
    assert list(reasons_of(shown, NOW)) == reasons


def test_the_most_pressing_stands_first_and_what_is_closed_last() -> None:
    shown = [
        glance("closed", TenantState.CLOSED),
        glance("b-fine"),
        glance("a-fine"),
        glance("unread", reasons=(Reason.UNREADABLE,)),
        glance("few", contact=Contact(NOW, 1), reasons=(Reason.FAILURES,)),
        glance("many", contact=Contact(NOW, 9), reasons=(Reason.FAILURES, Reason.EXPIRES)),
        glance("shut", reasons=(Reason.SHUT,)),
    ]
    names = [each.name for each in sorted(shown, key=lambda each: each.order)]
    assert names == ["shut", "many", "few", "unread", "a-fine", "b-fine", "closed"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.overview._MOST_REMEMBERED", 2)
    remembered = RememberedContacts()
    for name in ("a", "b", "c"):
        remembered.put(name, Contact(NOW))
    assert [remembered.of(name) for name in ("a", "b", "c")] == [None, Contact(NOW), Contact(NOW)]
