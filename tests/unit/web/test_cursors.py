"""Cursors: what opens them, what does not, and what they tell."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from types import SimpleNamespace

import pytest

from shared.errors import ExpiredCursor, InvalidCount, InvalidCursor
from shared.scim.discovery import CURSOR_SECONDS
from shared.scim.queries import Query
from shared.scim.sorting import SortValue
from shared.web import cursors
from shared.web.cursors import CursorPosition, Cursors

OLD, NEW, OTHER = b"old token", b"new token", b"another token"
QUERY = Query(filter="id pr", sort_by="title", count=10, cursor="")
ANA = CursorPosition("User", "0" * 32, SortValue(False, 2, "ana ruiz"), 7)


def of(
    *keys: bytes, tenant: str = "acme", searched: tuple[str, ...] = ("User",), query: Query = QUERY
) -> Cursors:
    return Cursors(keys, tenant, searched, query)


@pytest.mark.parametrize(
    "position",
    [
        ANA,
        CursorPosition("Group", "f" * 32),
        CursorPosition("User", "1", SortValue(True, 0, 0)),
        CursorPosition("User", "1", SortValue(False, 1, 1767225600.25), 10**12),
        CursorPosition("Gerät", "é", SortValue(False, 0, 10**40)),
    ],
)
def test_a_cursor_is_read_back_by_every_instance(position: CursorPosition) -> None:
    assert of(NEW).read(of(NEW).write(position)) == position


def test_a_new_token_goes_on_where_the_old_one_was() -> None:
    """While both are valid; what the new one has sealed, the old one opens as well."""
    assert of(NEW, OLD).read(of(OLD, NEW).write(ANA)) == ANA
    assert of(OLD, NEW).read(of(NEW, OLD).write(ANA)) == ANA


def test_a_token_that_is_not_valid_any_more_opens_nothing() -> None:
    with pytest.raises(InvalidCursor):
        of(NEW, OTHER).read(of(OLD, NEW).write(ANA))


@pytest.mark.parametrize(
    "other",
    [
        of(NEW, tenant="default"),
        of(NEW, searched=("Group",)),
        of(NEW, searched=("User", "Group")),
        of(NEW, query=replace(QUERY, filter=None)),
        of(NEW, query=replace(QUERY, filter="id pr ")),
        of(NEW, query=replace(QUERY, sort_by=None)),
        of(NEW, query=replace(QUERY, descending=True)),
        of(NEW, query=replace(QUERY, attributes="title")),
        of(NEW, query=replace(QUERY, excluded_attributes="title")),
        of(NEW, query=replace(QUERY, filter=None, sort_by="id pr")),
        of(OTHER),
    ],
)
def test_a_cursor_is_good_for_its_own_query_tenant_and_token(other: Cursors) -> None:
    with pytest.raises(InvalidCursor, match="empty cursor"):
        other.read(of(NEW).write(ANA))


def test_another_count_is_told_from_another_query() -> None:
    with pytest.raises(InvalidCount, match="count must be 10"):
        of(NEW, query=replace(QUERY, count=11)).read(of(NEW).write(ANA))


def test_every_change_of_a_cursor_is_seen() -> None:
    cursor = of(NEW).write(ANA)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, character in enumerate(cursor):
        other = alphabet[(alphabet.index(character) + 1) % 64]
        with pytest.raises(InvalidCursor):
            of(NEW).read(cursor[:place] + other + cursor[place + 1 :])
    for length in range(len(cursor)):
        with pytest.raises(InvalidCursor):
            of(NEW).read(cursor[:length])


@pytest.mark.parametrize("text", ["=", "A", "AA==", "é", "\x00", " ", "a b", "/+", "A" * 1_001])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        of(NEW).read(text)


def test_a_cursor_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(cursors, "time", SimpleNamespace(time=lambda: clock.now))
    cursor = of(NEW).write(ANA)
    clock.now += CURSOR_SECONDS
    assert of(NEW).read(cursor) == ANA
    clock.now += 1
    with pytest.raises(ExpiredCursor, match="empty one"):
        of(NEW).read(cursor)


def test_a_cursor_tells_nothing() -> None:
    """RFC 9865 section 5.2. URLs are logged on the way, and this one may hold a name."""
    cursor = of(NEW).write(ANA)
    told = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert not any(part in told for part in (b"ana", b"User", b"000", b"id", NEW))
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_two_cursors_are_not_hidden_by_the_same_bytes() -> None:
    one, other = (
        urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[32:]
        for cursor in (of(NEW).write(ANA), of(NEW).write(replace(ANA, total=8)))
    )
    same = sum(a == b for a, b in zip(one, other, strict=True))
    assert same < len(one) / 4
