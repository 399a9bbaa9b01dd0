"""The content of an entry of a trace, before it is sealed: a line of JSON, then two bodies.

The line tells how long each body is, so that bodies need not be quoted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BODY_BYTES, _ANSWER_BYTES = "bodyBytes", "answerBytes"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class TraceContent:
    """What an entry tells.

    Attributes:
        told: of the request and the answer, without their bodies; or how many were left out.
        body: of the request, as JSON, which may be cut.
        answer: the body of the answer, likewise.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""
    answer: bytes = b""

    def pack(self) -> bytes:
        """Write it."""
        sizes = {_BODY_BYTES: len(self.body), _ANSWER_BYTES: len(self.answer)}
        line = f"{_encode({**self.told, **sizes})}\n".encode("utf-8", "replace")
        return line + self.body + self.answer

    @classmethod
    def unpack(cls, packed: bytes) -> "TraceContent":
        """Read what `pack` wrote."""
        line, _, bodies = packed.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        size = int(told.pop(_BODY_BYTES, 0))
        told.pop(_ANSWER_BYTES, None)
        return cls(told, bodies[:size], bodies[size:])
