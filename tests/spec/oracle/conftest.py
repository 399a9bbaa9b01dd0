"""Prints the tally at the end, where the tests have run in this process."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.spec.oracle.tally import TALLY

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.compared:
        terminalreporter.write_line(f"scim2-server {version('scim2-server')}: {TALLY}")
