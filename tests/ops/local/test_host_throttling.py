"""The stand-in refuses what is too much for an instance as the host does: at once, and empty."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local.host_json import HostJson
from local.request_queue import SCALE_OUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.ops.local.conftest import Serving, Wire

    Full = tuple[Wire, set[asyncio.Task[int]]]

LIMITED = HostJson(route_prefix="", max_outstanding_requests=3, max_concurrent_requests=2)


class Slow:
    """A function that answers when it is let to, and counts who has reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.most = 0
        self.under_way = 0
        self._go_on = asyncio.Event()
        self._arrivals: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, req: func.HttpRequest) -> func.HttpResponse:
        self.reached.append(req.route_params["name"])
        self._arrivals.put_nowait(self.reached[-1])
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self._go_on.wait()
        self.under_way -= 1
        return func.HttpResponse("done")

    def let_go(self) -> None:
        self._go_on.set()

    async def wait_for(self, number: int) -> None:
        for _ in range(number):
            await self._arrivals.get()


@pytest.fixture
def slow(app: func.FunctionApp) -> Slow:
    function = Slow()

    @app.route(route="slow/{name}")
    async def serve(req: func.HttpRequest) -> func.HttpResponse:
        return await function(req)

    @app.route(route="healthz")
    async def healthz(req: func.HttpRequest) -> func.HttpResponse:
        del req
        return func.HttpResponse("ok")

    @app.route(route="{*rest}")
    async def zz_all(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(req.route_params["rest"])

    return function


@pytest.fixture
async def full(serving: Serving, slow: Slow) -> AsyncIterator[Full]:
    """A host whose two places are taken, where a third request waits and a fourth was refused."""
    async with serving(LIMITED) as wire:
        tasks = {asyncio.create_task(wire.status(f"/slow/{name}")) for name in "abcd"}
        await slow.wait_for(2)
        refused, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in refused] == [429]
        yield wire, waiting
        slow.let_go()
        await asyncio.gather(*waiting)


async def test_one_too_many_is_refused_at_once_and_never_reaches_the_app(
    full: Full, slow: Slow
) -> None:
    wire, _ = full
    async with wire.request("POST", "/slow/d", data=b"{}") as answer:
        assert answer.status == 429
        assert await answer.read() == b""
        assert answer.headers[SCALE_OUT] == "1"
        assert "Retry-After" not in answer.headers
    assert len(slow.reached) == 2


async def test_what_waits_is_served_in_its_turn_and_no_more_than_so_many_at_once(
    full: Full, slow: Slow
) -> None:
    _, waiting = full
    slow.let_go()
    assert await asyncio.gather(*waiting) == [200] * 3
    assert (len(slow.reached), slow.most) == (3, 2)


@pytest.mark.parametrize("target", ["/healthz", "/no/such/path"])
async def test_probes_and_stray_paths_are_refused_like_everything_else(
    full: Full, target: str
) -> None:
    wire, _ = full
    assert await wire.status(target) == 429


@pytest.mark.parametrize(
    ("target", "status"), [("/admin/host/ping", 200), ("/admin/mine", 200), ("/ADMIN/mine", 200)]
)
async def test_paths_of_administration_do_not_wait(full: Full, target: str, status: int) -> None:
    wire, _ = full
    assert await wire.status(target) == status


async def test_there_is_room_again_once_requests_have_ended(serving: Serving, slow: Slow) -> None:
    slow.let_go()
    async with serving(LIMITED) as wire:
        for name in "abcdefgh":
            assert await wire.text(f"/slow/{name}") == "done"


async def test_without_limits_nothing_is_refused(serving: Serving, slow: Slow) -> None:
    async with serving(HostJson(route_prefix="")) as wire:
        tasks = [asyncio.create_task(wire.text(f"/slow/{n}")) for n in range(30)]
        await slow.wait_for(30)
        slow.let_go()
        assert await asyncio.gather(*tasks) == ["done"] * 30
