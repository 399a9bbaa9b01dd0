"""Which files `.funcignore` keeps out of a package, by the rules of Core Tools."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_kept_back(path: str) -> bool:
    """Tell whether `func pack` leaves a file out; patterns hold from the root on."""
    lines = (line.strip() for line in (ROOT / ".funcignore").read_text("utf-8").splitlines())
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert not any(pattern.startswith("!") for pattern in patterns), "exceptions are not read here"
    return any(re.match(_expression(pattern.removeprefix("/")), path) for pattern in patterns)


def _expression(pattern: str) -> str:
    """Return what matches the beginning of a path; `*` and `**` stand for no empty text."""
    parts = re.split(r"(\*\*|\*)", pattern)
    wild = {"**": ".+", "*": "[^/]+"}
    return "".join(wild.get(part, re.escape(part)) for part in parts)
