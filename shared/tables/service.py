"""What `AzureTable` needs of a client of Table Storage: one request each, without any patience.

Two clients do the same: `RestService`, which serves, and `SdkService`, which is its oracle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from shared.errors import Unavailable
from shared.tables.operations import Operation
from shared.tables.rows import Row, Span
from shared.tables.table import Page, Selection, Token

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

REFUSALS = frozenset({404, 409, 412})
"""Statuses of an operation that was definitely not done."""


@dataclass(frozen=True, slots=True)
class TableAddress:
    """Where the table is: an endpoint reached by identity, or a connection string (development)."""

    name: str
    endpoint: str | None = None
    connection_string: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account's Table service, and what opens it: a key, or an identity.

    Attributes:
        endpoint: URL without a slash at its end.
        credential: name and key of the account in development, an identity otherwise.
    """

    endpoint: str
    credential: "tuple[str, str] | AsyncTokenCredential"

    @classmethod
    def of(cls, address: TableAddress, credential: "AsyncTokenCredential | None") -> Self:
        """Find out where an address leads.

        Raises:
            Unavailable: it has neither a connection string, nor an endpoint with a credential.
        """
        if address.connection_string is not None:
            pairs = (part.split("=", 1) for part in address.connection_string.split(";") if part)
            parts = dict(pairs)
            suffix = parts.get("EndpointSuffix", "core.windows.net")
            usual = f"https://{parts['AccountName']}.table.{suffix}"
            endpoint = parts.get("TableEndpoint", usual).rstrip("/")
            return cls(endpoint, (parts["AccountName"], parts["AccountKey"]))
        if address.endpoint is None or credential is None:
            raise Unavailable("The service has no table configured; its operator must set one.")
        return cls(address.endpoint.rstrip("/"), credential)


class ServiceFault(Exception):  # noqa: N818 - an outcome that is classified, then raised as another
    """A request that was not done, or of which nobody knows whether it was.

    Attributes:
        status: HTTP status; None when there was no answer that could be read.
        code: error code of the service, such as `ServerBusy`; "" without one.
    """

    def __init__(self, status: int | None, code: str = "", reason: str = "") -> None:
        super().__init__(f"{status or 'no answer'} {code or reason}".strip())
        self.status = status
        self.code = code


class TableService(Protocol):
    """A client of one table."""

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; None when there is none.

        Raises:
            ServiceFault: anything else than 200 or `ResourceNotFound`, `TableNotFound` among it.
        """
        ...

    async def query(
        self,
        partition: str,
        span: Span,
        limit: int,
        token: Token | None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span.

        Raises:
            ServiceFault: anything else than 200.
        """
        ...

    async def submit(self, partition: str, operations: Sequence[Operation]) -> list[str]:
        """Commit an entity group transaction; return the new ETags, "" for deleted rows.

        Raises:
            OperationRejected: an operation met 404, 409 or 412.
            ServiceFault: anything else than success.
        """
        ...

    async def create_table(self) -> None:
        """Create the table.

        Raises:
            ServiceFault: anything else than success, `TableAlreadyExists` among it.
        """
        ...

    async def close(self) -> None:
        """Close the connections and the credential."""
        ...
