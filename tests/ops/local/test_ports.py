"""Whether a run could listen, told by the standard library alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import ports

ROOT = Path(__file__).resolve().parents[3]


def looked(**environ: str) -> tuple[int, str]:
    """`python -m local.ports` where no package is installed: exit code, and what it says."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "local.ports"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_busy_port_is_told_without_any_package() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, said = looked(PORT=port)
    assert status == 1
    assert said.startswith(f"error: port {port} cannot be used")
    assert len(said.splitlines()) == 1
    assert looked(PORT=port) == (0, "")


def test_what_cannot_be_understood_is_told_too() -> None:
    assert looked(PORT="http") == (1, 'error: PORT must be a number up to 65535, not "http"\n')
    assert looked(EPHEMERAL="x") == (1, 'error: EPHEMERAL must be 1 or 0, not "x"\n')
    assert looked(EPHEMERAL="1") == (0, "")


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, 7071),
        ({"EPHEMERAL": "1"}, 0),
        ({"EPHEMERAL": "1", "PORT": "81"}, 81),
        ({"PORT": ""}, 7071),
    ],
)
def test_the_port_of_the_service(environ: dict[str, str], port: int) -> None:
    assert ports.service_port(environ) == port


def test_ports_are_free_when_all_of_them_are() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not ports.are_free([port])
    assert ports.are_free([port])
