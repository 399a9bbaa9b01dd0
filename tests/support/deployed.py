"""What the app is made of, as the folders of the project show it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from shared.web.routes import Route

ROOT = Path(__file__).parents[2]

MODULES = tuple(sorted(file.stem for file in ROOT.glob("*.py")))
"""Modules at the root, which are deployed."""

FUNCTIONS = tuple(sorted(file.parent.name for file in ROOT.glob("*/routes.py")))
"""Packages of HTTP functions."""

TIMERS = "background"
"""Package of the functions that a timer calls."""

PACKAGES = (*FUNCTIONS, TIMERS, "shared")
"""Packages that are deployed."""


def is_open_of_oauth(template: str) -> bool:
    """Tell whether a route is one of OAuth, which clients ask before they have a token."""
    return "/oauth2/" in f"/{template}" or ".well-known/" in template


def routes() -> list[Route]:
    """Return every route that the packages of functions declare."""
    modules = [import_module(f"{package}.routes") for package in FUNCTIONS]
    tables = [value for module in modules for value in vars(module).values()]
    return [
        route
        for table in tables
        if isinstance(table, tuple)
        for route in table
        if isinstance(route, Route)
    ]
