"""Hints of what waits for a webhook endpoint, when the endpoint itself was changed."""

import asyncio
from typing import Final

from shared.store.webhook_endpoints import WebhookEndpoint
from shared.web.services import Services

MOST_HINTED: Final = 20
"""Tenants of which hints are given; what waits of others is found by the timer."""


async def hint_at_waiting(services: Services, endpoint: WebhookEndpoint) -> None:
    """Have an endpoint sent what waits for it, as when it was paused or had another address.

    A message of the queue for each of its tenants, 20 at most; none unless it is enabled.
    """
    if endpoint.state != "enabled":
        return
    named = endpoint.tenants
    tenants = await services.authenticator.tenants() if named is None else named
    await asyncio.gather(*map(services.webhooks.give_hint, tenants[:MOST_HINTED]))
