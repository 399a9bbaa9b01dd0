"""From a commit to the receiver, by a real queue: the pieces as a process puts them together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from background import webhooks as runs
from shared.queues.account import QueueAccount
from shared.queues.client import QueueClient
from shared.queues.names import CHANGE_HINTS, CHANGE_HINTS_POISON
from shared.settings import Settings
from shared.web import services
from shared.webhooks.webhooks_on import WebhooksOn, open_webhooks
from tests.unit.webhooks.conftest import PATHS, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from tests.support.fixtures.webhook_receiver import Receiver
    from tests.unit.webhooks.conftest import Courier


class Secrets:
    async def of(self, endpoint_id: str) -> tuple[str, ...]:
        del endpoint_id
        return (SECRET,)


@pytest.fixture
async def webhooks(courier: Courier, storage: Azurite) -> AsyncIterator[WebhooksOn]:
    environ = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "SCIM_WEBHOOKS": "on",
        "SCIM_WEBHOOKS_TO_LOOPBACK": "on",
        "AzureWebJobsStorage": storage.connection_string,
    }
    settings = Settings.from_environment(environ)
    opened = open_webhooks(settings, courier.store, Secrets(), PATHS)  # type: ignore[arg-type]
    yield opened
    await opened.close()


@pytest.fixture
async def queues(storage: Azurite) -> AsyncIterator[tuple[QueueClient, QueueClient]]:
    account = QueueAccount.of_connection_string(storage.connection_string)
    hints, poison = QueueClient(account, CHANGE_HINTS), QueueClient(account, CHANGE_HINTS_POISON)
    await poison.create()
    await hints.create()
    await hints.clear()
    yield hints, poison
    await hints.close()
    await poison.close()


@pytest.fixture
def process(webhooks: WebhooksOn, courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tenants() -> tuple[str, ...]:
        return ("another", courier.tenant)

    opened = SimpleNamespace(webhooks=webhooks, authenticator=SimpleNamespace(tenants=tenants))
    monkeypatch.setattr(services, "current", lambda: opened)


@pytest.mark.usefixtures("process")
async def test_a_commit_is_hinted_at_and_the_hint_sends_its_event(
    courier: Courier,
    receiver: Receiver,
    webhooks: WebhooksOn,
    queues: tuple[QueueClient, QueueClient],
) -> None:
    await courier.endpoint(receiver.url)
    courier.time.wall -= 4  # the process goes by the clock of the machine
    uid = await courier.create_user()
    await webhooks.give_hint(courier.tenant)
    [message] = await queues[0].take()
    assert message.text == courier.tenant
    await runs.send_hinted("run-1", message.text)
    assert [event["resource"]["id"] for event in receiver.events] == [uid]


@pytest.mark.usefixtures("process")
async def test_the_timer_finds_what_no_hint_has_told_of(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url)
    courier.time.wall -= 4
    uid = await courier.create_user()
    await runs.send_everywhere("run-1")
    assert [event["resource"]["id"] for event in receiver.events] == [uid]


@pytest.mark.usefixtures("process")
async def test_the_timer_empties_the_queue_of_hints_that_were_put_aside(
    courier: Courier, queues: tuple[QueueClient, QueueClient], caplog: pytest.LogCaptureFixture
) -> None:
    await queues[1].put("acme")
    await runs.send_everywhere("run-1")
    assert await queues[1].count() == 0
    assert "1 hints of changes could not be run and were put aside by the host" in caplog.text
    caplog.clear()
    await runs.send_everywhere("run-2")
    assert "put aside" not in caplog.text


@pytest.mark.parametrize("text", ["", "two--dashes", "\x00", "x" * 100])
async def test_a_hint_that_names_no_tenant_ends_well(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await runs.send_hinted("run-1", text)
    assert "a hint of changes named no tenant" in caplog.text


async def test_a_hint_ends_well_whatever_it_meets(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    value = "of whatever kind"

    def broken() -> None:
        raise ValueError(value)

    monkeypatch.setattr(services, "current", broken)
    await runs.send_hinted("run-1", "acme")
    assert "webhooks were not sent: ValueError" in caplog.text
    assert value not in caplog.text
