"""Child processes that end with the block that started them, or with this process at the latest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

_GRACE_SECONDS = 10.0
_CLOSING_SECONDS = 2.0
# Waits for the end of its standard input, then kills the process group that it is given.
_WATCH = 'read -r _; kill -KILL "-$1"'


@asynccontextmanager
async def running(
    command: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    capture: bool = False,
    descriptors: Sequence[int] = (),
) -> AsyncIterator[Process]:
    """Run a command in a process group of its own and end the whole group with the block.

    Its own group, so that a Ctrl-C in the terminal reaches it through this process alone, in
    order. Its standard input is a pipe that nobody writes to: it ends when this process does,
    even by SIGKILL, and a child that watches it follows.

    Args:
        command: Program and arguments.
        directory: Where it runs.
        environ: Its whole environment.
        capture: Whether its output, errors included, goes to `stdout` of the process given.
        descriptors: File descriptors that it inherits.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=environ,
        stdin=PIPE,
        stdout=PIPE if capture else None,
        stderr=STDOUT if capture else None,
        pass_fds=descriptors,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _signal_group(process, signal.SIGTERM)
        await _wait_or_kill(process)


@asynccontextmanager
async def running_watched(
    command: Sequence[str], *, directory: Path, environ: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run a command that ignores SIGTERM, and the end of its standard input.

    It is interrupted alone, so that it can end in order what it has started. A process of its own
    kills its group when this process is gone. That is a shell, because a signal at the death of the
    parent exists on Linux alone, and reaches no grandchild.
    """
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, env=environ, stdin=PIPE, start_new_session=True
    )
    watcher = None
    try:
        watcher = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _WATCH, "sh", str(process.pid)), stdin=PIPE, start_new_session=True
        )
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await _wait_or_kill(process)
        if watcher is not None:
            watcher.kill()
            await watcher.wait()


async def _wait_or_kill(process: Process) -> None:
    """Wait until a process has ended as it was asked to, then kill what is left of its group."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
    finally:
        # Also when a second Ctrl-C cancels the wait.
        _signal_group(process, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await process.communicate()  # waits, and closes the pipes


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def on_stop(stop: Callable[[], object], *, leashed: bool) -> None:
    """Call `stop` at every Ctrl-C, SIGTERM and SIGHUP; leashed also when standard input ends."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    if leashed:
        loop.add_reader(sys.stdin.fileno(), _input_ended, loop, stop)


def _input_ended(loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    loop.remove_reader(sys.stdin.fileno())
    stop()
