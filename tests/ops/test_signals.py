"""The tests hold wherever they are started, also where Ctrl-C or a hang-up is ignored."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SHOWS = "import signal; print(signal.getsignal(signal.{name}) is signal.SIG_IGN)"


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_a_test_starts_heeds(name: str) -> None:
    assert signal.getsignal(signal.Signals[name]) is not signal.SIG_IGN
    command = [sys.executable, "-c", SHOWS.format(name=name)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b"False\n"
