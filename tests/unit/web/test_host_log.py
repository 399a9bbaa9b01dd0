"""What the host takes of the log, and what goes to standard error because the host drops it."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from local.logs import is_taken
from shared.web import host_log

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("shared.of_this_test")


@pytest.fixture(autouse=True)
def attached() -> Iterator[None]:
    """Attach one handler to the root logger, as `function_app` does, for this test alone."""
    root = logging.getLogger()
    before = root.handlers[:]
    host_log.write_dropped_records()
    host_log.write_dropped_records()
    yield
    root.handlers = before


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_what_no_invocation_logs_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    LOG.error("setting refused: %s", "TABLE_NAME should be short")
    assert written(capsys) == ["setting refused: TABLE_NAME should be short [error]"]


async def test_what_an_invocation_logs_is_left_to_the_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def part() -> None:
        LOG.error("of a part")

    with host_log.invocation():
        LOG.error("of the function")
        await asyncio.gather(part(), asyncio.create_task(part()))
    assert written(capsys) == []


async def test_what_a_task_logs_after_its_invocation_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    may_go_on = asyncio.Event()

    async def outlast() -> None:
        LOG.error("while it runs")
        await may_go_on.wait()
        LOG.error("after it has ended")

    with host_log.invocation():
        task = asyncio.create_task(outlast())
        await asyncio.sleep(0)
    with host_log.invocation():  # that another one runs by then changes nothing
        may_go_on.set()
        await task
    assert written(capsys) == ["after it has ended [error]"]


async def test_what_a_thread_logs_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with host_log.invocation():
        await asyncio.to_thread(LOG.error, "of a thread with the context of the function")
        thread = threading.Thread(target=LOG.error, args=("of any other thread",))
        thread.start()
        thread.join()
    assert written(capsys) == [
        "of a thread with the context of the function [error]",
        "of any other thread [error]",
    ]


async def test_what_a_loop_in_a_thread_logs_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    async def part() -> None:
        LOG.error("of another loop")

    with host_log.invocation():
        await asyncio.to_thread(lambda: asyncio.run(part()))
    assert written(capsys) == ["of another loop [error]"]


async def test_what_a_callback_logs_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with host_log.invocation():
        asyncio.get_running_loop().call_soon(LOG.error, "of a callback")
        await asyncio.sleep(0)
    assert written(capsys) == ["of a callback [error]"]


@pytest.mark.parametrize("name", ["azure.functions", "azure.functions.any", "azure_functions_x"])
def test_loggers_of_the_worker_are_left_to_the_host(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger(name).error("taken from anywhere")
    assert written(capsys) == []


def test_a_stack_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("two\nlines")

    try:
        fail()
    except ValueError:
        LOG.exception("what requests need could not be loaded")
    (line,) = written(capsys)
    assert line.startswith("what requests need could not be loaded | Traceback ")
    assert line.endswith("ValueError: two | lines [error]")


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (logging.INFO, "Information"),
        (logging.WARNING, "Warning"),
        (logging.ERROR, "Error"),
        (logging.CRITICAL, "Error"),
    ],
)
def test_the_host_tells_the_level_from_the_line(level: int, severity: str) -> None:
    record = logging.LogRecord("any", level, "file", 1, "the token ends", (), None)
    assert severity_of(host_log.line_of(record)) == severity


def severity_of(line: str) -> str:
    """Give a line of standard error the severity that the host gives it (WorkerProcess.cs)."""
    folded = line.lower()
    if "warn" in folded:
        return "Warning"
    failed = any(word in folded for word in ("error", "fail", "severe"))
    return "Error" if failed else "Information"


def test_the_stand_in_takes_from_anywhere_what_the_worker_logs() -> None:
    taken = logging.LogRecord("azure.functions", logging.INFO, "file", 1, "loaded", (), None)
    dropped = logging.LogRecord("shared.web", logging.INFO, "file", 1, "loaded", (), None)
    assert (is_taken(taken), is_taken(dropped)) == (True, False)
