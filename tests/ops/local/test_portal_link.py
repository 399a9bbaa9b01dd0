"""`make run` prints a setup link, and it opens the portal."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.server
async def test_the_link_that_a_run_prints_opens_the_portal(project: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", "--root", str(project), "--stand-in"),
        cwd=ROOT,
        env={**os.environ, "EPHEMERAL": "1", "PORT": "0"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        link = await printed_link(process.stdout)
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=60) as http:
            address = link.partition("#")[0]
            page = await http.post(address, data={"link": link})
        assert (page.status_code, page.url.path) == (200, "/portal/connect")
    finally:
        process.terminate()
        await process.communicate()


async def printed_link(output: asyncio.StreamReader | None) -> str:
    assert output
    async with asyncio.timeout(120):
        while line := (await output.readline()).decode():
            found = re.match(r"Portal: +(\S+)$", line)
            if found:
                return found[1]
    raise AssertionError("no link was printed")
