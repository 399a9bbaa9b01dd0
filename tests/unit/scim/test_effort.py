"""Effort: what computing costs is counted, ends at a bound, and pauses after each slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.errors import PayloadTooLarge
from shared.scim import patch
from shared.scim.core_schemas import USER
from shared.scim.effort import MAX_EFFORT, MAX_QUERY_EFFORT, SLICE, Effort, EffortExceeded
from shared.scim.filters import matches, parse_filter
from shared.scim.messages import parse_patch

if TYPE_CHECKING:
    from shared.scim.schema import Document

LONG_NAME: Document = {"userName": "a", "displayName": "é" * 480_000}
MANY_ROLES: Document = {"userName": "a", "roles": [{"value": f"r{n}"} for n in range(1_000)]}


def effort_of(text: str, resource: Document) -> Effort:
    effort = Effort(MAX_QUERY_EFFORT)
    matches(parse_filter(text, USER), resource, effort)
    return effort


def test_it_pauses_once_for_each_slice_that_was_spent() -> None:
    pauses: list[int] = []
    effort = Effort(pause=lambda: pauses.append(effort.spent))
    for _ in range(10):
        effort.spend(SLICE // 2)
    assert pauses == [SLICE, 2 * SLICE, 3 * SLICE, 4 * SLICE, 5 * SLICE]


def test_it_ends_what_costs_too_much_before_it_is_done() -> None:
    effort = Effort(most=10)
    effort.spend(10)
    with pytest.raises(EffortExceeded):
        effort.spend(1)


def test_a_value_is_folded_once_however_many_terms_look_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folded: list[int] = []

    def fold(value: str) -> str:
        folded.append(len(value))
        return value

    text = " or ".join(['displayName co "zz"', 'displayName sw "zz"'] * 100)
    condition = parse_filter(text, USER)
    monkeypatch.setattr("shared.scim.equality.fold", fold)
    assert not matches(condition, LONG_NAME, Effort(MAX_QUERY_EFFORT))
    assert folded == [480_000]


def test_to_search_a_long_text_costs_by_its_length_and_the_terms() -> None:
    one = effort_of('displayName co "z"', LONG_NAME).spent
    three = effort_of(" or ".join(['displayName co "z"'] * 3), LONG_NAME).spent
    assert one > 480_000
    assert three - one > 2 * 480_000 // 10


def test_terms_times_values_are_counted_in_value_paths() -> None:
    spent = effort_of(" or ".join(['roles[value co "z"]'] * 100), MANY_ROLES).spent
    assert spent >= 100 * 1_000 * 10


@pytest.mark.parametrize("terms", [100, 300])
def test_a_hundred_names_are_compared_with_ten_thousand_users(terms: int) -> None:
    user: Document = {"userName": "josé", "displayName": "José García"}
    each = effort_of(" or ".join(['userName eq "x"'] * terms), user).spent
    assert (each * 10_000 <= MAX_QUERY_EFFORT) == (terms == 100)


def test_a_patch_pauses_between_its_operations_and_ends_at_the_bound() -> None:
    pauses: list[int] = []
    effort = Effort(pause=lambda: pauses.append(effort.spent))
    path = "roles[" + " or ".join(['value eq "x"'] * 50) + "]"
    operations = parse_patch({"Operations": [{"op": "remove", "path": path}] * 100})
    with pytest.raises(PayloadTooLarge, match="several requests"):
        patch.apply(USER, MANY_ROLES, operations, effort)
    each = len(path) * (1 + len(MANY_ROLES["roles"]))
    assert len(pauses) == MAX_EFFORT // each * each // SLICE
