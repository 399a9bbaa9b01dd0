"""What the host runs beside requests: timers, and functions on the messages of queues.

A function that cannot be run never runs, which is logged; everything else is served.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Never

from local import app_settings, host_storage, queues, timers
from local.errors import LocalError
from local.functions import TimerFunction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping

    from local.functions import Index, QueueFunction
    from local.host_json import QueueSettings
    from local.invocation import Invoker

_HOST_ID = "AzureFunctionsWebHost__hostid"
_DEFAULT_HOST_ID = "stand-in"

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(
    indexed: Index, settings: QueueSettings, environ: Mapping[str, str], invoker: Invoker
) -> AsyncIterator[None]:
    """Run timers and queue functions until the block ends.

    Args:
        indexed: The functions of the app.
        settings: Of queues, from host.json.
        environ: Application settings.
        invoker: Calls the functions.
    """

    async def invoke(function: TimerFunction | QueueFunction, argument: Any) -> None:
        await invoker.invoke(function.function, argument)

    async with AsyncExitStack() as stack:
        tasks: list[asyncio.Task[None]] = []
        functions: list[TimerFunction | QueueFunction] = [*indexed.timers, *indexed.queues]
        for function in functions:
            name = function.function.name
            if app_settings.is_disabled(name, environ):
                continue
            try:
                if isinstance(function, TimerFunction):
                    work = await _timer(function, environ, invoke, stack)
                else:
                    opened = await stack.enter_async_context(queues.opened(function, environ))
                    work = queues.Listener(function, opened, settings, invoke).run()
                tasks.append(asyncio.create_task(_run(name, work)))
            except LocalError as error:
                _logger.error("%s: %s", name, error)  # noqa: TRY400  # its trace says nothing
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _run(name: str, work: Coroutine[Any, Any, Never]) -> None:
    """Run what calls a function until it is cancelled; a fault in it is no fault of others."""
    try:
        await work
    except Exception:
        _logger.exception("%s: a fault of the stand-in host ends it", name)


async def _timer(
    timer: TimerFunction,
    environ: Mapping[str, str],
    invoke: timers.Invoke,
    stack: AsyncExitStack,
) -> Coroutine[Any, Any, Never]:
    schedule = timers.resolve(timer, environ)
    container = await stack.enter_async_context(host_storage.host_container(environ))
    host_id = environ.get(_HOST_ID, _DEFAULT_HOST_ID)
    return timers.runner(timer, schedule, invoke, container, host_id).run()
