"""`webhooks/{id}/deliveries`: what a person has to know of an endpoint that was away for long."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from shared.events.feed import FeedPosition
from shared.store.webhook_checkpoints import Checkpoint, WebhookCheckpoints
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.webhooks.positions import write_position
from tests.support.fixtures.api_client import KEYS
from tests.support.role_map import storage_of

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService


async def test_before_when_events_are_lost_is_shown_with_the_deliveries(
    running_service: RunningService, scim: Scim
) -> None:
    tenant = scim.tenant_url.split("/")[4]
    place = f"{running_service.base_url}/api/v1/webhooks"
    headers = {"Authorization": f"Bearer {KEYS['events']}"}
    body = {"url": "https://hooks.example.com", "tenants": [tenant]}
    made = await scim.http.post(place, json=body, headers=headers)
    assert made.status_code == 201, made.text
    endpoint = made.json()["id"]

    async def deliveries() -> object:
        answer = await scim.http.get(f"{place}/{endpoint}/deliveries", headers=headers)
        return answer.json()

    assert await deliveries() == {"deliveries": []}
    table = open_table(storage_of(running_service))
    context = RequestContext(tenant, secrets.token_hex(8), "test", time.monotonic() + 25)
    checkpoint = Checkpoint(write_position(FeedPosition()), lost_before=1_764_425_647_000)
    await WebhookCheckpoints(table).write(context, endpoint, checkpoint)
    await table.close()
    assert await deliveries() == {"deliveries": [], "lostBefore": "2025-11-29T14:14:07.000Z"}
    await scim.http.delete(f"{place}/{endpoint}", headers=headers)
