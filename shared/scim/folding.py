"""Case folding: how two values of an attribute that is not `caseExact` are found equal."""

from __future__ import annotations

from unicodedata import normalize


def fold(value: str) -> str:
    """Return the form in which values are compared, and by which keys are made.

    RFC 7643 section 2.2: attributes are case-insensitive unless `caseExact` is true. The form is
    that of canonical caseless matching (Unicode, definition D145), composed again, so that "É" is
    one name whether the client sends it as one code point or as two. Folding twice changes
    nothing.
    """
    if value.isascii():
        return value.lower()
    return normalize("NFC", normalize("NFD", value).casefold())
