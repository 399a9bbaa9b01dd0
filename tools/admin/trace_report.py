"""An entry of a trace as an operator reads it: lines, or an object of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.admin.console import time_of_milliseconds
from tools.command_line import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.store.trace_content import TraceContent

_BODIES = {"body": "bodyCutFrom", "answer": "answerCutFrom"}
"""What holds a body, and what tells how long one was that is cut."""


def trace_as_json(time: int, content: TraceContent) -> dict[str, Any]:
    """Write an entry as an object: bodies as JSON, and as text where they are cut."""
    told: dict[str, Any] = {"time": time_of_milliseconds(time), **content.told}
    for name, cut_from in _BODIES.items():
        text = getattr(content, name).decode()
        if text:
            told[name] = text if cut_from in content.told else json.loads(text)
    return told


def trace_as_lines(time: int, content: TraceContent) -> Iterator[str]:
    """Write an entry as a line of what it is about, and one of each body."""
    told = content.told
    moment = time_of_milliseconds(time)
    if "leftOut" in told:
        counted = ", ".join(f"{number:,} ({why})" for why, number in told["leftOut"].items())
        yield printable(f"{moment}  left out: {counted}")
        return
    ids = [f"request {told['request']}"] if "request" in told else []
    ids += [f"of the client {told['clientRequest']}"] if "clientRequest" in told else []
    about = f"{told['method']} {told.get('target', '')}  {told['status']}"
    yield printable("  ".join([moment, about, *ids]))
    for mark, name in ((">", "body"), ("<", "answer")):
        text = getattr(content, name).decode()
        cut_from = told.get(_BODIES[name])
        note = f" ... cut, of {cut_from:,} bytes" if cut_from else ""
        if text:
            yield printable(f"  {mark} {text}{note}")
    if "unreadBytes" in told:
        yield f"  > ({told['unreadBytes']:,} bytes that are no JSON, or are too many)"
