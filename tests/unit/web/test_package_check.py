"""Packages that are built for another Python are told by name, in the log and to whoever asks."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from shared.web.package_check import SITE_PACKAGES, MismatchedPackagesError, check_packages

ROOT = Path(__file__).parents[3]
SUFFIXES = [".cpython-313-x86_64-linux-gnu.so", ".abi3.so", ".so"]
OTHER = "cpython-310-x86_64-linux-gnu"  # older than any that runs these tests
ASKS = """
import asyncio
import logging
from types import SimpleNamespace
import function_app

logging.getLogger().addHandler(logging.StreamHandler())  # in the place of the worker's

async def ask(name):
    functions = {each.get_function_name(): each for each in function_app.app.get_functions()}
    call = functions[name].get_user_function()
    return await call(SimpleNamespace(), SimpleNamespace(invocation_id="1"))

print(asyncio.run(ask("healthz")).get_body().decode())
"""


def installed(app: Path, *names: str) -> Path:
    """Put compiled modules into the packages of an app."""
    for name in names:
        (app / SITE_PACKAGES / name).parent.mkdir(parents=True, exist_ok=True)
        (app / SITE_PACKAGES / name).touch()
    return app


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("pydantic_core/_pydantic_core.cpython-313-x86_64-linux-gnu.so",),
        ("cryptography/hazmat/_rust.abi3.so", "vendored.libs/libffi-0a1b2c.so.8"),
    ],
)
def test_packages_of_this_python_and_of_all_pythons_fit(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    check_packages(installed(tmp_path, *names), SUFFIXES)


@pytest.mark.parametrize("build", [OTHER, "cpython-313-aarch64-linux-gnu", "cpython-313-darwin"])
def test_packages_of_another_python_or_machine_do_not(tmp_path: Path, build: str) -> None:
    app = installed(tmp_path, f"pydantic_core/_pydantic_core.{build}.so")
    with pytest.raises(MismatchedPackagesError) as raised:
        check_packages(app, SUFFIXES)
    said = str(raised.value)
    assert said.startswith(f"The packages are built for {build} and this is {SUFFIXES[0][1:-3]}:")
    assert "infra/package_app.py" in said
    assert "\n" not in said


def test_the_log_and_healthz_say_so(tmp_path: Path) -> None:
    for path in ROOT.iterdir():
        if path.name != "shared" and path.suffix in {"", ".py"} and not path.name.startswith("."):
            (tmp_path / path.name).symlink_to(path)
    # Copied, because it looks for the packages beside itself.
    (tmp_path / "shared").mkdir()
    for path in (ROOT / "shared").iterdir():
        (tmp_path / "shared" / path.name).symlink_to(path)
    (tmp_path / "shared" / "web").unlink()
    (tmp_path / "shared" / "web").mkdir()
    for path in (ROOT / "shared" / "web").glob("*.py"):
        (tmp_path / "shared" / "web" / path.name).write_bytes(path.read_bytes())
    packages = installed(tmp_path, f"pydantic_core/_pydantic_core.{OTHER}.so") / SITE_PACKAGES
    (packages / "pydantic_core" / "__init__.py").write_text("from . import _pydantic_core")
    paths = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(packages)!r}]"
    asked = subprocess.run(
        [sys.executable, "-B", "-c", f"{paths}\n{ASKS}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(asked.stdout)
    here = EXTENSION_SUFFIXES[0].removeprefix(".").removesuffix(".so")
    said = f"The packages are built for {OTHER} and this is {here}:"
    assert (answer["status"], answer["detail"].startswith(said)) == ("500", True)
    assert [line for line in asked.stderr.splitlines() if said in line]
