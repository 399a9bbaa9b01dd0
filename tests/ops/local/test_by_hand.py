"""The way by hand in the README, as far as it goes without Core Tools and a package index."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("blob", "queue", "table")


def blocks() -> list[list[str]]:
    """The commands of the section, block by block."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("**By hand, without make.**")[2].partition("\n## ")[0]
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def test_the_settings_are_made_with_what_func_needs_and_nothing_on_which_it_fails(
    project: Path,
) -> None:
    program, *arguments = blocks()[0][-1].removesuffix(" > /dev/null").split()
    assert program == "python"
    sample = (ROOT / "local.settings.sample.json").read_text("utf-8")
    (project / "local.settings.sample.json").write_text(sample)
    command = [sys.executable, *arguments, "--root", str(project)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    held = json.loads((project / "local.settings.json").read_text("utf-8"))["Values"]
    drawn = {"SCIM_SECRET_TOKEN", "SCIM_CLIENT_SECRET"}
    assert held.keys() == {*json.loads(sample)["Values"], *drawn}
    assert held["TABLE_CONNECTION_STRING"] == "UseDevelopmentStorage=true"


async def test_azurite_starts_as_it_is_written(tmp_path: Path) -> None:
    (command,) = blocks()[1]
    npx, program, *arguments = command.split()
    assert npx == "npx"
    elsewhere = [text for name in SERVICES for text in (f"--{name}Port", "0")]
    process = await asyncio.create_subprocess_exec(
        str(ROOT / "node_modules" / ".bin" / program),
        *arguments,
        *elsewhere,
        cwd=tmp_path,
        stdout=PIPE,
        stderr=STDOUT,
    )
    assert process.stdout
    listening: set[str] = set()
    async with asyncio.timeout(60):
        while len(listening) < len(SERVICES):
            line = (await process.stdout.readline()).decode()
            assert line
            listening |= {name for name in SERVICES if f"azurite {name} service" in line.lower()}
    process.terminate()
    await process.communicate()


def test_func_is_started_in_the_folder_of_the_app() -> None:
    assert blocks()[2] == ["func start"]
    assert (ROOT / "host.json").exists()
