"""The whole story: an identity provider disables somebody, and her session in a product ends."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

from benchmarks.session_end import measure, rows
from local import children

ROOT = Path(__file__).parents[2]
ROUNDS = 3


async def test_a_session_ends_within_seconds_of_the_answer_to_the_identity_provider() -> None:
    seconds = await measure(ROUNDS)
    assert len(seconds) == ROUNDS
    assert max(seconds) < 15, seconds


def test_the_figure_names_what_was_measured_and_what_follows_for_a_poll_each_minute() -> None:
    first, second = rows([0.5, 0.7, 1.5]).splitlines()[-2:]
    assert first.endswith("| 0.70 | 1.50 |")
    assert second.endswith("| 30 | 62 |")


async def test_the_demonstration_gives_a_role_takes_it_and_ends_a_session() -> None:
    command = [sys.executable, "-m", "local.example", "--demo"]
    async with children.running(
        command, directory=ROOT, environ=os.environ, capture=True
    ) as process:
        assert process.stdout is not None
        async with asyncio.timeout(180):
            said = (await process.stdout.read()).decode()
        assert await process.wait() == 0, said
    found = re.search(r"The role admin was there after ([\d.]+) s, and gone after ([\d.]+) s", said)
    assert found is not None, said
    assert max(map(float, found.groups())) < 15
    assert "Her session ended" in said
    assert said.rstrip().endswith("was refused.")


async def test_ctrl_c_ends_the_service_and_the_product() -> None:
    command = [sys.executable, "-m", "local.example"]
    async with children.running(
        command, directory=ROOT, environ=os.environ, capture=True
    ) as process:
        assert process.stdout is not None
        said = b""
        async with asyncio.timeout(180):
            while b"Ctrl-C ends both" not in said:
                said += await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            rest = await process.stdout.read()  # to the end: nobody else holds the pipe
        assert await process.wait() == 130, rest.decode()
    assert b"Traceback" not in rest
