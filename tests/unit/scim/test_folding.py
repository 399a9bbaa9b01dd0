"""Case folding, by which names are found equal."""

from __future__ import annotations

import sys
import time

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


MARKS = "\N{COMBINING ACUTE ACCENT}\N{COMBINING GRAVE ACCENT BELOW}"


def test_a_megabyte_of_marks_is_folded_in_linear_time() -> None:
    # Sorting them as one run would take minutes, in which the process serves nobody.
    begun = time.process_time()
    fold("a" + MARKS * 250_000)
    assert time.process_time() - begun < 10


def test_letter_case_makes_no_difference_behind_any_number_of_marks() -> None:
    assert fold(f"É{MARKS * 40}É") == fold(f"e{MARKS[0]}{MARKS * 40}é")


def test_as_many_marks_as_a_language_has_are_the_same_in_any_order() -> None:
    assert fold("a" + MARKS * 15 + "é" * 30) == fold("A" + MARKS[::-1] * 15 + "É" * 30)


@settings(deadline=None)
@given(st.text(alphabet=["a", "É", "\N{COMBINING GREEK DIALYTIKA TONOS}", *MARKS], max_size=200))
def test_folding_marks_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


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
