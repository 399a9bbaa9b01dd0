"""The modules of requests: imported by one thread, ahead of the first request where it can be.

The host waits for the functions to be indexed and sends requests then, so indexing imports nothing
but routes. What requests need takes several times as long. One thread imports it, and requests
that come meanwhile wait for it instead of importing themselves: two threads that import modules
which know each other may see them half made, and an import on the event loop would hold up all.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

_log = logging.getLogger(__name__)


class Loading:
    """Does a piece of work once; begins again after it has failed."""

    def __init__(self, load: Callable[[], None], prepare: Callable[[], None]) -> None:
        """Plan the work; nothing is begun.

        Args:
            load: what every request waits for.
            prepare: done after it, but only when there is time ahead of the first request.
        """
        self._load = load
        self._prepare = prepare
        self._done: Future[None] | None = None

    def begin_soon(self) -> None:
        """Begin when the event loop of the caller is free: when the functions are indexed.

        Without a loop, as in a program that only looks at the functions, the first request begins.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_soon(self._begin, self._load, self._prepare)

    async def finished(self) -> None:
        """Wait until all is loaded; begin if nothing has.

        Raises:
            Exception: whatever the work has raised, which is in the log. The next call repeats it.
        """
        done = self._begin(self._load)
        if done.done():
            done.result()
        else:
            await asyncio.wrap_future(done)

    def _begin(self, *steps: Callable[[], None]) -> Future[None]:
        done = self._done
        if done is None or (done.done() and done.exception() is not None):
            done = self._done = Future()
            # From here on a request that is cancelled cancels its waiting alone.
            done.set_running_or_notify_cancel()
            Thread(target=_work, args=(done, steps), name="loading", daemon=True).start()
        return done


def _work(done: Future[None], steps: tuple[Callable[[], None], ...]) -> None:
    try:
        with _nothing_collected():
            for step in steps:
                step()
    except BaseException as fault:  # noqa: BLE001 - requests wait for it, whatever it is
        _log.exception("what requests need could not be loaded; the next request tries again")
        done.set_exception(fault)
    else:
        done.set_result(None)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector from what is loaded, now and later.

    Modules, classes and schemas stay for good. To look them through prolongs the loading, and would
    stop all requests for tens of milliseconds at a full collection.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
