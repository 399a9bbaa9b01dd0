"""Calling one function as the worker calls it."""

from __future__ import annotations

import asyncio
import secrets
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure import functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.functions import Function

_thread = threading.local()
_of_task: ContextVar[str] = ContextVar("invocation_id", default="")
_running: set[str] = set()


def is_running_here() -> bool:
    """Whether what is done here and now names an invocation that is running.

    As the worker tells it: on an event loop by the task, which has it from the task that made it;
    in a thread by the thread, which has it when a function runs in it.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return getattr(_thread, "invocation_id", "") in _running
    return task is not None and _of_task.get() in _running


@contextmanager
def _running_as(invocation_id: str) -> Iterator[None]:
    """Let an invocation run until the block ends."""
    token = _of_task.set(invocation_id)
    _running.add(invocation_id)
    try:
        yield
    finally:
        _running.remove(invocation_id)
        _of_task.reset(token)


@dataclass(frozen=True, slots=True)
class Trace:
    """The W3C trace of an invocation: the caller's when it sent one."""

    trace_parent: str
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoRetry:
    """The retry context of a function without a retry policy."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


class Context(functions.Context):
    """What a function gets when it takes a parameter `context`."""

    def __init__(self, function: Function, trace_parent: str | None) -> None:
        self._function = function
        self._trace_parent = trace_parent
        self._invocation_id = str(uuid.uuid4())

    @property
    def invocation_id(self) -> str:
        """The id of this one call, which the log of the host carries too."""
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Hold `invocation_id` in the thread of a function that is not async."""
        return _thread

    @property
    def function_name(self) -> str:
        """The name under which the function is indexed."""
        return self._function.name

    @property
    def function_directory(self) -> str:
        """The folder of the module that defines the function."""
        return str(Path(self._function.call.__code__.co_filename).parent)

    @property
    def trace_context(self) -> Any:
        """The caller's trace, or a new one."""
        parent = self._trace_parent or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        return Trace(parent)

    @property
    def retry_context(self) -> Any:
        """No retries: the stand-in host has no retry policies."""
        return NoRetry()


class Invoker:
    """Calls functions: async ones on the running loop, the others in threads.

    Args:
        timeout: Seconds after which a call has failed (functionTimeout of host.json).
        threads: PYTHON_THREADPOOL_THREAD_COUNT; None for the default of the worker.
    """

    def __init__(self, timeout: float, threads: int | None = None) -> None:
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")

    async def invoke(
        self, function: Function, argument: Any, trace_parent: str | None = None
    ) -> Any:
        """Call a function with what triggered it, and return what it returned.

        Raises:
            TimeoutError: It took longer than functionTimeout. A thread cannot be stopped: the host
                would end its process.
        """
        arguments = {function.trigger_argument: argument}
        context = Context(function, trace_parent)
        if function.takes_context:
            arguments["context"] = context
        with _running_as(context.invocation_id):
            async with asyncio.timeout(self._timeout):
                if function.is_async:
                    return await function.call(**arguments)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    self._pool, _in_thread, function, arguments, context.invocation_id
                )

    def close(self) -> None:
        """Let the threads end; do not wait for calls under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _in_thread(function: Function, arguments: dict[str, Any], invocation_id: str) -> Any:
    _thread.invocation_id = invocation_id
    return function.call(**arguments)
