"""Leases of the host: of the hosts on one storage, one at a time does a piece of work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Never

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError

from local.clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    from azure.storage.blob.aio import BlobLeaseClient, ContainerClient

LEASE_SECONDS = 60
RENEWAL_SECONDS = 30.0
LOOK_SECONDS = 60.0
"""How often a host looks whether a lease that another one holds is free."""

_LOST = frozenset({404, 409, 412})


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease on a blob.

    Attributes:
        container: Of the host.
        blob: Its name.
        clock: The time of looks and renewals; how long a lease lasts is up to the storage.
    """

    container: ContainerClient
    blob: str
    clock: Clock = field(default_factory=Clock)

    async def run_while_held(self, work: Callable[[], Coroutine[Any, Any, Never]]) -> None:
        """Do work from when the lease is held until another host has taken it.

        The lease is free again as soon as this is cancelled.
        """
        async with self._held() as lost:
            working = asyncio.create_task(work())
            try:
                await asyncio.wait({working, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                working.cancel()
                await asyncio.wait({working})

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[asyncio.Task[None]]:
        """Hold the lease until the block ends; give what ends when another host has taken it."""
        while (lease := await self._acquire()) is None:
            await self.clock.sleep(LOOK_SECONDS)
        lost = asyncio.create_task(self._renew(lease))
        try:
            yield lost
        finally:
            lost.cancel()
            with suppress(AzureError):
                await lease.release()

    async def _acquire(self) -> BlobLeaseClient | None:
        """Take the lease; None where another host has it, or the storage is away."""
        try:
            with suppress(ResourceExistsError):
                await self.container.create_container()
            with suppress(HttpResponseError):  # it is there, perhaps with the lease of another
                await self.container.upload_blob(self.blob, b"")
            return await self.container.get_blob_client(self.blob).acquire_lease(LEASE_SECONDS)
        except AzureError:
            return None

    async def _renew(self, lease: BlobLeaseClient) -> None:
        """Renew a lease until another host has taken it; a storage that is away takes nothing."""
        while True:
            await self.clock.sleep(RENEWAL_SECONDS)
            try:
                await lease.renew()
            except HttpResponseError as error:
                if error.status_code in _LOST:
                    return
            except AzureError:
                pass
