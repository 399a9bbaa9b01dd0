"""Child processes that end with the block that started them, or with this process at the latest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

_GRACE_SECONDS = 10.0
_CLOSING_SECONDS = 2.0
# Waits for the end of its standard input, then ends the process group that it is given.
_WATCH = 'read -r _; kill -KILL "-$1"'


class Ending(NamedTuple):
    """How a child is asked to end, before its group is killed.

    Attributes:
        number: The signal.
        to_group: Whether the processes that it started get the signal too.
    """

    number: signal.Signals
    to_group: bool


TERMINATED = Ending(signal.SIGTERM, to_group=True)
INTERRUPTED = Ending(signal.SIGINT, to_group=False)
"""For a program that ignores SIGTERM, and starts again what ends beside it."""


@asynccontextmanager
async def running(
    command: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    capture: bool = False,
    descriptors: Sequence[int] = (),
    ending: Ending = TERMINATED,
    watched: bool = False,
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
        ending: How it is asked to end.
        watched: Whether another process ends its group when this one is gone, because it does not
            watch its standard input itself.
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
    watcher = None
    try:
        if watched:
            watcher = await _watch(process)
        yield process
    finally:
        await _end(process, ending)
        if watcher is not None:
            watcher.kill()
            await watcher.wait()


async def _watch(process: Process) -> Process:
    """Start what kills the group of a child when this process is gone.

    It is a shell, because a signal at the death of the parent exists on Linux alone, and reaches no
    grandchild.
    """
    command = ["/bin/sh", "-c", _WATCH, "sh", str(process.pid)]
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, start_new_session=True)


async def _end(process: Process, ending: Ending) -> None:
    _signal(process, ending.number, to_group=ending.to_group)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
    finally:
        # Also when a second Ctrl-C cancels the wait, and for what is left of the group.
        _signal(process, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await process.communicate()  # waits, and closes the pipes


def _signal(process: Process, number: signal.Signals, *, to_group: bool = True) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if to_group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


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
