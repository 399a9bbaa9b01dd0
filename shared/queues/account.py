"""Where a queue is, and what opens it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

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
        parts = dict(part.split("=", 1) for part in text.split(";") if part)
        suffix = parts.get("EndpointSuffix", "core.windows.net")
        usual = f"https://{parts['AccountName']}.queue.{suffix}"
        endpoint = parts.get("QueueEndpoint", usual).rstrip("/")
        return cls(endpoint, (parts["AccountName"], parts["AccountKey"]))
