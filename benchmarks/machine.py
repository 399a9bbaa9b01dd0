"""What a reader must know of the machine, to judge figures; nothing that tells whose it is."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from benchmarks.services import PEERS
from tests.support.dependency_groups import requirements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        "peers": ", ".join([*_python_peer(), *_node_peer()]),
    }


def _python_peer() -> Iterator[str]:
    for line in requirements("scim2-server"):
        yield line.replace("==", " ")


def _node_peer() -> Iterator[str]:
    package = json.loads((PEERS / "scimmy" / "package.json").read_text("utf-8"))
    for name, pinned in package["dependencies"].items():
        yield f"{name} {pinned}"


def _node() -> str:
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)  # noqa: S607
    return asked.stdout.strip().removeprefix("v")
