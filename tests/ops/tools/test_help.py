"""The help of every tool is good enough to need no other: each command, argument and option."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.cost.__main__ import app as cost
from tools.admin.__main__ import app as admin
from tools.adopt.__main__ import app as adopt
from tools.demo import app as demo
from tools.provision.__main__ import app as provision
from tools.reconcile.__main__ import app as reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
APPS = {
    "admin": admin,
    "adopt": adopt,
    "cost": cost,
    "demo": demo,
    "provision": provision,
    "reconcile": reconcile,
}


def commands(name: str, command: object) -> Iterator[tuple[str, object]]:
    yield name, command
    for sub, below in getattr(command, "commands", {}).items():
        yield from commands(f"{name} {sub}", below)


COMMANDS = dict(
    found for name, app in APPS.items() for found in commands(name, typer.main.get_command(app))
)


def test_every_command_is_looked_at() -> None:
    assert {"admin token rotate", "admin changes", "admin whoami", "adopt"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_parameter_is_described(name: str) -> None:
    command = COMMANDS[name]
    assert len(getattr(command, "help", "") or "") > 10
    undescribed = [
        parameter.name
        for parameter in command.params  # type: ignore[attr-defined] # of a command
        if parameter.name != "help" and len(getattr(parameter, "help", "") or "") < 10
    ]
    assert undescribed == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_is_shown_whole_and_says_how_it_ends(name: str) -> None:
    tool, *words = name.split()
    ended = CliRunner().invoke(
        APPS[tool], [*words, "--help"], env={"COLUMNS": "200", "KEY_VAULT_URL": "https://secret"}
    )
    assert ended.exit_code == 0
    assert "Exit status: 0" in ended.output
    # Markdown would swallow what stands between < and >.
    assert "https://." not in ended.output
    assert "https://secret" not in ended.output
    # A flag takes no value, and its help names none.
    assert "<bool>" not in ended.output


@pytest.mark.parametrize("tool", ["admin", "adopt", "provision", "demo", "reconcile"])
def test_without_its_packages_a_tool_says_how_to_install_them(tool: str) -> None:
    # -S leaves the installed packages out, as in the environment that `make run` makes.
    command = [sys.executable, "-S", "-m", f"tools.{tool}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: not installed: typer, rich, httpx. Run `make install` once, "
        "and the tools with .venv/bin/python -m tools...\n"
    )
