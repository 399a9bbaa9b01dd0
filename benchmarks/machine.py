"""What a reader must know of the machine, to judge figures; nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGES = ("aiohttp", "azure-functions", "pydantic")


def description() -> Mapping[str, str]:
    """Describe the machine and what runs on it, by what a reader asks for."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": f"{os.cpu_count()} ({platform.machine()})",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load before the run": f"{os.getloadavg()[0]:.1f} processes waiting or running",
        "Python": platform.python_version(),
        "Node.js": _node(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "peers": f"{pinned('scim2_server.txt')}; scimmy 1.3.5 with scimmy-routers 1.3.2, express 4",
    }


def pinned(file: str) -> str:
    """Return what a requirements file of a peer asks for."""
    lines = (Path(__file__).parent / "peers" / file).read_text("utf-8").splitlines()
    return ", ".join(line.replace("==", " ") for line in lines if line and line[0] != "#")


def _node() -> str:
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)  # noqa: S607
    return asked.stdout.strip().removeprefix("v")
