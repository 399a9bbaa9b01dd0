"""What callers without a token can make the host and its worker hold in memory."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.production import ROOT, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.production import Deployed

pytestmark = pytest.mark.server

MIB = 2**20
AT_ONCE = 8
LIMIT = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
SAMPLE = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
SETTINGS = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "AzureWebJobs_sweeper_Disabled": "true",
}


def peak(app: Deployed) -> int:
    """Return the most memory that the process has held so far, in bytes."""
    status = Path(f"/proc/{app.pid}/status").read_text("utf-8")
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kibibytes) * 1024


async def body(mebibytes: int) -> AsyncIterator[bytes]:
    """Yield a body of which the sender holds a piece."""
    for _ in range(mebibytes):
        yield b"x" * MIB


async def grown(app: Deployed, mebibytes: int) -> tuple[int, set[int]]:
    """Send bodies at once without a token; return by how much the peak grew, and the answers."""
    # All is loaded, and so does not count, once the service answers.
    assert (await app.client.get("/healthz")).status_code == 200
    before = peak(app)

    async def send() -> int:
        headers = {"Content-Length": str(mebibytes * MIB)}
        try:
            answer = await app.client.post(
                "/scim/v2/Users", headers=headers, content=body(mebibytes)
            )
        except httpx.TransportError:  # the connection was cut
            return 0
        return answer.status_code

    statuses = await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return peak(app) - before, set(statuses)


async def test_bodies_over_the_limit_are_refused_unread() -> None:
    async with deployed({**SETTINGS, LIMIT: SAMPLE[LIMIT]}) as app:
        held, statuses = await grown(app, 40)
    assert 401 not in statuses
    assert held < 2 * AT_ONCE * MIB


async def test_bodies_up_to_the_limit_bound_what_is_held() -> None:
    async with deployed({**SETTINGS, LIMIT: SAMPLE[LIMIT]}) as app:
        held, statuses = await grown(app, 4)
    assert statuses == {503}  # no token is configured, and none was sent
    assert held < 3 * AT_ONCE * 4 * MIB


async def test_without_the_limit_they_would_be_held() -> None:
    async with deployed(SETTINGS) as app:
        held, _ = await grown(app, 40)
    assert held > AT_ONCE * 20 * MIB
