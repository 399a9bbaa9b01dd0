"""The log of the stand-in host, on standard error.

The host takes what its functions log while an invocation runs, from that invocation, and drops the
rest: what is logged at import, in a thread, in a task that outlives its invocation. So does this
one, or tests would see lines that never reach an operator.
"""

from __future__ import annotations

import logging

from local import invocation

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class LineFormatter(logging.Formatter):
    """Writes time and level before a message, but leaves a line of JSON as programs read it."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        message = record.getMessage()
        return message if message.startswith("{") else super().format(record)


def configure(level: int) -> None:
    """Let what the host and its functions log from a level on go to standard error."""
    logging.basicConfig(level=level, handlers=[functions_handler()])
    # What the host itself says is no business of handlers that the app adds to the root logger.
    own = logging.getLogger("local")
    own.propagate = False
    own.addHandler(_handler())


def functions_handler() -> logging.Handler:
    """Make the handler of what functions log, which drops what the host drops."""
    handler = _handler()
    handler.addFilter(is_taken)
    return handler


def is_taken(record: logging.LogRecord) -> bool:
    """Say whether the host takes a record that is logged here and now."""
    # The loggers of the worker itself may write from anywhere.
    return record.name.startswith("azure.functions") or invocation.is_running_here()


def _handler() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    return handler
