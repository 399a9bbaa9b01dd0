"""The modules of requests: imported by one thread, ahead of the first request where it can be.

The host waits for the functions to be indexed and sends requests then, so indexing imports nothing
but routes. What requests need takes several times as long. One thread imports it, and requests
that come meanwhile wait for it instead of importing themselves: two threads that import modules
which know each other may see them half made, and an import on the event loop would hold up all.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import azure.functions as func

from shared.notices import Notices
from shared.web.package_check import check_packages

if TYPE_CHECKING:
    from shared.web.respond import Endpoint
    from shared.web.services import Job, MessageJob

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Endpoints(Protocol):
    """What a function needs of the module `endpoints`.

    Attributes:
        ENDPOINTS: what serves each route, by the route's name.
        JOBS: what each timer runs, by the timer's name.
        MESSAGE_JOBS: what each message of a queue runs, by the queue's name.
    """

    ENDPOINTS: "Mapping[str, Endpoint]"
    JOBS: "Mapping[str, Job]"
    MESSAGE_JOBS: "Mapping[str, MessageJob]"

    async def respond(
        self,
        endpoint: "Endpoint",
        req: func.HttpRequest,
        context: func.Context,
        template: str,
        *,
        problems: bool = False,
    ) -> func.HttpResponse:
        """Respond to a request; see `shared.web.respond`."""
        ...

    def prepare(self) -> None:
        """Build the services ahead of the first request; see `shared.web.services`."""
        ...

    async def prefetch(self) -> None:
        """Fetch ahead of the first request what it might wait for; see `shared.web.services`."""
        ...


class Loading(Generic[T]):
    """Loads something once; begins again after that has failed."""

    def __init__(
        self,
        load: Callable[[], T],
        prepare: Callable[[T], None],
        prefetch: Callable[[T], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Plan the work; nothing is begun.

        Args:
            load: returns what every request waits for.
            prepare: done with it, but only when there is time ahead of the first request.
            prefetch: done after that on the event loop, while requests are served.
        """
        self._load = load
        self._prepare = prepare
        self._prefetch = prefetch
        self._fetching: Future[None] | None = None
        self._done: Future[T] | None = None
        self._notices = Notices()

    def begin_soon(self) -> None:
        """Begin when the event loop of the caller is free: when the functions are indexed.

        Without a loop, as in a program that only looks at the functions, the first request begins.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_soon(self._begin, partial(self._load_and_prepare, loop))

    async def wait(self) -> T:
        """Wait until all is loaded, and return it; begin if nothing has.

        Raises:
            Exception: whatever the work has raised. The log has it, once a minute at most, since
                the next call repeats the work.
        """
        done = self._begin(self._load)
        try:
            return done.result() if done.done() else await asyncio.wrap_future(done)
        except Exception:
            if self._notices.is_due("requests"):
                _log.exception("what requests need could not be loaded; the next one tries again")
            raise

    def _load_and_prepare(self, loop: asyncio.AbstractEventLoop) -> T:
        try:
            loaded = self._load()
            self._prepare(loaded)
        except BaseException:
            _log.exception("what requests need could not be loaded ahead of them")
            raise
        if self._prefetch is not None and loop.is_running():
            # It talks to others, by connections that belong to the loop. Nobody waits for it.
            self._fetching = asyncio.run_coroutine_threadsafe(self._prefetch(loaded), loop)
        return loaded

    def _begin(self, work: Callable[[], T]) -> Future[T]:
        done = self._done
        if done is None or (done.done() and done.exception() is not None):
            done = self._done = Future()
            # From here on a request that is cancelled cancels its waiting alone.
            done.set_running_or_notify_cancel()
            Thread(target=_run, args=(work, done), name="loading", daemon=True).start()
        return done


def load_soon() -> None:
    """Load the endpoints as soon as the functions are indexed."""
    _loading.begin_soon()


async def load_endpoints() -> Endpoints:
    """Wait until the endpoints are loaded; see `Loading.wait`."""
    return await _loading.wait()


def _run(work: Callable[[], T], done: Future[T]) -> None:
    try:
        with _without_collecting():
            result = work()
    except BaseException as fault:  # noqa: BLE001 - requests wait for it, whatever it is
        done.set_exception(fault)
    else:
        done.set_result(result)


@contextmanager
def _without_collecting() -> Iterator[None]:
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


def _import_endpoints() -> Endpoints:
    try:
        return cast("Endpoints", import_module("endpoints"))
    except ImportError:
        check_packages()
        raise


_loading = Loading(
    _import_endpoints,
    lambda endpoints: endpoints.prepare(),
    lambda endpoints: endpoints.prefetch(),
)
