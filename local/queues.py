"""Queue functions, run on the messages of their queues as the host runs them.

A queue is polled. While nothing comes, the pause doubles from a tenth of a second to
`maxPollingInterval`; what is enqueued does not end it. Messages come in batches of `batchSize`, and
the next batch is asked for as soon as no more than `newBatchThreshold` of them are under way. A
message is invisible to others for ten minutes, which are renewed while its function runs.

A message whose function has succeeded is deleted. One whose function has failed is visible again
after `visibilityTimeout`, and after `maxDequeueCount` tries it goes into the queue
`<name>-poison`, which is made when it is needed. So does, untried, one that is not encoded as
`messageEncoding` says.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Never

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.functions import QueueMessage
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter

from local import app_settings, host_storage
from local.clock import Clock
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from azure.storage.queue import QueueMessage as StoredMessage
    from azure.storage.queue.aio import QueueClient

    from local.functions import QueueFunction
    from local.host_json import QueueSettings

Invoke = Callable[["QueueFunction", QueueMessage], Awaitable[object]]

SHORTEST_PAUSE = 0.1
INVISIBLE_SECONDS = 600
RENEWAL_SECONDS = 300.0

_POISON = "-poison"
_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])+")
_STOPPING_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Queues:
    """The queue of a function, and the one for what it fails on; that of poison has none itself."""

    messages: QueueClient
    poison: QueueClient | None


@dataclass(slots=True)
class PollingPause:
    """How long nobody asks a queue that had nothing.

    Attributes:
        longest: In seconds.
        draw: Makes a pause up to a fifth longer or shorter, so that hosts do not keep step.
    """

    longest: float
    draw: Callable[[], float] = lambda: random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    _doublings: int = 0
    _is_longest: bool = False

    def next(self, *, has_found: bool) -> float:
        """Return the next pause; it begins anew where something was found since the last one."""
        if has_found:
            self._doublings, self._is_longest = 0, False
            return min(SHORTEST_PAUSE, self.longest)
        if not self._is_longest:
            pause = SHORTEST_PAUSE * (1 + self.draw() * 2.0**self._doublings)
            self._doublings += 1
            if pause < self.longest:
                return pause
            self._is_longest = True
        return self.longest


@asynccontextmanager
async def opened(queue: QueueFunction, environ: Mapping[str, str]) -> AsyncIterator[Queues]:
    """Open the queues of a function, in whose names `%NAME%` stands for a setting.

    Raises:
        LocalError: A setting or the connection is missing, or it is no name for a queue.
    """
    name = app_settings.resolve(queue.queue_name, environ, "queue").lower()
    if not _NAME.fullmatch(name) or not 3 <= len(name) <= 63:
        raise LocalError(f'"{name}" is no name for a queue')
    async with AsyncExitStack() as stack:

        async def client(name: str) -> QueueClient:
            found = host_storage.queue(environ, queue.connection, name)
            return await stack.enter_async_context(found)

        messages = await client(name)
        yield Queues(messages, None if name.endswith(_POISON) else await client(name + _POISON))


@dataclass(slots=True)
class Listener:
    """Runs a function on the messages of its queue.

    Attributes:
        queue: The function.
        queues: Its queue.
        settings: From host.json.
        invoke: Calls the function.
        clock: The time of pauses and renewals.
        shuffle: Brings a batch into an order that nobody can rely on.
    """

    queue: QueueFunction
    queues: Queues
    settings: QueueSettings
    invoke: Invoke
    clock: Clock = field(default_factory=Clock)
    shuffle: Callable[[list[StoredMessage]], None] = random.shuffle
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _is_failing: bool = False

    async def run(self) -> Never:
        """Poll until cancelled; what is under way then has a little time to end."""
        pause = PollingPause(self.settings.max_polling_interval)
        has_found = False
        try:
            while True:
                batch = await self._receive()
                if batch:
                    has_found = True
                    self._begin(batch)
                    await self._wait_for_room()
                else:
                    await self.clock.sleep(pause.next(has_found=has_found))
                    has_found = False
        finally:
            await self._end()

    async def _receive(self) -> list[StoredMessage]:
        """Receive a batch: none of a queue that is not there, or of a storage that is away."""
        try:
            pages = self.queues.messages.receive_messages(
                messages_per_page=self.settings.batch_size, visibility_timeout=INVISIBLE_SECONDS
            ).by_page()
            page = await anext(pages, None)
            batch = [] if page is None else [message async for message in page]
        except ResourceNotFoundError:
            batch = []
        except AzureError as error:
            self._tell_once(error)
            return []
        self._is_failing = False
        return batch

    def _tell_once(self, error: AzureError) -> None:
        """Log why the queue cannot be read, until it could be read again."""
        if not self._is_failing:
            status = error.status_code if isinstance(error, HttpResponseError) else None
            said = f"{type(error).__name__} {status or ''}".strip()
            _logger.error("%s: its queue cannot be read: %s", self._name, said)
        self._is_failing = True

    def _begin(self, batch: list[StoredMessage]) -> None:
        self.shuffle(batch)
        for message in batch:
            task = asyncio.create_task(self._process(message))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _wait_for_room(self) -> None:
        while len(self._under_way) > self.settings.new_batch_threshold:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _end(self) -> None:
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_STOPPING_SECONDS)
            for task in late:
                task.cancel()

    async def _process(self, message: StoredMessage) -> None:
        """Run the function on a message, and do with the message what comes of it."""
        try:
            await self._run_on(message)
        except AzureError as error:
            # It is visible again when its time is over.
            _logger.error("%s: a message cannot be changed: %s", self._name, type(error).__name__)  # noqa: TRY400 - the storage is away, and its trace says nothing

    async def _run_on(self, message: StoredMessage) -> None:
        dequeued, most = message.dequeue_count or 0, self.settings.max_dequeue_count
        body = self._body(message)
        if body is None:
            _logger.error("%s: a message is not %s", self._name, self.settings.message_encoding)
            await self._move_to_poison(message)
        elif dequeued > most:
            await self._move_to_poison(message)
        elif await self._has_succeeded(message, body):
            await self.queues.messages.delete_message(message)
        elif dequeued == most:
            await self._move_to_poison(message)
        else:
            timeout = int(self.settings.visibility_timeout)
            await self.queues.messages.update_message(message, visibility_timeout=timeout)

    def _body(self, message: StoredMessage) -> str | None:
        """Decode a message; None where it is not encoded as it must be."""
        text = str(message.content or "")
        if self.settings.message_encoding == "none":
            return text
        try:
            return base64.b64decode(text, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None

    async def _has_succeeded(self, message: StoredMessage, body: str) -> bool:
        renewing = asyncio.create_task(self._renew(message))
        try:
            return await self._try(message, body)
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew(self, message: StoredMessage) -> None:
        """Keep a message invisible to others."""
        while True:
            await self.clock.sleep(RENEWAL_SECONDS)
            with suppress(AzureError):  # perhaps the next time; else another host may take it
                renewed = await self.queues.messages.update_message(
                    message, visibility_timeout=INVISIBLE_SECONDS
                )
                message.pop_receipt = renewed.pop_receipt

    async def _try(self, message: StoredMessage, body: str) -> bool:
        began = time.perf_counter()
        try:
            await self.invoke(self.queue, converted(message, body))
        except Exception:
            _logger.exception("%s failed", self._name)
            return False
        _logger.info("%s succeeded in %d ms", self._name, (time.perf_counter() - began) * 1_000)
        return True

    async def _move_to_poison(self, message: StoredMessage) -> None:
        poison = self.queues.poison
        if poison is None:
            return
        text = str(message.content or "")
        try:
            await poison.send_message(text)
        except ResourceNotFoundError:
            await poison.create_queue()
            await poison.send_message(text)
        _logger.warning("%s: a message was moved to %s", self._name, poison.queue_name)
        await self.queues.messages.delete_message(message)

    @property
    def _name(self) -> str:
        return self.queue.function.name


def converted(message: StoredMessage, body: str) -> QueueMessage:
    """Return a message as the worker gives it to a function."""
    metadata = {
        "Id": Datum(message.id, "string"),
        "PopReceipt": Datum(message.pop_receipt, "string"),
        "DequeueCount": Datum(json.dumps(message.dequeue_count), "json"),
        "ExpirationTime": _time(message.expires_on),
        "InsertionTime": _time(message.inserted_on),
        "NextVisibleTime": _time(message.next_visible_on),
    }
    decoded: QueueMessage = QueueMessageInConverter.decode(
        Datum(body, "string"), trigger_metadata=metadata
    )
    return decoded


def _time(time: datetime | None) -> Datum:
    return Datum(json.dumps(time.isoformat() if time else None), "json")
