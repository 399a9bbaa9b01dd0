"""Webhooks where they are on: hints, the dispatcher and its queues, as the settings say."""

import logging
from collections.abc import Mapping

from shared.auth.webhook_secrets import WebhookSecrets
from shared.clock import Clock
from shared.events.feed import Feed
from shared.identity import open_credential
from shared.queues.account import QueueAccount
from shared.queues.client import QueueClient
from shared.queues.names import CHANGE_HINTS, CHANGE_HINTS_POISON
from shared.settings import Settings
from shared.store.store import Store
from shared.tables.client import StorageError
from shared.tables.request_context import RequestContext
from shared.webhooks.dispatcher import Dispatcher
from shared.webhooks.hints import ChangeHints
from shared.webhooks.sender import WebhookSender
from shared.webhooks.sources import Sources

_log = logging.getLogger("scim.webhooks")


class WebhooksOn:
    """Gives hints, and sends what they tell of."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        hints: ChangeHints,
        sender: WebhookSender,
        poison: QueueClient,
    ) -> None:
        self._dispatcher = dispatcher
        self._hints = hints
        self._sender = sender
        self._poison = poison

    async def give_hint(self, tenant: str) -> None:
        """Give a hint that a tenant has changed; see `ChangeHints.give`."""
        await self._hints.give(tenant)

    async def dispatch(self, context: RequestContext, *, expires: bool = False) -> bool:
        """Send what is due of the context's tenant; see `Dispatcher.dispatch`."""
        return await self._dispatcher.dispatch(context, expires=expires)

    async def clear_poison(self) -> None:
        """Empty the queue in which the host puts hints aside that it could not run. 1 call.

        What they would have told the timer finds. Nothing is raised.
        """
        try:
            number = await self._poison.count()
            if number:
                await self._poison.clear()
        except StorageError as error:
            _log.warning("the hints that were put aside could not be looked at: %s", error)
            return
        if number:
            _log.warning(
                "%d hints of changes could not be run and were put aside by the host; their queue"
                " is emptied, and what they told of is sent now",
                number,
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._hints.close()
        await self._poison.close()
        await self._sender.close()


def open_webhooks(
    settings: Settings, store: Store, secrets: WebhookSecrets, paths: Mapping[str, str]
) -> WebhooksOn:
    """Put webhooks together as the settings say; nothing is sent yet.

    Args:
        settings: where the queue lies, and how long events are kept.
        store: where events, endpoints and deliveries lie.
        secrets: those that sign.
        paths: of the endpoints of SCIM, by the name of the resource type.
    """
    clock = Clock()
    hints = ChangeHints(_open_queue(settings, CHANGE_HINTS), store.webhook_endpoints, clock)
    sender = WebhookSender(to_loopback=settings.webhooks_to_loopback == "on")
    sources = Sources(
        endpoints=store.webhook_endpoints,
        secrets=secrets.of,
        feed=Feed(store.table, clock, store.guard),
        checkpoints=store.webhook_checkpoints,
        deliveries=store.webhook_deliveries,
        sender=sender,
        hints=hints,
        paths=paths,
        kept_days=settings.history_days,
    )
    poison = _open_queue(settings, CHANGE_HINTS_POISON)
    return WebhooksOn(Dispatcher(sources, clock), hints, sender, poison)


def _open_queue(settings: Settings, name: str) -> QueueClient:
    if settings.queue_endpoint is not None:
        account = QueueAccount(settings.queue_endpoint, open_credential(settings))
    else:
        held = settings.queue_connection_string
        text = "" if held is None else held.get_secret_value()
        account = QueueAccount.of_connection_string(text)
    return QueueClient(account, name)
