"""The host's queue of HTTP requests: how many it serves at once, and how many it takes at all."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from local.host_json import HostJson

SCALE_OUT = "X-FUNCTION-SCALEOUT"
"""By this header of a refusal the platform learns that it needs another instance."""


class RequestQueue:
    """Lets requests through to the functions, in the order in which they came.

    Args:
        settings: From host.json.
    """

    def __init__(self, settings: HostJson) -> None:
        self._most = settings.max_outstanding_requests
        self._outstanding = 0
        at_once = settings.max_concurrent_requests
        self._places: AbstractAsyncContextManager[None] = (
            nullcontext() if at_once is None else asyncio.Semaphore(at_once)
        )

    async def answer(
        self, request: web.BaseRequest, serve: Callable[[web.BaseRequest], Awaitable[web.Response]]
    ) -> web.Response:
        """Serve a request once it is its turn; one too many is refused at once, its body unread."""
        if self._most is not None and self._outstanding >= self._most:
            return web.Response(status=429, headers={SCALE_OUT: "1"})
        self._outstanding += 1
        try:
            async with self._places:
                return await serve(request)
        finally:
            self._outstanding -= 1
