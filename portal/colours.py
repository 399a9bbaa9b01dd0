"""Colours that can be read, made of the one that the settings name. Pure.

Contrast is that of WCAG 2.2: 4.5 to 1 for text. A colour that has less on the grounds of
`portal.css` is mixed with black, or in the dark scheme with white, until it has.
"""

from __future__ import annotations

from typing import Final

LEAST_CONTRAST: Final = 4.5

GROUNDS: Final = {"light": "#e9edf3", "dark": "#2a3240"}
"""Of the grounds on which links stand in each scheme, the one that is nearest to them."""

_INKS: Final = ("#ffffff", "#0d1726")
_TOWARDS: Final = {"light": "#000000", "dark": "#ffffff"}
_STEPS: Final = 50

_Rgb = tuple[int, int, int]


def readable(colour: str, scheme: str) -> str:
    """Return the colour, or the nearest one that can be read as text in a scheme."""
    for step in range(_STEPS + 1):
        mixed = _mixed(colour, _TOWARDS[scheme], step / _STEPS)
        if contrast(mixed, GROUNDS[scheme]) >= LEAST_CONTRAST:
            return mixed
    return _TOWARDS[scheme]


def ink_on(colour: str) -> str:
    """Return the colour of text on a colour: the one that can be read better."""
    return max(_INKS, key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lighter + 0.05) / (darker + 0.05)


def sheet_of(colour: str) -> str:
    """Write a style sheet that gives links and buttons a colour in both schemes."""
    return (
        f":root {{ {_variables(readable(colour, 'light'))} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(readable(colour, 'dark'))}"
        " } }\n"
    )


def _variables(accent: str) -> str:
    return f"--accent: {accent}; --accent-ink: {ink_on(accent)};"


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _rgb(colour: str) -> _Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(rgb: _Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
