"""When the sweeper runs: its schedule, and that it waits for what it needs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.functions.timer import TimerRequest

from background.timers import SWEEPER
from function_app import app
from local import children, host_storage, timers
from local.functions import index
from shared.errors import Unavailable
from shared.store import layout
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.operations import Insert
from shared.web import services
from tests.support.seeds import write
from tests.support.timers import missed

if TYPE_CHECKING:
    from local.azurite import Azurite
    from local.functions import TimerFunction
    from tests.unit.background.conftest import Tenants

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def timer() -> TimerFunction:
    (only,) = index(app, "").timers
    return only


def test_the_sweeper_is_due_every_15_minutes_and_not_at_every_start(timer: TimerFunction) -> None:
    assert timer.function.name == SWEEPER.name
    assert not timer.run_on_startup, "each instance that starts would run it"
    schedule = timers.resolve(timer, {})
    due = [datetime(2027, 1, 1, tzinfo=UTC)]
    for _ in range(97):
        due.append(schedule.next_time(due[-1]))
    gaps = {later - earlier for earlier, later in pairwise(due[1:])}
    assert gaps == {timedelta(minutes=15)}


async def test_a_run_fails_whose_settings_are_wrong(
    timer: TimerFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_current", None)
    for name in ("AZURE_FUNCTIONS_ENVIRONMENT", "TABLE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Unavailable):
        await timer.function.call(timer=TimerRequest(), context=Context())


class Context:
    """What the worker passes a function beside the timer."""

    invocation_id = "the-id-of-the-run"


async def test_the_stand_in_for_the_host_runs_it(storage: Azurite, tenants: Tenants) -> None:
    """It was due while no host ran, so it runs at the start."""
    name = "sweptbythestandin"
    table = open_table(TableAddress(name, connection_string=storage.connection_string))
    context = tenants.context("default")
    old = Insert("l-0190000000000123456789abcdef01234567", {"rt": "User"})
    await write(table, context, [old])
    environ = {
        "AzureWebJobsStorage": storage.connection_string,
        "PATH": os.environ["PATH"],
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "TABLE_NAME": name,
        "SCIM_SECRET_TOKEN": "a-token-that-nobody-sends",
    }
    async with host_storage.host_container(environ) as container:
        environ |= await missed(container, SWEEPER.name, SWEEPER.schedule)
    output = await output_of_a_host(environ, until="sweeper succeeded")
    assert "sweeper: its timer fires, past due" in output
    told = json.loads(output[output.index('{"sweep":') :].partition("\n")[0])
    assert (told["tenants"], told["changes"], told["failed"]) == (1, 1, 0)
    assert (await table.page(context, layout.changes_span())).rows == []
    await table.close()


async def output_of_a_host(environ: dict[str, str], until: str) -> str:
    """Run the app by the stand-in until it has said something."""
    output = ""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "local.host", "--root", str(ROOT)]
        command += ["--app", "function_app", "--socket", str(listener.fileno())]
        async with children.running(
            command,
            directory=ROOT,
            environ=environ,
            capture=True,
            descriptors=[listener.fileno()],
        ) as process:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                while until not in output:
                    line = await process.stdout.readline()
                    assert line, output
                    output += line.decode()
    return output
