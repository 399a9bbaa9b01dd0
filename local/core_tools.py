"""Azure Functions Core Tools, `func`: whether they can run the service, and how they are run."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local import children
from local.errors import LocalError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping

_WORKERS = ("workers/python", "../bin/workers/python")
"""Where the workers lie: beside the program, or as the package of npm has them."""


def find() -> str | None:
    """Return the path of `func`, if Core Tools are installed and run this Python.

    Raises:
        LocalError: They have no worker for it; they would take another Python from PATH, which has
            no packages of the service.
    """
    func = shutil.which("func")
    if func is None:
        return None
    this, known = f"{sys.version_info.major}.{sys.version_info.minor}", _pythons(Path(func))
    if known and this not in known:
        raise LocalError(
            f"Core Tools ({func}) run Python {', '.join(known)}, and this is {this}: update them, "
            "or make .venv anew with PYTHON=..., or run `.venv/bin/python -m local --stand-in`"
        )
    return func


def _pythons(func: Path) -> list[str]:
    """Return the versions of Python that Core Tools have workers for, none if that is not seen."""
    beside = func.resolve().parent
    found = [
        folder.name
        for workers in _WORKERS
        for folder in (beside / workers).glob("3.*")
        if folder.is_dir() and folder.name[2:].isdecimal()
    ]
    return sorted(found, key=lambda version: int(version[2:]))


@asynccontextmanager
async def running(
    func: str, *, root: Path, port: int, environ: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run `func start`, which reads local.settings.json itself, with the Python of this process.

    It ignores SIGTERM, and starts its worker again when that is ended.

    Args:
        func: The program.
        root: Folder of the app.
        port: Where it listens.
        environ: Its environment; what is set in it wins over local.settings.json.
    """
    environ = {
        # Without it the tools ask for it, and nobody answers.
        "FUNCTIONS_WORKER_RUNTIME": "python",
        **environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": sys.prefix,
    }
    command = [func, "start", "--port", str(port)]
    async with children.running_watched(command, directory=root, environ=environ) as process:
        yield process
