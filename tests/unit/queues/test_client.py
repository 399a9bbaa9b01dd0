"""The client of a queue, on Azurite."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from shared.queues.account import QueueAccount
from shared.queues.client import QueueClient
from shared.tables.client import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite


@pytest.fixture
async def queue(storage: Azurite) -> AsyncIterator[QueueClient]:
    account = QueueAccount.of_connection_string(storage.connection_string)
    opened = QueueClient(account, f"hints-{secrets.token_hex(6)}")
    yield opened
    await opened.close()


async def test_a_queue_that_is_missing_is_empty_and_is_made_by_the_first_message(
    queue: QueueClient,
) -> None:
    assert await queue.count() == 0
    await queue.put("acme")
    assert await queue.count() == 1


async def test_a_message_is_taken_and_deleted(queue: QueueClient) -> None:
    await queue.put("acme")
    [message] = await queue.take()
    assert (message.text, message.dequeued) == ("acme", 1)
    assert await queue.take() == [], "nobody else sees it meanwhile"
    await queue.delete(message)
    assert await queue.count() == 0


async def test_a_message_can_be_put_for_later(queue: QueueClient) -> None:
    await queue.put("acme", 300)
    assert await queue.count() == 1
    assert await queue.take() == []


async def test_a_queue_is_emptied(queue: QueueClient) -> None:
    for _ in range(3):
        await queue.put("acme")
    await queue.clear()
    assert await queue.count() == 0


async def test_a_key_that_is_wrong_is_told(storage: Azurite) -> None:
    right = QueueAccount.of_connection_string(storage.connection_string)
    account = QueueAccount(right.endpoint, ("devstoreaccount1", "d3Jvbmc="))
    opened = QueueClient(account, "hints")
    with pytest.raises(StorageError) as refusal:
        await opened.put("acme")
    await opened.close()
    assert refusal.value.status == 403
