"""Writes the locks of the packages that are deployed: `make lock`.

A lock names each package that the app needs in Azure, those that others need included, and the one
wheel of it by its hash. It is resolved from requirements.txt, and from the group `telemetry` of
pyproject.toml for the lock with telemetry. pip evaluates markers for the system that it runs on,
which must therefore be that of the runtime: Linux on x86-64 with its Python.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from infra.package_app import LOCKS, PLATFORMS, ROOT, RUNTIME, is_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = """\
# Written by `make lock` from {sources}: what is deployed, for Linux on
# x86-64 and Python {python}. Each line is one wheel, which the line before it names.
"""


def lock(requirements: Sequence[str], sources: str) -> str:
    """Resolve requirements and return the text of their lock.

    Raises:
        subprocess.CalledProcessError: pip fails; it has said why.
    """
    wheels = sorted(_resolve(requirements), key=lambda each: str(each["metadata"]["name"]).lower())
    lines = [HEAD.format(sources=sources, python=".".join(map(str, RUNTIME)))]
    lines += [_line(wheel) for wheel in wheels]
    return "".join(lines)


def _resolve(requirements: Sequence[str]) -> list[dict[str, Any]]:
    """Return what pip would install for the runtime."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--dry-run", "--ignore-installed", "--only-binary=:all:", "--report", "-"]
    command += ["--implementation", "cp", "--python-version", ".".join(map(str, RUNTIME))]
    command += [part for each in PLATFORMS for part in ("--platform", each)]
    with TemporaryDirectory() as folder:
        command += ["--target", folder, *requirements]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    wheels: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return wheels


def _line(wheel: dict[str, Any]) -> str:
    """Write one wheel; never where it was found, which may be a mirror."""
    found = wheel["download_info"]
    file = PurePosixPath(unquote(urlsplit(found["url"]).path)).name
    metadata = wheel["metadata"]
    digest = found["archive_info"]["hashes"]["sha256"]
    return f"# {file}\n{metadata['name']}=={metadata['version']} --hash=sha256:{digest}\n"


def main() -> int:
    """Write both locks."""
    if not (is_runtime() and sys.platform == "linux" and platform.machine() == "x86_64"):
        runtime = ".".join(map(str, RUNTIME))
        print(
            f"error: the lock is made by Python {runtime} on Linux with x86-64 alone",
            file=sys.stderr,
        )
        return 1
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    deployed = ["--requirement", str(ROOT / "requirements.txt")]
    for telemetry, name in LOCKS.items():
        requirements = [*deployed, *(groups["telemetry"] if telemetry else ())]
        sources = "requirements.txt" + (" and the group telemetry" if telemetry else "")
        try:
            text = lock(requirements, sources)
        except subprocess.CalledProcessError:
            return 1
        (ROOT / "infra" / name).write_text(text, "utf-8")
        print(f"infra/{name}: {text.count('--hash')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
