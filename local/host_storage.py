"""The storage that a connection names: queues of functions, and blobs of the host itself.

A connection is the name of a setting, `<name>`, which holds a connection string, or of several by
which the host signs in with an identity: `<name>__queueServiceUri` and `<name>__blobServiceUri`, or
`<name>__accountName`, with `<name>__credential` and `<name>__clientId`. `AzureWebJobs<name>` comes
before `<name>`, and no name at all is `AzureWebJobsStorage`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient

from local import azurite
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials_async import AsyncTokenCredential

HOST = "AzureWebJobsStorage"
"""The connection in which the host keeps what is its own."""

_HOST_CONTAINER = "azure-webjobs-hosts"
_PREFIX = "AzureWebJobs"
_SUFFIX = "core.windows.net"

# The library logs each of its calls, and its logger is one of the app's too.
_calls = logging.getLogger("local.storage_calls")
_calls.setLevel(logging.WARNING)
# A call that fails is tried again by whoever makes it: by the next poll, or at the next renewal.
_OPTIONS: dict[str, Any] = {"retry_total": 0, "logger": _calls}


@dataclass(frozen=True, slots=True)
class _Service:
    """Where one service of an account is, and what opens it.

    Attributes:
        connection_string: Holds both; "" where an identity opens it.
        url: Of the service, otherwise.
        credential: The identity.
    """

    connection_string: str = ""
    url: str = ""
    credential: AsyncTokenCredential | None = None


def queue(environ: Mapping[str, str], connection: str, name: str) -> QueueClient:
    """Return a client of a queue, which takes and gives text as it is.

    Raises:
        LocalError: The connection is missing, or cannot be understood.
    """
    service = _service(environ, connection, "queue")
    try:
        if service.connection_string:
            return QueueClient.from_connection_string(service.connection_string, name, **_OPTIONS)
        return QueueClient(service.url, name, service.credential, **_OPTIONS)
    except ValueError as error:
        raise LocalError(f"the connection {connection or HOST} cannot be used: {error}") from None


def host_container(environ: Mapping[str, str]) -> ContainerClient:
    """Return a client of the container in which the host keeps leases and times.

    Raises:
        LocalError: The connection is missing, or cannot be understood.
    """
    service = _service(environ, HOST, "blob")
    named = {"container_name": _HOST_CONTAINER, **_OPTIONS}
    try:
        if service.connection_string:
            return ContainerClient.from_connection_string(service.connection_string, **named)
        return ContainerClient(service.url, credential=service.credential, **named)
    except ValueError as error:
        raise LocalError(f"the connection {HOST} cannot be used: {error}") from None


async def create_queue(connection_string: str, name: str) -> None:
    """Create a queue, unless it is there.

    Raises:
        LocalError: The storage does not answer.
    """
    try:
        async with queue({HOST: connection_string}, HOST, name) as client:
            await client.create_queue()
    except ResourceExistsError:
        pass
    except AzureError as error:
        raise LocalError(f"the queue {name} could not be made: {error}") from None


def _service(environ: Mapping[str, str], connection: str, service: str) -> _Service:
    name = connection or HOST
    for each in (f"{_PREFIX}{name}", name):
        if text := environ.get(each):
            return _Service(azurite.expanded(text))
        if url := _url(environ, each, service):
            return _Service(url=url, credential=_credential(environ, each))
    raise LocalError(
        f"the connection {name} is missing: set {name}, or {name}__{service}ServiceUri"
    )


def _url(environ: Mapping[str, str], name: str, service: str) -> str:
    account = environ.get(f"{name}__accountName")
    of_account = f"https://{account}.{service}.{_SUFFIX}" if account else ""
    return environ.get(f"{name}__{service}ServiceUri") or of_account


def _credential(environ: Mapping[str, str], name: str) -> AsyncTokenCredential:
    # Slow to import, and needed where an identity is used alone.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415

    kind = environ.get(f"{name}__credential", "")
    client_id = environ.get(f"{name}__clientId")
    if not kind:
        return DefaultAzureCredential()
    if kind.lower() != "managedidentity":
        raise LocalError(f'{name}__credential must be "managedidentity", not "{kind}"')
    return ManagedIdentityCredential(client_id=client_id)
