"""The Makefile and the search for a Python: what a newcomer types first."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ["sh", "sed", "cat", "touch", "rm", "find", "make", "dirname", "sleep"]
STAMPS = [".ready-to-install", ".ready-to-run", ".ready-to-develop"]
"""What a virtual environment holds of what is installed in it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A clone of the repository on a machine that has nothing but what a test puts on its PATH."""

    bin: Path
    clone: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.clone)}

    def program(self, name: str, script: str, folder: Path | None = None) -> Path:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def python(self, name: str, folder: Path | None = None) -> Path:
        """A Python that works under a given name."""
        return self.program(name, f'exec "{sys.executable}" "$@"', folder)

    def virtual_environment(self, script: str) -> None:
        """One that is ready, whose Python is a script."""
        self.program("python", script, self.clone / ".venv" / "bin")
        for stamp in STAMPS:
            (self.clone / ".venv" / stamp).touch()

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.clone,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "bin", tmp_path / "clone")
    made.bin.mkdir()
    for tool in TOOLS:
        (made.bin / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    (made.clone / "local").mkdir(parents=True)
    npm = ["package.json", "package-lock.json", ".npmrc"]
    for name in ["Makefile", "requirements.txt", "pyproject.toml", *npm]:
        shutil.copy(ROOT / name, made.clone / name)
    for name in ["find_python.sh", "__init__.py", "errors.py", "ports.py"]:
        shutil.copy(ROOT / "local" / name, made.clone / "local")
    return made


def find_python(machine: Machine, *versions: str, **environ: str) -> tuple[int, str, str]:
    done = machine.run("sh", "local/find_python.sh", *versions, **environ)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


SHOWS_ITS_PATH = 'case "$2" in *executable*) echo "$0" ;; esac'
"""A script that stands for a Python that works, and says which one it is."""


def test_python_3_13_is_preferred(machine: Machine) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        machine.program(name, SHOWS_ITS_PATH)
    assert find_python(machine) == (0, str(machine.bin / "python3.13"), "")


def test_a_shim_of_pyenv_that_fails_is_passed_over_for_the_version_that_pyenv_keeps(
    machine: Machine, tmp_path: Path
) -> None:
    machine.program("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    machine.program("python3.12", SHOWS_ITS_PATH)
    machine.program("pyenv", f"echo {tmp_path}/pyenv")
    kept = machine.program(
        "python", SHOWS_ITS_PATH, tmp_path / "pyenv" / "versions" / "3.13.0" / "bin"
    )
    assert find_python(machine) == (0, str(kept), "")


def test_a_plain_python3_will_do_when_it_is_new_enough(machine: Machine) -> None:
    machine.python("python3")
    assert find_python(machine) == (0, sys.executable, "")


def test_a_version_that_is_asked_for_is_not_replaced_by_another(machine: Machine) -> None:
    machine.program("python3.13", SHOWS_ITS_PATH)
    status, found, said = find_python(machine, "3.11")
    assert (status, found) == (1, "")
    assert said.startswith("error: no Python 3.11 ")


def test_the_variable_python_overrides_the_search(machine: Machine) -> None:
    machine.program("python3.13", SHOWS_ITS_PATH)
    mine = machine.program("mine", SHOWS_ITS_PATH)
    assert find_python(machine, PYTHON="mine") == (0, str(mine), "")
    status, found, said = find_python(machine, PYTHON="none-such")
    assert (status, found) == (1, "")
    assert said.splitlines() == [said]
    assert "PYTHON=none-such" in said


def test_no_python_is_said_in_one_line_and_nothing_is_made(machine: Machine) -> None:
    machine.program("python3", "exit 1")  # too old, or without its venv module
    done = machine.run("make", "run")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert len(errors) == 1
    assert errors[0].startswith("error: no Python ")
    assert not (machine.clone / ".venv").exists()


@pytest.mark.parametrize("is_half_installed", [False, True])
def test_a_busy_port_is_said_before_anything_is_installed(
    machine: Machine, is_half_installed: bool
) -> None:
    if is_half_installed:
        machine.virtual_environment("touch started")
    machine.python("python3")
    machine.program("node", "exit 0")
    machine.program("npm", "touch installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = machine.run("make", "run", PORT=port)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error: port {port} cannot be used")
    assert not {"installed", "started", "node_modules"} & {
        each.name for each in machine.clone.iterdir()
    }
    assert (machine.clone / ".venv").exists() == is_half_installed


@pytest.mark.parametrize("missing", ["node", "npm"])
def test_missing_node_is_said_in_one_line(machine: Machine, missing: str) -> None:
    machine.virtual_environment("touch started")
    for name in {"node", "npm"} - {missing}:
        machine.program(name, "exit 0")
    done = machine.run("make", "run")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert len(errors) == 1
    assert "install Node.js 22 or newer" in errors[0]
    assert not (machine.clone / "started").exists()


def test_what_checks_infra_and_is_missing_is_said_in_one_line(machine: Machine) -> None:
    for name in ["node", "npm"]:
        machine.program(name, "exit 0")
    done = machine.run("make", "infra-check", BICEP_CHECK="gone.py")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert errors == ["error: BICEP_CHECK=gone.py is no file"]
    assert not (machine.clone / ".venv").exists()


@pytest.mark.parametrize("checker", ["", "check.py"])
def test_infra_is_checked_by_everything_there_is(machine: Machine, checker: str) -> None:
    (machine.clone / "check.py").touch()
    (machine.clone / "infra" / "modules").mkdir(parents=True)
    for name in ["infra/main.bicep", "infra/modules/app.bicep", "infra/deploy.sh"]:
        (machine.clone / name).touch()
    machine.virtual_environment('echo "$@" >>calls')
    machine.program("shellcheck", 'echo "shellcheck $@" >>calls', machine.clone / ".venv" / "bin")
    machine.program("python", "exit 1", machine.clone / ".venv-infra" / "bin")
    for folder in ["node_modules", ".venv-infra", ".venv-azure-cli", ".venv-sbom"]:
        (machine.clone / folder).mkdir(exist_ok=True)
        (machine.clone / folder / ".ready").touch()
    done = machine.run("make", "infra-check", BICEP_CHECK=checker)
    assert (done.returncode, done.stderr) == (0, "")
    calls = (machine.clone / "calls").read_text().splitlines()
    assert calls == [
        *(["check.py infra/main.bicep infra/modules/app.bicep"] if checker else []),
        "-m pytest -n 2 --dist loadfile tests/ops/infra",
        "shellcheck --external-sources --shell=sh infra/deploy.sh local/find_python.sh",
    ]
    assert ("BICEP_CHECK names no checker" in done.stdout) == (not checker)


@pytest.mark.parametrize(
    ("version", "warned"), [("v20.20.2", True), ("v22.1.0", False), ("v30.0.0", False)]
)
def test_node_20_is_used_with_a_warning(machine: Machine, version: str, warned: bool) -> None:
    machine.program("node", f"echo {version}")
    machine.program("npm", "PATH=/bin:/usr/bin mkdir node_modules")
    done = machine.run("make", "azurite")
    assert done.returncode == 0
    assert ("warning: Azurite asks for Node.js 22 or newer; 20 works" in done.stderr) == warned


def test_a_failing_npm_is_said_and_tried_again_the_next_time(machine: Machine) -> None:
    machine.virtual_environment("touch started")
    machine.program("node", "exit 0")
    machine.program("npm", "exit 3")
    done = machine.run("make", "run")
    assert done.returncode != 0
    assert "error: Azurite could not be installed: npm ci failed" in done.stderr
    assert not (machine.clone / "started").exists()
    machine.program("npm", "[ -d node_modules ] || { PATH=/bin:/usr/bin mkdir node_modules; }")
    assert machine.run("make", "run").returncode == 0
    assert (machine.clone / "started").exists()


def test_nothing_is_done_twice_and_changes_are_taken_up(machine: Machine) -> None:
    machine.virtual_environment('echo "$*" >> calls')
    machine.program("node", "exit 0")
    machine.program("npm", "PATH=/bin:/usr/bin mkdir -p node_modules; echo npm $1 >> calls")

    def calls() -> list[str]:
        (machine.clone / "calls").unlink(missing_ok=True)
        assert machine.run("make", "run").returncode == 0
        return (machine.clone / "calls").read_text().splitlines()

    assert calls() == ["npm ci", "-m local"]
    assert calls() == ["-m local"]
    later = time.time() + 10
    os.utime(machine.clone / "pyproject.toml", (later, later))
    os.utime(machine.clone / "package-lock.json", (later, later))
    installer, packages, *others = calls()
    assert re.fullmatch(r"-m pip .* install pip==[\d.]+", installer)
    assert re.fullmatch(r"-m pip .* install -r requirements.txt --group local", packages)
    assert others == ["npm ci", "-m local"]


@pytest.mark.parametrize(("group", "also"), [("bench", "-r requirements.txt "), ("infra", "")])
def test_a_group_that_is_apart_gets_an_environment_of_its_own(
    machine: Machine, group: str, also: str
) -> None:
    machine.virtual_environment('echo "$*" >> calls')
    (machine.clone / f".venv-{group}").mkdir()
    assert machine.run("make", f".venv-{group}/.ready").returncode == 0
    made, packages = (machine.clone / "calls").read_text().splitlines()
    assert made == f"-m venv --without-pip .venv-{group}"
    assert packages.endswith(f"--python .venv-{group}/bin/python install {also}--group {group}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_make_and_its_group_reaches_the_service(
    machine: Machine, number: signal.Signals
) -> None:
    machine.virtual_environment(
        "trap 'touch stopped; exit 0' TERM INT; touch started; while :; do sleep 0.1; done"
    )
    (machine.clone / "node_modules").mkdir()
    (machine.clone / "node_modules" / ".ready").touch()
    running = subprocess.Popen(
        ["make", "run"],
        cwd=machine.clone,
        env=machine.environ,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (machine.clone / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if number == signal.SIGTERM:
        running.terminate()  # to make alone, as a supervisor does
    else:
        os.killpg(running.pid, number)  # to the group, as a terminal does
    running.wait(timeout=30)
    assert (machine.clone / "stopped").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def test_help_lists_every_target_and_is_what_make_does_by_itself(machine: Machine) -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    said = machine.run("make").stdout
    listed = re.findall(r"^  make ([\w-]+) +\S", said, re.MULTILINE)
    assert sorted(listed) == sorted(phony[1].split())
    for variable in (
        "BICEP_CHECK",
        "PYTHON",
        "VENV",
        "PYTEST_ARGS",
        "PORT",
        "SCIM_SECRET_TOKEN",
        "EPHEMERAL",
    ):
        assert variable in said


def test_the_lock_file_names_no_registry_and_pins_azurite() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"azurite": "3.37.0"' in lock
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text()
