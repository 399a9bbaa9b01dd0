"""Where the table is, and what opens it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from shared.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table as the settings name it.

    Attributes:
        name: name of the table.
        endpoint: URL of the account's Table service, which an identity opens.
        connection_string: of a storage account, key included (development).
    """

    name: str
    endpoint: str | None = None
    connection_string: str | None = None


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """The Table service of a storage account, and what opens it: a key, or an identity.

    Attributes:
        endpoint: URL without a slash at its end.
        credential: name and key of the account in development, an identity otherwise.
    """

    endpoint: str
    credential: "tuple[str, str] | AsyncTokenCredential"

    @classmethod
    def of(cls, address: TableAddress, credential: "AsyncTokenCredential | None") -> Self:
        """Find the account of an address.

        Raises:
            Unavailable: it has neither a connection string, nor an endpoint with a credential.
        """
        if address.connection_string is not None:
            return cls(*read_connection_string(address.connection_string, "table"))
        if address.endpoint is None or credential is None:
            raise Unavailable("The service has no table configured; its operator must set one.")
        return cls(address.endpoint.rstrip("/"), credential)


def read_connection_string(
    text: str, service: Literal["queue", "table"]
) -> tuple[str, tuple[str, str]]:
    """Read where a service of a storage account is, and name and key of the account."""
    parts = dict(part.split("=", 1) for part in text.split(";") if part)
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    usual = f"https://{parts['AccountName']}.{service}.{suffix}"
    endpoint = parts.get(f"{service.capitalize()}Endpoint", usual).rstrip("/")
    return endpoint, (parts["AccountName"], parts["AccountKey"])
