"""A process that serves SCIM alone imports nothing of the portal but its routes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PORTAL_OF_A_PROCESS = """
import sys
import endpoints
print("\\n".join(sys.modules))
"""

HEAVY = (
    "jinja2",
    "tomllib",
    "portal.activity_pages",
    "portal.pages",
    "portal.rendering",
    "portal.texts",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    command = [sys.executable, "-c", PORTAL_OF_A_PROCESS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_what_requests_need_does_not_take_the_portal_along(loaded: set[str], module: str) -> None:
    assert "portal.entrance" in loaded
    assert module not in loaded


def test_what_pages_need_is_there_when_one_is_asked_for() -> None:
    from portal.pages import PAGES  # noqa: PLC0415 - which is the point
    from portal.routes import PORTAL_ROUTES  # noqa: PLC0415

    assert PAGES.keys() == {route.name for route in PORTAL_ROUTES}
