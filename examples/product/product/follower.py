"""The background task: follows the feed into the database, beside the requests of browsers."""

import asyncio
from collections.abc import Awaitable, Collection

from product.database import Database
from product.settings import Settings
from scim_on_functions import AsyncClient, AsyncFeed, Event, Ids, Records


async def follow(settings: Settings, database: Database) -> None:
    """Copy the directory at the first start, then follow what changes, until cancelled.

    Raises:
        scim_on_functions.ServiceError: the service refuses the API key, the scope or the tenant.
    """
    async with AsyncClient(settings.service_url, settings.api_key) as client:
        feed = AsyncFeed(
            client.tenant(settings.tenant),
            _Checkpoint(database),
            replica=_Copy(database),
            interval=settings.interval,
            wait=settings.wait,
        )

        async def end_sessions(events: Collection[Event]) -> None:
            await asyncio.to_thread(database.end_sessions, events)

        await feed.follow(end_sessions)


class _Checkpoint:
    """The checkpoint in the database, off the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Awaitable[str | None]:
        return asyncio.to_thread(self._database.load_cursor)

    def save(self, cursor: str) -> Awaitable[None]:
        return asyncio.to_thread(self._database.save_cursor, cursor)


class _Copy:
    """The copy in the database, off the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, users: Collection[str], groups: Collection[str]) -> Awaitable[Records]:
        return asyncio.to_thread(self._database.load, users, groups)

    def ids(self) -> Awaitable[Ids]:
        return asyncio.to_thread(self._database.ids)

    def save(self, records: Records) -> Awaitable[None]:
        return asyncio.to_thread(self._database.save, records)
