"""Where a queue is, and what opens it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shared.tables.account import read_connection_string

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@dataclass(frozen=True, slots=True)
class QueueAccount:
    """The Queue service of a storage account, and what opens it: a key, or an identity.

    Attributes:
        endpoint: URL without a slash at its end.
        credential: name and key of the account in development, an identity otherwise.
    """

    endpoint: str
    credential: "tuple[str, str] | AsyncTokenCredential"

    @classmethod
    def of_connection_string(cls, text: str) -> Self:
        """Read a connection string, which names account and key."""
        return cls(*read_connection_string(text, "queue"))
