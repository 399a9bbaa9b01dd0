"""The texts of the portal in each language, from one catalogue: `texts.toml`.

A text holds no markup, and names what is put into it in braces. Of a text about a number there are
two, `<key>.one` and `<key>.many`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final, Literal

Language = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")

_GROUPING = {"en": ",", "fr": "\N{NARROW NO-BREAK SPACE}"}
_MOST_RANGES = 20


def _flattened(table: dict[str, Any], prefix: str = "") -> dict[str, dict[str, str]]:
    if set(table) == set(LANGUAGES):
        return {prefix: table}
    found: dict[str, dict[str, str]] = {}
    for name, value in table.items():
        if not isinstance(value, dict):
            raise TypeError(f"{prefix}.{name} is not in each language")
        found |= _flattened(value, f"{prefix}.{name}" if prefix else name)
    return found


_FILE = Path(__file__).parent / "texts.toml"

CATALOGUE: Final = _flattened(tomllib.loads(_FILE.read_text("utf-8")))
"""Each text in each language, by key."""


class Texts:
    """The texts of one language.

    Attributes:
        language: which.
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, with values in the places of their names."""
        text = CATALOGUE[key][self.language]
        return text.format(**values) if values else text

    def count(self, key: str, number: int, *, more: bool = False, **values: object) -> str:
        """Return the text about a number; `more` says that it is at least that."""
        is_one = number == 1 or (number == 0 and self.language == "fr")
        written = self.number(number) + ("+" if more else "")
        return self(f"{key}.{'one' if is_one else 'many'}", number=written, **values)

    def number(self, number: int) -> str:
        """Write a number with its digits in groups."""
        return f"{number:,}".replace(",", _GROUPING[self.language])

    def attribute(self, name: str) -> str:
        """Name an attribute in words; as SCIM does, where there are none."""
        text = CATALOGUE.get(f"attribute.{name.rpartition(':')[2]}")
        return name if text is None else text[self.language]


def language_of(accepted: str | None) -> Language:
    """Choose the language that a browser wants most (RFC 9110 section 12.5.4)."""
    best: Language = "en"
    weight = 0.0
    for part in (accepted or "").split(",")[:_MOST_RANGES]:
        name, _, parameter = part.strip().partition(";")
        wanted = name.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        for language in LANGUAGES:
            if wanted == language and quality > weight:
                best, weight = language, quality
    return best


def _quality(parameter: str) -> float:
    text = parameter.strip().removeprefix("q=")
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
