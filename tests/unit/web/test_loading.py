"""What requests need is imported by one thread, once, and requests wait for it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InternalError
from shared.web import loading as shared_loading
from shared.web import services
from shared.web.loading import Loading
from shared.web.responses import problem_title, problem_type

if TYPE_CHECKING:
    from collections.abc import Callable


ROOT = Path(__file__).parents[3]


@dataclass(slots=True)
class Work:
    """Work that waits for the test, fails when it says so, and notes what was done by whom."""

    steps: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    collected: list[bool] = field(default_factory=list)
    fault: BaseException | None = None
    may_end: threading.Event = field(default_factory=threading.Event)

    def load(self) -> str:
        assert self.may_end.wait(10)
        self._note("load")
        self.collected.append(gc.isenabled())
        if self.fault is not None:
            raise self.fault
        return "loaded"

    def prepare(self, loaded: str) -> None:
        self._note(f"prepare what was {loaded}")

    def _note(self, step: str) -> None:
        self.steps.append(step)
        self.threads.add(threading.get_ident())


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def loading(work: Work) -> Loading[str]:
    return Loading(work.load, work.prepare)


async def turns_of_the_loop(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_it_begins_when_the_loop_is_free_and_not_before(
    work: Work, loading: Loading[str]
) -> None:
    work.may_end.set()
    loading.begin_soon()
    assert not [thread for thread in threading.enumerate() if thread.name == "loading"]
    await asyncio.sleep(0)
    await loading.wait()
    assert work.threads.isdisjoint({threading.get_ident()})


async def test_ahead_of_requests_the_services_are_prepared_too(
    work: Work, loading: Loading[str]
) -> None:
    work.may_end.set()
    loading.begin_soon()
    await asyncio.sleep(0)
    await loading.wait()
    assert work.steps == ["load", "prepare what was loaded"]


async def test_what_is_prefetched_runs_on_the_loop_and_no_request_waits_for_it(work: Work) -> None:
    is_begun, may_end, has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def prefetch(loaded: str) -> None:
        assert (loaded, threading.get_ident()) == ("loaded", own)
        is_begun.set()
        await may_end.wait()
        has_ended.set()

    own = threading.get_ident()
    loading = Loading(work.load, work.prepare, prefetch)
    work.may_end.set()
    loading.begin_soon()
    async with asyncio.timeout(10):
        await is_begun.wait()
        assert await loading.wait() == "loaded"
        assert work.steps == ["load", "prepare what was loaded"]
        may_end.set()
        await has_ended.wait()


async def test_without_a_loop_at_indexing_the_first_request_loads_and_prepares_nothing(
    work: Work, loading: Loading[str]
) -> None:
    await asyncio.to_thread(loading.begin_soon)  # a thread has no loop
    work.may_end.set()
    assert await loading.wait() == "loaded"
    assert work.steps == ["load"]


async def test_requests_that_come_meanwhile_wait_without_holding_up_the_loop(
    work: Work, loading: Loading[str]
) -> None:
    loading.begin_soon()
    await asyncio.sleep(0)
    requests = [asyncio.create_task(loading.wait()) for _ in range(3)]
    await turns_of_the_loop()
    assert not any(request.done() for request in requests)
    work.may_end.set()
    await asyncio.gather(*requests)
    assert work.steps == ["load", "prepare what was loaded"]
    assert len(work.threads) == 1


async def test_a_request_that_is_cancelled_cancels_nothing_but_itself(
    work: Work, loading: Loading[str]
) -> None:
    cancelled, other = (asyncio.create_task(loading.wait()) for _ in range(2))
    await turns_of_the_loop()
    cancelled.cancel()
    await turns_of_the_loop()
    assert cancelled.cancelled()
    work.may_end.set()
    await other
    assert work.steps == ["load"]


async def test_what_is_loaded_is_kept_from_the_garbage_collector(
    work: Work, loading: Loading[str]
) -> None:
    gc.unfreeze()
    work.may_end.set()
    await loading.wait()
    assert work.collected == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


async def test_what_fails_is_in_the_log_and_tried_again(
    work: Work, loading: Loading[str], caplog: pytest.LogCaptureFixture
) -> None:
    work.may_end.set()
    work.fault = ModuleNotFoundError("No module named 'pydantic'")
    with pytest.raises(ModuleNotFoundError):
        await loading.wait()
    (line,) = caplog.records
    assert (line.levelno, line.exc_info is not None) == (logging.ERROR, True)
    work.fault = None
    await loading.wait()
    await loading.wait()
    assert work.steps == ["load", "load"]


async def test_a_request_that_cannot_be_loaded_for_is_a_scim_error(
    call: Callable[..., Any], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.may_end.set()
    work.fault = ModuleNotFoundError("No module named 'pydantic'")
    monkeypatch.setattr(shared_loading, "_loading", Loading(work.load, work.prepare))
    response = await call("users")
    body = json.loads(response.get_body())
    assert (response.status_code, response.mimetype) == (500, "application/scim+json")
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == "500"
    assert response.headers["Request-Id"]
    assert "pydantic" not in body["detail"]


async def test_below_the_api_it_is_a_problem(
    call: Callable[..., Any], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.may_end.set()
    work.fault = ModuleNotFoundError("No module named 'pydantic'")
    monkeypatch.setattr(shared_loading, "_loading", Loading(work.load, work.prepare))
    response = await call("api_access")
    problem = json.loads(response.get_body())
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    told = (problem["type"], problem["title"])
    assert told == (problem_type(InternalError), problem_title(InternalError))
    assert (problem["status"], problem["instance"]) == (500, response.headers["Request-Id"])
    assert "pydantic" not in problem["detail"]


async def test_services_that_cannot_be_built_ahead_are_no_fault_of_the_loading(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Any) -> Any:
        raise OSError("no such disk")

    monkeypatch.setattr(services, "_current", None)
    monkeypatch.setattr(services, "build", broken)
    monkeypatch.setenv("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    services.prepare()
    (line,) = caplog.records
    assert "could not be built ahead" in line.getMessage()
    assert line.exc_info is not None


AS_THE_WORKER_DOES = """
import asyncio, json, sys, threading

async def index_and_wait():
    import function_app
    indexed = sorted(sys.modules)
    await asyncio.sleep(0)
    (loading,) = [thread for thread in threading.enumerate() if thread.name == "loading"]
    await asyncio.to_thread(loading.join)
    loaded = sorted(sys.modules)
    await sys.modules["shared.web.services"].current().close()
    print(json.dumps([indexed, loaded]))

asyncio.run(index_and_wait())
"""
DEVELOPMENT = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "SCIM_SECRET_TOKEN": "a-token-of-development",
}
PRODUCTION = {
    "TABLE_ENDPOINT": "https://contoso.table.core.windows.net",
    "KEY_VAULT_URL": "https://contoso.vault.azure.net",
}
OF_REQUESTS = {"aiohttp", "scim_users.handlers", "shared.tables.rest.client"}
OF_PRODUCTION = {"azure.identity.aio", "azure.keyvault.secrets.aio"}


@pytest.mark.parametrize(
    ("environ", "loaded_too"),
    [(DEVELOPMENT, set[str]()), (PRODUCTION, OF_PRODUCTION)],
    ids=["development", "production"],
)
def test_after_indexing_all_is_imported_that_requests_need_in_these_settings(
    environ: dict[str, str], loaded_too: set[str]
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", AS_THE_WORKER_DOES],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    indexed, loaded = map(set, json.loads(run.stdout))
    assert not indexed & (OF_REQUESTS | OF_PRODUCTION)
    assert loaded & (OF_REQUESTS | OF_PRODUCTION) == OF_REQUESTS | loaded_too
    assert run.stderr == ""
