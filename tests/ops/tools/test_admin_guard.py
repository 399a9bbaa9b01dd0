"""`tools.admin guard`: what is held, by the operator, on the table itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from shared.queues.account import QueueAccount
from shared.queues.client import QueueClient
from shared.queues.names import CHANGE_HINTS
from shared.scim.documents import changed_names
from shared.store.layout import new_id_without_name
from shared.store.store import Store, open_store
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.tenant_settings import patched
from tests.ops.tools.conftest import admin_with
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from shared.store.guard_state import Hold
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext
    from tests.ops.tools.conftest import Admin


@pytest.fixture
def store(table: AzureTable) -> Store:
    """The store by the time of the machine, as change rows and the command have it."""
    return open_store(table, changed_names)


@pytest.fixture
async def guard_admin(
    operator: None, storage: Azurite, store: Store, new_context: NewContext, tenant: str
) -> Admin:
    """The operator of a tenant of which the removal of 5 of 20 users is held."""
    await store.settings.update(
        new_context(),
        lambda kept: patched(kept, {"guard": {"users": 2, "percent": 5, "hold": True}}),
    )
    made = await seed(store.table, new_context(), users=20, groups=0)
    for uid in made.users[:7]:
        await store.users.update(new_context(), uid, lambda kept: {**kept, "active": False})
    return admin_with({"TABLE_CONNECTION_STRING": storage.connection_string})


async def test_what_is_held_is_shown_and_released(
    guard_admin: Admin, store: Store, new_context: NewContext, tenant: str
) -> None:
    await store.guard.check(new_context())
    shown = await guard_admin("guard", "show", "--tenant", tenant, "--json")
    assert shown.status == 0, shown.err
    assert (shown.json["mode"], shown.json["removedInTheLastHour"]) == ("hold", 7)
    (hold,) = shown.json["holds"]
    assert (hold["state"], hold["users"], hold["activeUsers"]) == ("held", 5, 20)
    assert hold["removed"] == 7
    for _ in range(2):
        done = await guard_admin("guard", "release", hold["id"], "--tenant", tenant)
        assert done.status == 0, done.err
        assert (
            "5 changes that were held are in the feed now; webhooks of them follow within 5 minutes"
        ) in done.err
    turned = await guard_admin("guard", "undo", hold["id"], "--tenant", tenant)
    assert turned.status == 1
    assert "was released already" in turned.err


async def test_an_undo_says_how_many_are_enabled_again(
    guard_admin: Admin, store: Store, new_context: NewContext, tenant: str
) -> None:
    hold = await held(store, new_context)
    await store.users.delete(new_context(), min(hold.users))
    done = await guard_admin("guard", "undo", hold.id, "--tenant", tenant)
    assert done.status == 0, done.err
    assert "4 of 5 users are enabled again" in done.err
    assert "0 that were changed since, 1 deleted" in done.err
    # Of who was deleted the feed tells the disable and the deletion.
    told = "user.activated of 4 users and 2 changes that were held are in the feed now"
    assert told in done.err


async def test_who_was_enabled_again_is_said_to_be_counted(
    guard_admin: Admin, store: Store, new_context: NewContext, tenant: str
) -> None:
    hold = await held(store, new_context)
    done = await guard_admin("guard", "undo", hold.id, "--tenant", tenant)
    assert done.status == 0, done.err
    shown = await guard_admin("guard", "show", "--tenant", tenant)
    assert shown.status == 0, shown.err
    assert re.search(r"removedInTheLastHour\W+7\b", shown.out)
    assert "enabled again or put back since are counted too" in shown.err


async def test_what_is_not_there_is_said(guard_admin: Admin, tenant: str) -> None:
    ended = await guard_admin("guard", "undo", "0" * 32, "--tenant", tenant)
    assert (ended.status, ended.out) == (1, "")
    said = f"Nothing is held under this id. `guard show --tenant {tenant}` shows the ids."
    assert said in ended.err


async def held(store: Store, new_context: NewContext) -> Hold:
    """Have the guard look, and return what it holds then."""
    await store.guard.check(new_context())
    hold = await store.guard.read_hold(new_context())
    assert hold is not None
    return hold


@pytest.fixture
async def webhook_endpoint(
    store: Store, new_context: NewContext, tenant: str
) -> AsyncIterator[WebhookEndpoint]:
    """An endpoint that wants the events of the tenant alone."""
    wanted = WebhookEndpoint(new_id_without_name(), "https://example.com/", (tenant,))
    made = await store.webhook_endpoints.create(new_context(), wanted)
    yield made
    await store.webhook_endpoints.delete(new_context(), made.id)


@pytest.mark.usefixtures("webhook_endpoint")
async def test_a_decision_tells_the_service_to_send_webhooks_at_once(
    guard_admin: Admin,
    storage: Azurite,
    store: Store,
    new_context: NewContext,
    tenant: str,
) -> None:
    hold = await held(store, new_context)
    done = await guard_admin("guard", "release", hold.id, "--tenant", tenant)
    assert done.status == 0, done.err
    assert "5 changes that were held are in the feed now; webhooks of them follow at once" in (
        done.err
    )
    account = QueueAccount.of_connection_string(storage.connection_string)
    queue = QueueClient(account, CHANGE_HINTS)
    hints = [each.text for each in await queue.take()]
    await queue.close()
    assert tenant in hints


@pytest.mark.usefixtures("webhook_endpoint")
async def test_where_no_queue_is_reached_webhooks_come_later(
    guard_admin: Admin,
    storage: Azurite,
    store: Store,
    new_context: NewContext,
    tenant: str,
) -> None:
    hold = await held(store, new_context)
    parts = storage.connection_string.split(";")
    elsewhere = [each for each in parts if not each.startswith("QueueEndpoint=")]
    unreachable = "QueueEndpoint=http://127.0.0.1:9/devstoreaccount1"
    admin = admin_with({"TABLE_CONNECTION_STRING": ";".join([*elsewhere, unreachable])})
    done = await admin("guard", "release", hold.id, "--tenant", tenant)
    assert done.status == 0, done.err
    assert "webhooks of them follow within 5 minutes" in done.err
    assert "Traceback" not in done.err


async def test_the_settings_say_what_is_held_still(
    guard_admin: Admin, store: Store, new_context: NewContext, tenant: str
) -> None:
    hold = await held(store, new_context)
    changed = await guard_admin("tenant", "set", tenant, "--unset", "guard")
    assert changed.status == 0, changed.err
    assert "the guard holds 5 users" in changed.err
    assert f"`guard release {hold.id} --tenant {tenant}`" in changed.err
    shown = await guard_admin("tenant", "show", tenant, "--json")
    assert shown.json["held"]["id"] == hold.id
    done = await guard_admin("guard", "release", hold.id, "--tenant", tenant)
    assert done.status == 0, done.err
    shown = await guard_admin("tenant", "show", tenant, "--json")
    assert "held" not in shown.json
