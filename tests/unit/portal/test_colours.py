"""Whatever colour the settings name, text in it and on it can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import portal
from portal.colours import GROUNDS, LEAST_CONTRAST, contrast, ink_on, readable, sheet_of
from shared.settings import Settings, SettingsError

SHEET = (Path(portal.__file__).parent / "static" / "portal.css").read_text("utf-8")
LIGHT, DARK = SHEET.split("@media (prefers-color-scheme: dark)")[:2]
ON_WHICH_LINKS_STAND = ("ground", "card", "plain-ground")
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def grounds(sheet: str) -> list[str]:
    found = [re.search(rf"--{name}: (#[0-9a-f]+);", sheet) for name in ON_WHICH_LINKS_STAND]
    short = [match[1] for match in found if match]
    return [
        each if len(each) == 7 else f"#{each[1] * 2}{each[2] * 2}{each[3] * 2}" for each in short
    ]


@given(COLOURS)
def test_a_colour_can_be_read_in_both_schemes(colour: str) -> None:
    for scheme, sheet in (("light", LIGHT), ("dark", DARK)):
        shown = readable(colour, scheme)
        assert all(contrast(shown, ground) >= LEAST_CONTRAST for ground in grounds(sheet))
        assert contrast(ink_on(shown), shown) >= LEAST_CONTRAST


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert readable("#1f5fbf", "light") == "#1f5fbf"
    assert readable("#8ab4f8", "dark") == "#8ab4f8"


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    assert GROUNDS["light"] in grounds(LIGHT)
    assert GROUNDS["dark"] in grounds(DARK)


def test_a_sheet_has_a_colour_for_each_scheme() -> None:
    assert sheet_of("#ffff00").count("--accent:") == 2


@pytest.mark.parametrize("text", ["red", "#fff", "1f5fbf", "#1f5fbg", "#1f5fbf;}", "url(x)"])
def test_what_is_no_colour_is_refused_with_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="SCIM_PORTAL_COLOUR should be a colour"):
        Settings.from_environment(
            {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_PORTAL_COLOUR": text}
        )
