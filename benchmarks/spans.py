"""A storage that answers pages of a span of keys, at a distance: for `benchmarks.large_groups`.

    python -m benchmarks.spans <milliseconds> <number of members> ...

Azurite looks at every row of a table for each page, so its time would hide that of the way. This
one finds a span by its index, as Table Storage does, and knows nothing else: each number is a group
whose id is that number, and its members have random ids. The port is the line that it prints.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from bisect import bisect_left

from aiohttp import web

from shared.store import layout

_SPAN = re.compile(r"RowKey ge '([^']+)' and RowKey lt '([^']+)'")
_NEXT = "x-ms-continuation-NextRowKey"


def group_of(members: int) -> str:
    """Return the id of the group that has so many members."""
    return f"{members:032x}"


class Spans:
    """Answers queries of keys alone."""

    def __init__(self, away: float, sizes: list[int]) -> None:
        self._away = away
        self._keys = sorted(
            layout.membership_key(group_of(size), secrets.token_hex(16))
            for size in sizes
            for _ in range(size)
        )

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one page, later."""
        await asyncio.sleep(self._away)
        found = _SPAN.search(request.query["$filter"])
        if found is None:
            return web.Response(status=400)
        start = request.query.get("NextRowKey", found[1])
        first, end = bisect_left(self._keys, start), bisect_left(self._keys, found[2])
        last = min(end, first + int(request.query["$top"]))
        rows = ",".join(f'{{"RowKey":"{key}"}}' for key in self._keys[first:last])
        headers = {_NEXT: self._keys[last]} if last < end else {}
        return web.Response(
            text=f'{{"value":[{rows}]}}', content_type="application/json", headers=headers
        )


async def serve(away: float, sizes: list[int]) -> None:
    """Serve until the process is ended."""
    runner = web.ServerRunner(web.Server(Spans(away, sizes).answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000, [int(size) for size in sys.argv[2:]]))
