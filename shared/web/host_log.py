"""The log on its way through the Functions host.

The host takes a record from an invocation that is running. It drops every other one: of an import,
of a thread, of a task that outlives its invocation. A line on standard error reaches the operator
from anywhere, in the same table and within the same second, so what the host would drop is written
there. The service does not have to know where it logs.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

WORKER_LOGGERS = ("azure.functions", "azure_functions", "proxy_worker")
"""Beginnings of the names of the worker's own loggers, which the host takes from anywhere."""


@dataclass(slots=True, eq=False)
class _Invocation:
    """An invocation of a function.

    Attributes:
        loop: the event loop that it runs on.
        is_running: whether the function has not returned yet.
    """

    loop: asyncio.AbstractEventLoop
    is_running: bool = True


_invocation: ContextVar[_Invocation | None] = ContextVar("invocation", default=None)


@contextmanager
def invocation() -> Iterator[None]:
    """Mark what a function does as its invocation: the block, and tasks begun in it until it ends.

    A thread gets the mark too, if it runs in a copy of the context; it is on no event loop.
    """
    running = _Invocation(asyncio.get_running_loop())
    token = _invocation.set(running)
    try:
        yield
    finally:
        running.is_running = False
        _invocation.reset(token)


class DroppedRecords(logging.Handler):
    """Writes the records that the host drops to standard error, a line each.

    The message begins the line, as it does where the host takes the record, so that a search finds
    both. Behind it stands the level in a word from which the host tells the severity of a line:
    "warn" is a warning, "error" an error, anything else information.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the host takes it."""
        if is_taken_by_host(record):
            return
        try:
            print(line_of(record), file=sys.stderr, flush=True)
        except Exception:  # noqa: BLE001 - as every handler: to log must not break what is done
            self.handleError(record)


def write_dropped_records() -> None:
    """Have what the host drops written to standard error from now on."""
    root = logging.getLogger()
    if not any(isinstance(handler, DroppedRecords) for handler in root.handlers):
        root.addHandler(DroppedRecords())


def is_taken_by_host(record: logging.LogRecord) -> bool:
    """Say whether the host takes a record that is logged here and now."""
    if record.name.startswith(WORKER_LOGGERS):
        return True
    of = _invocation.get()
    return of is not None and of.is_running and _is_in_task_on(of.loop)


def line_of(record: logging.LogRecord) -> str:
    """Write a record in one line, its stack included: the host makes an entry of each line."""
    text = " | ".join(logging.Formatter().format(record).splitlines())
    if record.levelno >= logging.ERROR:
        return f"{text} [error]"
    return f"{text} [warning]" if record.levelno >= logging.WARNING else text


def _is_in_task_on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # in a thread without a loop
        return False
    return task is not None and task.get_loop() is loop
