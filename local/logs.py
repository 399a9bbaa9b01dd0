"""The log of the stand-in host, on standard error."""

from __future__ import annotations

import logging

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
    """Let what is logged from a level on go to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler])
