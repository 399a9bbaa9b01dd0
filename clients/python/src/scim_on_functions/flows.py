"""Flows: what the library does, written once for code that waits and for code that awaits.

A flow is a generator. It yields steps, is sent what came of each, and returns a result. The
decisions are in the flows; the two drivers below carry the steps out and decide nothing.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """A GET, which is all that the library sends, so that any of it may be repeated."""

    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the product's code; an awaitable that it returns is awaited by async code."""

    function: Callable[[], Any]


Step = Send | Pause | Call
Flow = Generator[Step, Any, T]


def send(step: Send) -> Flow[httpx.Response]:
    """Send a request.

    Raises:
        httpx.TransportError: there was no answer.
    """
    response: httpx.Response = yield step
    return response


def pause(seconds: float) -> Flow[None]:
    """Wait."""
    yield Pause(seconds)


def call(function: Callable[[], T | Awaitable[T]]) -> Flow[T]:
    """Call the product's code."""
    result: T = yield Call(function)
    return result


def run(flow: Flow[T], http: httpx.Client) -> T:
    """Run a flow in this thread."""
    outcome: Any = None
    error: httpx.TransportError | None = None
    while True:
        try:
            step = flow.send(outcome) if error is None else flow.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        outcome, error = None, None
        match step:
            case Send():
                try:
                    outcome = http.get(step.url, **_options(step))
                except httpx.TransportError as failure:
                    error = failure
            case Pause():
                time.sleep(step.seconds)
            case Call():
                outcome = step.function()


async def run_async(flow: Flow[T], http: httpx.AsyncClient) -> T:
    """Run a flow on the event loop."""
    outcome: Any = None
    error: httpx.TransportError | None = None
    while True:
        try:
            step = flow.send(outcome) if error is None else flow.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        outcome, error = None, None
        match step:
            case Send():
                try:
                    outcome = await http.get(step.url, **_options(step))
                except httpx.TransportError as failure:
                    error = failure
            case Pause():
                await asyncio.sleep(step.seconds)
            case Call():
                outcome = step.function()
                if inspect.isawaitable(outcome):
                    outcome = await outcome


def _options(step: Send) -> dict[str, Any]:
    return {
        "params": dict(step.params),
        "headers": dict(step.headers),
        "timeout": step.timeout,
        # The API key goes to the address that was configured and nowhere else.
        "follow_redirects": False,
    }
