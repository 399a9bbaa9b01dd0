"""`tools.admin webhook`: endpoints by the operator, on the vault and on the table."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.events.feed import FeedPosition
from shared.store.layout import new_id_without_name
from shared.store.webhook_checkpoints import Checkpoint
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.webhooks.positions import write_position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.ops.tools.conftest import Admin
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault

URL = "https://hooks.example.com/scim"
EVENT = "0" * 32


@pytest.fixture
async def endpoint(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> AsyncIterator[WebhookEndpoint]:
    """An endpoint of the test's tenant, on the table that the operator sees."""
    wanted = WebhookEndpoint(new_id_without_name(), URL, (tenant,), ("user.deleted",))
    kept = await store.webhook_endpoints.create(context, wanted)
    yield kept
    await store.webhook_endpoints.delete(context, kept.id)


async def test_endpoints_are_listed_and_shown(
    table_admin: Admin, endpoint: WebhookEndpoint, tenant: str
) -> None:
    shown = await table_admin("webhook", "show", endpoint.id, "--json")
    assert shown.status == 0, shown.err
    assert (shown.json["url"], shown.json["tenants"]) == (URL, [tenant])
    listed = await table_admin("webhook", "list", "--json")
    assert shown.json in listed.json
    table = await table_admin("webhook", "list")
    assert endpoint.id in table.out
    words = await table_admin("webhook", "show", endpoint.id)
    assert "types        user.deleted" in words.out


async def test_one_is_changed_paused_and_resumed(
    table_admin: Admin, endpoint: WebhookEndpoint, store: Store, context: RequestContext
) -> None:
    changed = await table_admin(
        *("webhook", "set", endpoint.id, "--url", f"{URL}/2", "--all-types"),
        *("--all-tenants", "--description", "CRM", "--json"),
    )
    assert changed.status == 0, changed.err
    kept = await store.webhook_endpoints.get(context, endpoint.id)
    assert kept == replace(
        endpoint,
        url=f"{URL}/2",
        tenants=None,
        types=(),
        description="CRM",
        version=2,
        modified=kept.modified,
        joined=kept.joined,
    )
    assert list(kept.joined) == [*(endpoint.tenants or ()), "*"]
    await store.webhook_endpoints.disable(context, endpoint.id, "It answered 410.")
    for command, state in (("pause", "paused"), ("resume", "enabled")):
        ended = await table_admin("webhook", command, endpoint.id, "--json")
        assert (ended.json["state"], ended.json["reason"]) == (state, None)


NOT_UNDERSTOOD = {
    ("set", "--url", "http://hooks.example.com"): "https://",
    ("set", "--url", "https://10.0.0.1/"): "no host of the internet",
    ("set", "--type", "user.gone"): "no events of this type",
    ("set", "--type", "user.deleted", "--all-types"): "not both",
    ("set",): "name what is to change",
    ("redeliver",): "say which",
    ("redeliver", "--dead", "--event", EVENT): "say which",
    ("redeliver", "--until", "1h"): "say which",
    ("redeliver", "--since", "soon"): "put a length",
    ("redeliver", "--since", "1h", "--until", "2h"): "is not after --since",
    ("redeliver", "--event", ""): "put an id",
}


async def test_what_is_not_understood_changes_nothing(
    table_admin: Admin, endpoint: WebhookEndpoint, store: Store, context: RequestContext
) -> None:
    for command, said in NOT_UNDERSTOOD.items():
        name, *options = command
        ended = await table_admin("webhook", name, endpoint.id, *options)
        assert (ended.status, ended.out) == (2, ""), command
        assert said in " ".join(ended.err.replace("│", " ").split()), command
    assert await store.webhook_endpoints.get(context, endpoint.id) == endpoint


async def test_deliveries_are_listed_and_made_again(
    table_admin: Admin, endpoint: WebhookEndpoint, tenant: str
) -> None:
    listed = await table_admin("webhook", "deliveries", endpoint.id, "--json")
    assert (listed.status, listed.json) == (0, [])
    for which in (("--dead",), ("--event", EVENT), ("--since", "2h", "--until", "1h")):
        again = await table_admin("webhook", "redeliver", endpoint.id, *which, "--json")
        assert (again.status, again.json) == (0, {"redelivered": 0, "more": False}), again.err
    named = await table_admin("webhook", "deliveries", endpoint.id, "--tenant", tenant)
    assert named.status == 0
    await table_admin("webhook", "set", endpoint.id, "--all-tenants")
    unnamed = await table_admin("webhook", "deliveries", endpoint.id)
    assert (unnamed.status, "--tenant" in unnamed.err) == (2, True)


async def test_that_events_are_lost_is_said_beside_the_deliveries(
    table_admin: Admin, endpoint: WebhookEndpoint, store: Store, context: RequestContext
) -> None:
    lost = Checkpoint(write_position(FeedPosition()), lost_before=1_764_425_647_000)
    await store.webhook_checkpoints.write(context, endpoint.id, lost)
    listed = await table_admin("webhook", "deliveries", endpoint.id, "--json")
    assert (listed.status, listed.json) == (0, [])
    assert "before 2025-11-29" in listed.err
    assert "copy all users and groups anew" in listed.err


async def test_what_is_not_there_is_said(table_admin: Admin, endpoint: WebhookEndpoint) -> None:
    for command in (("show",), ("pause",), ("deliveries",), ("redeliver", "--dead")):
        name, *options = command
        ended = await table_admin("webhook", name, "0" * 32, *options)
        assert (ended.status, ended.out) == (1, "")
        assert "There is no such webhook endpoint" in ended.err


async def test_a_secret_is_rotated_in_the_vault_and_printed_alone(
    admin: Admin, vault: FakeKeyVault, clock: Time
) -> None:
    del clock
    name = f"scim-webhook--{EVENT}"
    first = f"whsec_{'A' * 44}"
    vault.put(name, first)
    ended = await admin("webhook", "rotate", EVENT, "--overlap-hours", "1")
    assert ended.status == 0, ended.err
    (line,) = ended.out.splitlines()
    assert line.startswith("whsec_")
    assert line not in ended.err
    old, new = vault.secrets[name]
    assert (new.value, old.value) == (line, first)
    assert old.expires is not None
    assert 3_500 < old.expires - time.time() <= 3_600
    absent = await admin("webhook", "rotate", "1" * 32)
    assert (absent.status, absent.out) == (1, "")
