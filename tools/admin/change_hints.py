"""Hints of what a command has changed, so that webhooks tell of it at once.

A hint is put as the service puts it, into the queue beside the table. Whoever may write the table
need not have a role on the queue: what no hint tells of, a timer of the service finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.queues.account import QueueAccount
from shared.queues.names import CHANGE_HINTS
from shared.tables.client import StorageError
from tools.admin.errors import AdminError
from tools.admin.sign_in import SignIn

if TYPE_CHECKING:
    from shared.queues.client import QueueClient
    from tools.admin.places import Place
    from tools.admin.storage import Storage

_TABLE_HOST, _QUEUE_HOST = ".table.", ".queue."
_QUEUE_ENDPOINT = "QueueEndpoint="


class _NotedQueue:
    """The queue of hints, which notes whether one was put."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue
        self.has_put = False

    async def put(self, text: str, delay: int = 0) -> None:
        try:
            await self._queue.put(text, delay)
        except (StorageError, AdminError):
            return  # the command says that webhooks come later
        self.has_put = True

    async def close(self) -> None:
        await self._queue.close()


async def give_hint(place: Place, storage: Storage, tenant: str) -> bool:
    """Give a hint that a tenant has changed; tell whether it is in the queue. 2 calls at most.

    It is not where no enabled webhook endpoint is of the tenant, where the place does not say which
    queue the service has, and where the operator may not put messages there.
    """
    account = _account(place)
    if account is None:
        return False
    # Imported here: most commands give no hint.
    from shared.queues.client import QueueClient  # noqa: PLC0415 - see above
    from shared.webhooks.hints import ChangeHints  # noqa: PLC0415 - see above

    queue = _NotedQueue(QueueClient(account, CHANGE_HINTS))
    hints = ChangeHints(queue, storage.store.webhook_endpoints, Clock())
    await hints.give(tenant)
    await hints.close()
    return queue.has_put


def _account(place: Place) -> QueueAccount | None:
    """Find the account whose queue the service has; None where the place does not say."""
    settings = place.settings
    if settings.table_endpoint is not None:
        if _TABLE_HOST not in settings.table_endpoint:
            return None
        endpoint = settings.table_endpoint.replace(_TABLE_HOST, _QUEUE_HOST, 1)
        return QueueAccount(endpoint.rstrip("/"), SignIn(settings))
    secrets = (settings.table_connection_string, settings.queue_connection_string)
    texts = [each.get_secret_value() for each in secrets if each is not None]
    named = next((text for text in texts if _QUEUE_ENDPOINT in text), None)
    return None if named is None else QueueAccount.of_connection_string(named)
