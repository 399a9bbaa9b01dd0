"""The tests hold wherever they are started, also where Ctrl-C is ignored."""

from __future__ import annotations

import signal
import subprocess
import sys

SHOWS = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"


def test_what_a_test_starts_heeds_ctrl_c() -> None:
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    done = subprocess.run([sys.executable, "-c", SHOWS], capture_output=True, check=True)
    assert done.stdout == b"False\n"
