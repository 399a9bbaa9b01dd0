"""Timers that a host has missed, so that the next one runs them when it starts."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from local import ncrontab, timers
from tests.support.fakes.azure import StorageCredential

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST_ID = "AzureFunctionsWebHost__hostid"
CONTAINER = "azure-webjobs-hosts"
RAN = datetime(2026, 1, 1, tzinfo=UTC)


async def missed(container: ContainerClient, name: str, schedule: str) -> dict[str, str]:
    """Leave what a host keeps of a timer that it ran last some time ago.

    Returns:
        The setting that makes another host one of the same app; no test shares it.
    """
    host_id = secrets.token_hex(8)
    with suppress(ResourceExistsError):
        await container.create_container()
    status = timers.StatusBlob(container, f"timers/{host_id}/Host.Functions.{name}/status")
    await status.write(timers.Status(RAN, ncrontab.parse(schedule).next_time(RAN), RAN))
    return {HOST_ID: host_id}


async def missed_in_azure(settings: Mapping[str, str], name: str, schedule: str) -> dict[str, str]:
    """Do so in the storage that settings of production name."""
    async with ContainerClient(
        settings["AzureWebJobsStorage__blobServiceUri"],
        CONTAINER,
        credential=StorageCredential(),
        connection_verify=settings["SSL_CERT_FILE"],
    ) as container:
        return await missed(container, name, schedule)
