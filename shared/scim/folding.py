"""Case folding: how two values of an attribute that is not `caseExact` are found equal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = 30
"""Marks that follow each other in any text of a language (Unicode annex 15, section 13)."""

_JOINER = "\N{COMBINING GRAPHEME JOINER}"
_PERHAPS_MARKS = re.compile(r"\W{10}")
"""Without such a run there are not 30 marks: none is a letter or digit, or stands for over two."""


def fold(value: str) -> str:
    """Return the form in which values are compared, and by which keys are made.

    RFC 7643 section 2.2: attributes are case-insensitive unless `caseExact` is true. The form is
    that of canonical caseless matching (Unicode, definition D145), composed again, so that "É" is
    one name whether the client sends it as one code point or as two. Folding twice changes
    nothing. The order of marks counts behind the 30th in a row, which no language has.
    """
    if value.isascii():
        return value.lower()
    if _PERHAPS_MARKS.search(value):
        value = _JOINER.join(_pieces(value))
    return normalize("NFC", normalize("NFD", value).casefold())


def fold_effort(value: str) -> int:
    """Estimate what it costs to fold a text, in units of `Effort`; of ASCII next to nothing."""
    return 0 if value.isascii() else len(value)


def _pieces(text: str) -> Iterator[str]:
    """Cut long runs of marks: `normalize` sorts a run in quadratic time, minutes for a megabyte."""
    start = run = 0
    for index, character in enumerate(text):
        parts = normalize("NFD", character)
        run = run + len(parts) if combining(parts[0]) else len(parts) - 1
        if run > _MARKS:
            yield text[start:index]
            start, run = index, len(parts)
    yield text[start:]
