"""The dependency groups of pyproject.toml: pins of what is not deployed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))

GROUPS: dict[str, list[Any]] = _PROJECT["dependency-groups"]
"""The groups as they are written: requirements, and tables that include another group."""


def requirements(group: str) -> list[str]:
    """Return the requirements of a group, those of the groups that it includes among them."""
    return [
        line
        for each in GROUPS[group]
        for line in (requirements(each["include-group"]) if isinstance(each, dict) else [each])
    ]
