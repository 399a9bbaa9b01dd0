"""A stand-in for the Azure Functions host: serves an app of the v2 model over HTTP/1.1.

It keeps to what the real host does, also where that is unkind: functions are sorted by name and
the first route that matches wins, an unlisted method is an empty 404, a body without
Content-Length is not there, query parameters without a value disappear, an exception is an empty
500.

`python -m local.host` is started by `python -m local` and ends when its standard input does, so
that it never outlives the process that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import traceback
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from aiohttp import HttpVersion11, web
from azure import functions

from local import children, host_json, host_paths, logs, messages, triggers, web_server
from local.errors import LocalError
from local.functions import HttpFunction, index, load
from local.invocation import Invoker
from local.request_queue import RequestQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from local.host_json import HostJson

ROOT = Path(__file__).resolve().parent.parent
_BODY_LIMIT = "104857600"
_BODY_SECONDS = 5.0
"""How long nothing may come of a body that was announced."""
_HEADERS_SECONDS = 30.0
"""How long headers may take from their first byte on."""
_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_STOPPING_SECONDS = 5.0

_logger = logging.getLogger("local.host")  # it may be run as `__main__`


class Host:
    """Answers requests by the HTTP functions of an app.

    Args:
        http: The functions, in the order in which their routes are tried.
        settings: From host.json.
        environ: Application settings.
        invoker: Calls the functions.
    """

    def __init__(
        self,
        http: tuple[HttpFunction, ...],
        settings: HostJson,
        environ: Mapping[str, str],
        invoker: Invoker,
    ) -> None:
        self._functions = http
        self._custom_headers = settings.custom_headers
        self._hsts_seconds = settings.hsts_seconds
        # Core Tools have none before them; in Azure there always is one.
        self._has_front_end = environ.get("AZURE_FUNCTIONS_ENVIRONMENT") != "Development"
        self._has_home = environ.get("AzureWebJobsDisableHomepage", "").lower() != "true"
        self._body_limit = int(environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", _BODY_LIMIT))
        self._invoker = invoker
        self._queue = RequestQueue(settings)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever a function does, there is an answer."""
        response = await self._answer(request)
        if self._hsts_seconds is not None and self._is_public_https(request):
            response.headers["Strict-Transport-Security"] = f"max-age={self._hsts_seconds}"
        for name, value in self._custom_headers.items():
            response.headers.setdefault(name, value)
        # The host never knows the length beforehand, except that of nothing.
        if request.version < HttpVersion11:
            return await _until_the_end(request, response)
        if response.body and request.method != "HEAD":
            response.enable_chunked_encoding()
        return response

    def _is_public_https(self, request: web.BaseRequest) -> bool:
        received = {name.lower(): value for name, value in request.headers.items()}
        try:
            return messages.origin(received, has_front_end=self._has_front_end).is_public_https
        except ValueError:
            return False

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        refused = web_server.refusal(request)
        if refused is not None:
            return _closed(refused)
        raw_path, _, query = _target(request).partition("?")
        try:
            path = messages.decoded_path(raw_path)
            headers = messages.headers(request.headers.items())
        except ValueError:
            return web.Response(status=400)
        own = host_paths.answer_before_functions(request.method, path)
        if own is not None:
            return own

        async def serve(request: web.BaseRequest) -> web.Response:
            return await self._serve(request, path, query, headers)

        # The paths of the host's own administration do not wait, whoever serves them.
        if host_paths.is_of_administration(path):
            return await serve(request)
        return await self._queue.answer(request, serve)

    async def _serve(
        self, request: web.BaseRequest, path: str, query: str, headers: Mapping[str, str]
    ) -> web.Response:
        """Serve a request by a function; of a path without one, as the host does."""
        found = self._find(request.method, path)
        if found is None:
            return host_paths.answer_without_function(path, has_home=self._has_home)
        function, route_parameters = found
        # What cannot be bound to the parameter of a function is an exception in the host.
        if int(headers.get("content-length", 0)) > self._body_limit:
            return _closed(500)
        try:
            origin = messages.origin(headers, has_front_end=self._has_front_end)
            body = await _body(request, headers)
        except (ValueError, TimeoutError):
            return _closed(500)
        converted = functions.HttpRequest(
            request.method,
            messages.url(origin, path, query),
            headers=headers,
            params=messages.parameters(query),
            route_params=route_parameters,
            body=body,
        )
        if await _is_gone(request):
            return _closed(400)  # nobody reads it
        return await self._invoke(function, converted)

    def _find(self, method: str, path: str) -> tuple[HttpFunction, dict[str, str]] | None:
        for function in self._functions:
            if function.methods and method not in function.methods:
                continue
            parameters = function.template.match(path[1:])
            if parameters is not None:
                return function, parameters
        return None

    async def _invoke(self, function: HttpFunction, request: functions.HttpRequest) -> web.Response:
        try:
            result = await self._invoker.invoke(
                function.function, request, request.headers.get("traceparent")
            )
            return messages.answer(result)
        except Exception:
            _logger.exception("%s failed", function.function.name)
            return web.Response(status=500)


def _target(request: web.BaseRequest) -> str:
    """Path and query as they came; a proxy may send the whole URL (RFC 9112 3.2.2)."""
    target = request.raw_path
    if target.startswith("/"):
        return target
    _, _, rest = target.partition("://")
    return "/" + rest.partition("/")[2]


async def _body(request: web.BaseRequest, headers: Mapping[str, str]) -> bytes:
    """Read the body, if the client said how long it is: of any other the host passes nothing on."""
    if int(headers.get("content-length", 0)) == 0:
        return b""
    if headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    pieces: list[bytes] = []
    while not request.content.at_eof():
        async with asyncio.timeout(_BODY_SECONDS):
            pieces.append(await request.content.readany())
    return b"".join(pieces)


async def _is_gone(request: web.BaseRequest) -> bool:
    """Tell whether the client has closed the connection before its request could be run."""
    await asyncio.sleep(0)  # the event loop has read the request, and not yet what came after it
    return request.transport is None or request.transport.is_closing()


def _closed(status: int) -> web.Response:
    """Make an answer without a body, after which the connection is closed."""
    response = web.Response(status=status)
    response.force_close()
    return response


async def _until_the_end(request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
    """Send an answer to HTTP/1.0: it ends with the connection, and tells no length."""
    sent = web.StreamResponse(status=response.status, headers=response.headers)
    sent.force_close()
    await sent.prepare(request)
    if isinstance(response.body, bytes):
        await sent.write(response.body)
    return sent


class _Connection(web.RequestHandler):
    """Refuses what is no request as the web server of the host does: with a status and no body.

    Of an error only its type and place are logged. Its message quotes what was received, such as a
    header with a token in it.
    """

    _late: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what has come, and begin to wait where it is not yet a whole head of a request."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self._stop_waiting()
        elif self._late is None:
            self._late = asyncio.get_running_loop().call_later(_HEADERS_SECONDS, self._refuse_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End with the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse_late(self) -> None:
        if self.transport is not None:
            self.transport.write(_LATE)
        self.force_close()

    def log_exception(self, *said: Any, **options: Any) -> None:
        """Log what the server did not expect."""
        _logger.error(said[0], *said[1:])
        _logger.error("%s", _place(options.get("exc_info")))

    def log_debug(self, *said: Any, **_: Any) -> None:
        """Log what the server passes over."""
        _logger.debug(said[0], *said[1:])

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del message
        status = web_server.status_of_error(exc, status)
        _logger.info("refused from %s: %d %s", request.remote, status, type(exc).__name__)
        if status >= 500 and not isinstance(exc, ConnectionError):
            _logger.error("%s", _place(exc))
        return _closed(status)


def _place(error: object) -> str:
    """Name the type of an error and the lines of code that it went through."""
    if not isinstance(error, BaseException):
        return "no error"
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


class _Server(web.Server):
    """Makes connections of the kind above."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


@asynccontextmanager
async def serve(
    app: functions.FunctionApp,
    *,
    settings: HostJson | None = None,
    environ: Mapping[str, str] = os.environ,
    listener: socket.socket | None = None,
) -> AsyncIterator[str]:
    """Serve an app until the block ends; give its address, `http://127.0.0.1:<port>`.

    Args:
        app: The function app.
        settings: Of host.json; by default of the one of this project.
        environ: Application settings: those that the host itself reads, and what triggers name.
            Without AzureWebJobsStorage no timer runs.
        listener: A listening socket; by default one on a free port.

    Raises:
        LocalError: The host would not take the app.
    """
    settings = settings or host_json.read(ROOT / "host.json", environ)
    indexed = index(app, settings.route_prefix)
    async with AsyncExitStack() as stack:
        invoker = Invoker(settings.function_timeout, _threads(environ))
        stack.callback(invoker.close)
        listener = listener or socket.create_server(("127.0.0.1", 0))
        host = Host(indexed.http, settings, environ, invoker)
        await stack.enter_async_context(_listening(host, listener))
        beside = triggers.running(indexed, settings.queues, environ, invoker)
        await stack.enter_async_context(beside)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _threads(environ: Mapping[str, str]) -> int | None:
    count = environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
    return int(count) if count else None


@asynccontextmanager
async def _listening(host: Host, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(
        host.answer,
        access_log=None,
        auto_decompress=False,
        max_line_size=web_server.LINE_LIMIT,
        max_field_size=web_server.HEADER_LIMIT,
        max_headers=web_server.MOST_HEADERS,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_STOPPING_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


async def _serve_until_stopped(root: Path, module_name: str, listener: socket.socket) -> Never:
    stop = asyncio.Event()
    children.on_stop(stop.set, leashed=True)
    settings = host_json.read(root / "host.json", os.environ)
    logs.configure(settings.log_level)
    app = load(module_name)
    async with serve(app, settings=settings, listener=listener):
        await stop.wait()
    # A worker of Azure is ended without a word to the app, so nothing of the app is closed here.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def main() -> int:
    """Serve the app of a folder on a socket that is already listening."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the app and host.json")
    parser.add_argument("--app", required=True, help="module that holds the FunctionApp")
    parser.add_argument("--socket", type=int, required=True, help="descriptor to listen on")
    arguments = parser.parse_args()
    os.chdir(arguments.root)
    sys.path.insert(0, str(arguments.root))
    try:
        listener = socket.socket(fileno=arguments.socket)
        asyncio.run(_serve_until_stopped(arguments.root, arguments.app, listener))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
