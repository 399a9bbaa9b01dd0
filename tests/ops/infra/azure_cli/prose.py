"""Finds the command lines of az in sentences: in messages of scripts, in comments, in documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.ops.infra.azure_cli.shell import VALUE, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILLED_IN = re.compile(r"\$\{[^}]*\}|\$\([^()]*\)|\$\w+|<[A-Za-z][\w-]*(?: [\w-]+)*>|\{[^{}]*\}")
_CALLED = re.compile(r"(?<![\w./-])az (?=[a-z])")
_WORD = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[^\s"'`])+)""")
_ENDS_A_SENTENCE = ",:;.)…"
_ENDS_A_COMMAND = {"|", "&&", "||", ">", "<", "...", "…"}


def lines(text: str, row: int = 0) -> Iterator[Line]:
    """Yield what follows each `az` of a text, as far as it may be a command line."""
    text = re.sub(rf"(--[a-z-]+){VALUE}", rf"\1 {VALUE}", _FILLED_IN.sub(VALUE, text))
    for called in _CALLED.finditer(text):
        words = tuple(_words(text[called.end() :].partition("\n")[0]))
        if words:
            yield Line(row + text.count("\n", 0, called.start()), words)


def _words(text: str) -> Iterator[str]:
    at = 0
    while found := _WORD.match(text, at):
        at = found.end()
        word = found[1].rstrip(_ENDS_A_SENTENCE)
        if word in _ENDS_A_COMMAND or not word:
            return
        yield re.sub("[\"']", "", word)
        if word != found[1]:
            return
