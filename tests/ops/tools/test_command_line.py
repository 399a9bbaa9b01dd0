"""What a tool says when something happens that none of its commands foresaw."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tools.command_line import App

SECRET = "a-value-that-nobody-must-see"


def ended(
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_one_of_many: bool = False,
) -> tuple[object, str, str]:
    """Run a command that raises, perhaps in a task; return exit status, output and errors."""
    app = App()

    @app.command()
    def main() -> None:
        async def fail() -> None:
            raise error

        async def work() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())

        asyncio.run(work() if is_one_of_many else fail())

    monkeypatch.setattr(sys, "argv", ["tool"])
    with pytest.raises(SystemExit) as caught:
        app.run("tool")
    said = capsys.readouterr()
    return caught.value.code, said.out, said.err


@pytest.mark.parametrize("is_one_of_many", [False, True])
def test_a_fault_is_one_line_with_its_type_and_place_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_one_of_many: bool
) -> None:
    status, out, err = ended(KeyError(SECRET), monkeypatch, capsys, is_one_of_many=is_one_of_many)
    assert (status, out) == (70, "")
    (line,) = err.splitlines()
    assert line.startswith("error: a fault of this tool")
    assert "KeyError at tests/ops/tools/test_command_line.py:" in line
    assert "report this line" in line
    assert SECRET not in line


def test_what_the_system_refuses_is_said_in_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = PermissionError(13, "Permission denied", "/etc/shadow")
    status, _, err = ended(error, monkeypatch, capsys)
    assert status == 70
    assert err == "error: the system refused it: /etc/shadow: Permission denied\n"


def test_ctrl_c_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = ended(KeyboardInterrupt(), monkeypatch, capsys)
    assert status == 130
    assert "fault" not in err
