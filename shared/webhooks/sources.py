"""What the dispatcher works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from shared.events.feed import Feed
from shared.store.webhook_checkpoints import WebhookCheckpoints
from shared.store.webhook_deliveries import WebhookDeliveries
from shared.store.webhook_endpoints import WebhookEndpoints
from shared.webhooks.hints import ChangeHints
from shared.webhooks.sender import WebhookSender


@dataclass(frozen=True, slots=True)
class Sources:
    """What the dispatcher reads and writes, and by what it sends.

    Attributes:
        endpoints: to which events are sent.
        secrets: returns those that sign for an endpoint.
        feed: where the events are.
        checkpoints: how far each endpoint has come.
        deliveries: what became of each event.
        sender: sends one webhook.
        hints: how it is called again.
        paths: of the endpoints of SCIM, by the name of the resource type.
        kept_days: how long events are kept.
    """

    endpoints: WebhookEndpoints
    secrets: Callable[[str], Awaitable[tuple[str, ...]]]
    feed: Feed
    checkpoints: WebhookCheckpoints
    deliveries: WebhookDeliveries
    sender: WebhookSender
    hints: ChangeHints
    paths: Mapping[str, str]
    kept_days: int
