"""A process that offers requests of one tenant in an open loop, for `benchmarks.overload`.

    python -m benchmarks.offered <plan as JSON>

Each request is sent at its time, whatever became of those before. The plan holds what `Offer` does,
and the line that is printed what `Told` does, both as JSON. The client writes HTTP by itself, since
one that does more would be the first that cannot keep up.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, cast

from local.request_queue import SCALE_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_END_OF_HEAD, _END_OF_CHUNKS = b"\r\n\r\n", b"0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered.

    Attributes:
        port: of the instance, on this machine.
        root: path of the SCIM root of the tenant.
        token: opens it.
        users: ids of users that there are.
        rate: requests a second.
        seconds: for which they are offered.
    """

    port: int
    root: str
    token: str
    users: Sequence[str]
    rate: int
    seconds: float


@dataclass(slots=True)
class Told:
    """What a tenant was answered; latencies in seconds from when a request was due.

    Attributes:
        statuses: how often, by status; `429 host` for what did not reach the app.
        admitted: latencies of what was let in, served or not.
        refused: latencies of what was not.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    admitted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def count(self, status: str, times: int = 1) -> None:
        """Count answers."""
        self.statuses[status] = self.statuses.get(status, 0) + times

    def note(self, status: str, seconds: float) -> None:
        """Take an answer."""
        self.count(status)
        (self.refused if status.startswith("429") else self.admitted).append(seconds)


class _Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answered: Callable[[str], None] | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, answered: Callable[[str], None]) -> None:
        self._answered, self._received = answered, b""
        if self._transport is None:
            self._end("no answer")
        else:
            self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._end("no answer")

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEAD)
        if not end:
            return
        length = _LENGTH.search(head)
        is_whole = len(body) >= int(length[1]) if length else body.endswith(_END_OF_CHUNKS)
        if is_whole or head[9:12] == b"204":
            by_host = SCALE_OUT.encode().lower() in head.lower()
            self._end(head[9:12].decode() + (" host" if by_host else ""))

    def _end(self, status: str) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status)


class _Client:
    """Sends each request on a connection that is idle, or else on a new one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._left = 0
        self._all_done = asyncio.Event()
        self.told = Told()

    def send(self, request: bytes, due: float) -> None:
        self._left += 1
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                self._send_on(connection, request, due)
                return
        task = asyncio.create_task(self._send_on_new(request, due))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def wait(self) -> None:
        """Wait for the answers to all that was sent, but not for ever."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while self._left:
                    self._all_done.clear()
                    await self._all_done.wait()
        except TimeoutError:
            self.told.count("no answer", self._left)

    async def _send_on_new(self, request: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        except OSError:
            self._note("no answer", due)
        else:
            self._send_on(connection, request, due)

    def _send_on(self, connection: _Connection, request: bytes, due: float) -> None:
        def answered(status: str) -> None:
            self._note(status, due)
            self._idle.append(connection)

        connection.send(request, answered)

    def _note(self, status: str, due: float) -> None:
        self.told.note(status, time.perf_counter() - due)
        self._left -= 1
        if not self._left:
            self._all_done.set()


async def offer(plan: Offer) -> Told:
    """Offer the requests, and wait for the answers."""
    client, requests = _Client(plan.port), mix(plan)
    begun = time.perf_counter()
    for number in range(int(plan.rate * plan.seconds)):
        due = begun + number / plan.rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        client.send(next(requests), due)
    await client.wait()
    return client.told


def mix(plan: Offer) -> Iterator[bytes]:
    """Write requests without end.

    Of ten five get a user, two look for somebody who is not there, two change a user, one creates
    one.
    """
    users = itertools.cycle(plan.users)
    for kind in itertools.cycle("gfgpgfgpgc"):
        if kind == "g":
            yield _request(plan, "GET", f"/Users/{next(users)}")
        elif kind == "f":
            name = secrets.token_hex(8)
            yield _request(plan, "GET", f"/Users?filter=userName%20eq%20%22{name}%22")
        elif kind == "p":
            operation = {"op": "replace", "path": "title", "value": secrets.token_hex(4)}
            body = json.dumps({"schemas": [_PATCH], "Operations": [operation]})
            yield _request(plan, "PATCH", f"/Users/{next(users)}", body)
        else:
            yield _request(plan, "POST", "/Users", person())


def person() -> str:
    """Write a user who is not there yet, as JSON."""
    name = f"{secrets.token_hex(8)}@contoso.test"
    return json.dumps({"userName": name, "displayName": name, "emails": [{"value": name}]})


def _request(plan: Offer, method: str, path: str, body: str = "") -> bytes:
    lines = [f"{method} {plan.root}{path} HTTP/1.1", f"Host: 127.0.0.1:{plan.port}"]
    lines.append(f"Authorization: Bearer {plan.token}")
    if body:
        lines += ["Content-Type: application/scim+json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(offer(Offer(**json.loads(sys.argv[1])))))))
