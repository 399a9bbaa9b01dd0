"""Case folding, by which names are found equal."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.scim.folding import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ANA@Contoso.test", "ana@contoso.TEST"),
        ("José", "jose\N{COMBINING ACUTE ACCENT}".upper()),
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\N{KELVIN SIGN}", "k"),
    ],
)
def test_names_that_people_take_for_the_same_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("ana", "anna"), ("e", "é"), ("a", "a ")])
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@settings(deadline=None)
@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_gives_what_unicode_gives(text: str) -> None:
    assert fold(text) == text.casefold()


@pytest.mark.exhaustive
def test_folding_is_stable_for_every_character() -> None:
    unstable = [
        code for code in range(sys.maxunicode + 1) if fold(fold(chr(code))) != fold(chr(code))
    ]
    assert unstable == []
