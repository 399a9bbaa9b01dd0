"""Queue functions run on the messages of their queues as the host would run them."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError

from local import queues
from local.clock import Clock
from local.functions import QueueFunction, index
from local.host_json import QueueSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.queue.aio import QueueClient

    from local.azurite import Azurite
    from tests.ops.local.conftest import Serving
    from tests.support.fixtures.queues import OpenQueue

CONNECTION = "AzureWebJobsStorage"
SETTINGS = QueueSettings(new_batch_threshold=16)


def taker(app: func.FunctionApp, queue: str, connection: str = CONNECTION) -> QueueFunction:
    @app.function_name("take")
    @app.queue_trigger(arg_name="message", queue_name=queue, connection=connection)
    async def take(message: func.QueueMessage) -> None: ...

    return index(app, "").queues[0]


@dataclass(slots=True)
class Waiting:
    """Waits: pauses between polls end at once, those of a renewal when the test ends them."""

    pauses: list[float] = field(default_factory=list)
    renewals: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    is_time: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        if seconds == queues.RENEWAL_SECONDS:
            self.renewals.put_nowait(seconds)
            await self.is_time.wait()
            self.is_time.clear()
        else:
            self.pauses.append(seconds)
            await asyncio.sleep(0)


@dataclass(slots=True)
class Work:
    """What is done with messages.

    Attributes:
        failure: What it raises.
        runs: until a run may end.
        taken: the messages, in the order in which they came.
        most: how many were under way at once.
    """

    failure: Exception | None = None
    runs: asyncio.Event | None = None
    taken: list[func.QueueMessage] = field(default_factory=list)
    most: int = 0
    _at_once: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def invoke(self, _: QueueFunction, message: func.QueueMessage) -> None:
        self._at_once += 1
        self.most = max(self.most, self._at_once)
        self.taken.append(message)
        async with self._changed:
            self._changed.notify_all()
        if self.runs is not None:
            await self.runs.wait()
        self._at_once -= 1
        if self.failure is not None:
            raise self.failure

    async def has_taken(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= number)

    @property
    def tries(self) -> list[tuple[str, int]]:
        return [(text(each), each.dequeue_count or 0) for each in self.taken]


def text(message: func.QueueMessage) -> str:
    return message.get_body().decode()


class Listening:
    """Starts the listener of a function, and ends it in order."""

    def __init__(self, storage: Azurite) -> None:
        self.environ = {CONNECTION: storage.connection_string}
        self.waiting = Waiting()

    @asynccontextmanager
    async def to(
        self, queue: QueueFunction, work: Work, settings: QueueSettings = SETTINGS
    ) -> AsyncIterator[None]:
        clock = Clock(sleep=self.waiting.sleep)
        async with queues.opened(queue, self.environ) as opened:
            listener = queues.Listener(queue, opened, settings, work.invoke, clock)
            task = asyncio.create_task(listener.run())
            try:
                async with asyncio.timeout(20):
                    yield
            finally:
                task.cancel()
                await asyncio.wait({task})

    async def polled(self, times: int) -> None:
        """Wait until the queue was found empty so many times more."""
        before = len(self.waiting.pauses)
        while len(self.waiting.pauses) < before + times:  # noqa: ASYNC110 - polls take their time
            await asyncio.sleep(0.001)


@pytest.fixture
def listening(storage: Azurite) -> Listening:
    return Listening(storage)


def said_by_the_host(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name.startswith("local.")]


async def texts(queue: QueueClient) -> list[str]:
    return [str(each.content) for each in await queue.peek_messages(32)]


async def number_of_messages(queue: QueueClient) -> int:
    """Count the messages, those that nobody sees with them."""
    return (await queue.get_queue_properties()).approximate_message_count or 0


async def test_a_message_reaches_its_function_as_what_the_worker_gives_it_and_is_deleted(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work()
    sent = await queue.send_message("Zoë")
    async with listening.to(taker(app, queue.queue_name), work):
        await work.has_taken(1)
    (message,) = work.taken
    now = datetime.now(UTC)
    assert (message.id, message.get_body(), message.dequeue_count) == (sent.id, "Zoë".encode(), 1)
    assert message.pop_receipt
    assert message.insertion_time == sent.inserted_on
    assert message.expiration_time == sent.expires_on
    assert message.time_next_visible is not None
    assert timedelta(seconds=570) < message.time_next_visible - now <= timedelta(seconds=600)
    assert await number_of_messages(queue) == 0


async def test_a_message_that_fails_five_times_is_moved_to_the_poison_queue_that_is_made_for_it(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work(failure=ValueError("no"))
    poison = await open_queue(f"{queue.queue_name}-poison", is_made=False)
    sent = await queue.send_message("hint")
    async with listening.to(taker(app, queue.queue_name), work):
        await work.has_taken(5)
        await listening.polled(2)
    assert work.tries == [("hint", number) for number in range(1, 6)]
    assert await number_of_messages(queue) == 0
    (moved,) = await poison.peek_messages()
    assert (moved.content, moved.id == sent.id) == ("hint", False)
    assert moved.inserted_on is not None
    assert moved.expires_on == moved.inserted_on + timedelta(days=7)


async def test_a_message_that_has_failed_is_tried_again_after_its_visibility_timeout(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work(failure=ValueError("no"))
    await queue.send_message("hint")
    later = replace(SETTINGS, visibility_timeout=30.0)
    async with listening.to(taker(app, queue.queue_name), work, later):
        await work.has_taken(1)
        await listening.polled(3)
    assert (len(work.taken), await texts(queue), await number_of_messages(queue)) == (1, [], 1)


async def test_what_is_not_base64_is_poison_and_reaches_no_function(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work()
    poison = await open_queue(f"{queue.queue_name}-poison", is_made=False)
    plain = await open_plain(queue, listening)
    await plain.send_message("{not base64}")
    async with listening.to(taker(app, queue.queue_name), work):
        await listening.polled(2)
    assert work.taken == []
    assert await number_of_messages(queue) == 0
    assert await texts(await open_plain(poison, listening)) == ["{not base64}"]


async def test_without_an_encoding_a_text_is_taken_as_it_is(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work()
    await (await open_plain(queue, listening)).send_message("{not base64}")
    as_it_is = replace(SETTINGS, message_encoding="none")
    async with listening.to(taker(app, queue.queue_name), work, as_it_is):
        await work.has_taken(1)
    assert work.tries == [("{not base64}", 1)]


async def open_plain(queue: QueueClient, listening: Listening) -> QueueClient:
    """Open a queue whose texts are not base64."""
    return type(queue).from_connection_string(listening.environ[CONNECTION], queue.queue_name)


async def test_while_a_function_runs_its_message_is_kept_from_others(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work(runs=asyncio.Event())
    await queue.send_message("long")
    waiting = listening.waiting
    async with listening.to(taker(app, queue.queue_name), work):
        assert await waiting.renewals.get() == 300, "seconds: half the time that it is invisible"
        waiting.is_time.set()
        assert await waiting.renewals.get() == 300, "it was renewed"
        assert await texts(queue) == []
        assert work.runs is not None
        work.runs.set()
    # The renewal has changed what proves to the storage that the message is ours.
    assert (len(work.taken), await number_of_messages(queue)) == (1, 0)


async def test_a_batch_is_asked_for_while_no_more_than_the_threshold_are_under_way(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    queue, work = await open_queue(), Work(runs=asyncio.Event())
    for number in range(9):
        await queue.send_message(str(number))
    few = replace(SETTINGS, batch_size=3, new_batch_threshold=4)
    async with listening.to(taker(app, queue.queue_name), work, few):
        await work.has_taken(6)
        assert work.runs is not None
        work.runs.set()
        await work.has_taken(9)
    assert work.most == 6, "with 3 under way another batch was asked for, with 6 none"
    assert {text(each) for each in work.taken} == {str(number) for number in range(9)}
    assert await number_of_messages(queue) == 0


async def test_what_is_tried_too_often_already_is_poison_at_once(
    app: func.FunctionApp, listening: Listening, open_queue: OpenQueue
) -> None:
    """As after a host that was killed each time."""
    queue, work = await open_queue(), Work()
    poison = await open_queue(f"{queue.queue_name}-poison")
    await queue.send_message("deadly")
    for _ in range(2):
        (message,) = [each async for each in queue.receive_messages(visibility_timeout=30)]
        await queue.update_message(message, visibility_timeout=0)
    twice = replace(SETTINGS, max_dequeue_count=2)
    async with listening.to(taker(app, queue.queue_name), work, twice):
        await listening.polled(2)
    assert (work.taken, await texts(poison)) == ([], ["deadly"])


async def test_a_queue_that_is_not_there_is_asked_for_ever_more_rarely_and_not_made(
    app: func.FunctionApp,
    listening: Listening,
    open_queue: OpenQueue,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, work = await open_queue(is_made=False), Work()
    async with listening.to(taker(app, queue.queue_name), work):
        await listening.polled(12)
        with pytest.raises(ResourceNotFoundError):
            await queue.get_queue_properties()
        assert listening.waiting.pauses[11] == 60
        await queue.create_queue()
        await queue.send_message("hint")
        await work.has_taken(1)
        pauses = len(listening.waiting.pauses)
        await listening.polled(1)
    assert listening.waiting.pauses[pauses] == 0.1, "seconds, after something was found"
    assert [each for each in said_by_the_host(caplog) if "succeeded" not in each] == []
    await queue.delete_queue()


def test_the_pause_doubles_up_to_the_longest_one_and_begins_anew_after_a_message() -> None:
    pause = queues.PollingPause(longest=60.0, draw=lambda: 1.0)
    pauses = [pause.next(has_found=False) for _ in range(12)]
    measured = [0.2, 0.3, 0.5, 0.9, 1.7, 3.3, 6.5, 12.9, 25.7, 51.3, 60, 60]
    assert pauses == pytest.approx(measured)
    assert pause.next(has_found=True) == 0.1
    assert pause.next(has_found=False) == pytest.approx(0.2)


def test_no_pause_is_longer_than_the_polling_interval() -> None:
    pause = queues.PollingPause(longest=2.0)
    assert max(pause.next(has_found=False) for _ in range(20)) == 2.0


async def test_a_storage_that_is_away_is_told_once(
    app: func.FunctionApp, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    away = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", listening.environ[CONNECTION])
    listening.environ = {CONNECTION: away}
    async with listening.to(taker(app, "hints"), Work()):
        await listening.polled(4)
    assert said_by_the_host(caplog) == ["take: its queue cannot be read: ServiceRequestError"]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A trigger that cannot be served, and what is said of it."""

    trigger: tuple[str, ...]
    environ: dict[str, str]
    said: str


WRONG = [
    Wrong(("hints", "Elsewhere"), {}, "take: the connection Elsewhere is missing"),
    Wrong(("hints", ""), {}, "take: the connection AzureWebJobsStorage is missing"),
    Wrong(("%HINTS%",), {}, "take: the setting HINTS that holds its queue is missing"),
    Wrong(("a_b",), {}, 'take: "a_b" is no name for a queue'),
    Wrong(
        ("hints",), {CONNECTION: "no"}, "take: the connection AzureWebJobsStorage cannot be used"
    ),
    Wrong(
        ("hints",),
        {f"{CONNECTION}__queueServiceUri": "https://q", f"{CONNECTION}__credential": "guess"},
        'take: AzureWebJobsStorage__credential must be "managedidentity", not "guess"',
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.said[6:40])
async def test_what_keeps_a_function_from_its_queue_disables_it_alone(
    app: func.FunctionApp,
    serving: Serving,
    caplog: pytest.LogCaptureFixture,
    wrong: Wrong,
) -> None:
    taker(app, *wrong.trigger)

    @app.route(route="served")
    async def served(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    async with serving(environ=wrong.environ) as wire:
        assert await wire.status("/served") == 200
    assert wrong.said in caplog.text


async def test_the_host_runs_queue_functions_beside_requests(
    app: func.FunctionApp, serving: Serving, storage: Azurite, open_queue: OpenQueue
) -> None:
    queue = await open_queue()
    taken = asyncio.Event()

    @app.queue_trigger(arg_name="message", queue_name="%HINTS%", connection="Storage")
    def take(message: func.QueueMessage, context: func.Context) -> None:
        assert (text(message), context.function_name) == ("hint", "take")
        loop.call_soon_threadsafe(taken.set)

    loop = asyncio.get_running_loop()
    environ = {CONNECTION: storage.connection_string, "HINTS": queue.queue_name.upper()}
    async with serving(environ=environ) as wire:
        await queue.send_message("hint")
        async with asyncio.timeout(10):
            await taken.wait()
        assert await wire.status("/take") == 404
    assert await number_of_messages(queue) == 0


async def test_a_function_on_a_queue_can_be_switched_off(
    app: func.FunctionApp, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    taker(app, "no name at all")
    async with serving(environ={"AzureWebJobs_take_Disabled": "1"}):
        pass  # its queue is not looked at
    assert said_by_the_host(caplog) == []
