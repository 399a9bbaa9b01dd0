"""The trace of a tenant that is open: what its row of settings has of it, and every process knows.

It is no setting: what changes the settings by name neither sees nor touches it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

TRACE_FIELD = "trace"
"""What the row of settings has it under, and what the change row of its opening and end names."""


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """A trace that was opened.

    Attributes:
        id: of the trace.
        public_key: seals its entries, in base64url.
        key_version: version of the secret that holds the private key.
        until: when it ends, in POSIX seconds.
        user: only requests that name it are kept; "" for all.
        by: who has opened it.
    """

    id: str
    public_key: str
    key_version: str
    until: int
    user: str = ""
    by: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self | None:
        """Read it out of the row of settings; None where none was opened, or one was closed."""
        kept = document.get(TRACE_FIELD)
        if not isinstance(kept, Mapping):
            return None
        # A later version of the service may have written more.
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in kept.items() if name in names})

    def document(self) -> dict[str, Any]:
        """Write it for the row of settings."""
        return asdict(self)
