"""How the tools learn which services run in a folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.errors import LocalError
from local.run_record import RunRecord, living, recorded

ROOT = Path(__file__).resolve().parents[3]
RUN = RunRecord(
    pid=12,
    tenant_url="http://127.0.0.1:7071/scim/v2",
    storage="UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:4/devstoreaccount1",
    is_ephemeral=True,
    table="scim",
    tenants=("acme", "default"),
)
HOLDER = f"""
import sys, pathlib
from local.run_record import RunRecord, recorded
with recorded(pathlib.Path(sys.argv[1]), {RUN!r}):
    print("recorded", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_found_as_long_as_it_lasts(tmp_path: Path) -> None:
    assert living(tmp_path) == []
    with recorded(tmp_path, RUN), recorded(tmp_path, replace(RUN, pid=9, storage=None)):
        assert living(tmp_path) == [replace(RUN, pid=9, storage=None), RUN]
    assert living(tmp_path) == []
    assert list((tmp_path / ".data" / "runs").iterdir()) == []


def test_a_run_of_another_process_is_found_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"recorded\n"
    assert living(tmp_path) == [RUN]
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    left_behind = tmp_path / ".data" / "runs" / "12.json"
    assert left_behind.exists()
    assert living(tmp_path) == []
    with recorded(tmp_path, replace(RUN, pid=13)):
        assert not left_behind.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"pid": 1}), "\0"])
def test_a_file_of_something_else_is_no_run(tmp_path: Path, content: str) -> None:
    folder = tmp_path / ".data" / "runs"
    folder.mkdir(parents=True)
    (folder / "7.json").write_text(content)
    assert living(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".data").touch()
    with pytest.raises(LocalError, match=r"12\.json cannot be written: "), recorded(tmp_path, RUN):
        raise AssertionError("it runs")
