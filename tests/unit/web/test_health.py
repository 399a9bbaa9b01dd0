"""What monitors are told: whether the process lives, and whether what it depends on answers."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.auth.tokens import DevelopmentTokens
from shared.errors import TooManyRequests, Unavailable
from shared.web import services
from shared.web.readiness import Readiness
from tests.support.fakes.clock import Time
from tests.unit.web.conftest import BrokenTable, OneToken

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.functions as func

    from shared.settings import Settings
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from shared.web.services import Services
    from tests.conftest import NewContext

    Call = Callable[..., Any]

URL = "https://scim.example.com/readyz"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def vault() -> OneToken:
    return OneToken()


@pytest.fixture
def process(
    monkeypatch: pytest.MonkeyPatch, store: Store, settings: Settings, vault: OneToken, time: Time
) -> Services:
    """The services of the process on a real table, with a vault that does as it is told."""
    built = services.Services(settings, vault, store, readiness=Readiness(time.clock()))
    monkeypatch.setattr(services, "_current", built)
    return built


def told(response: func.HttpResponse) -> dict[str, Any]:
    """Return the report of an answer, its states and milliseconds apart."""
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = json.loads(response.get_body())
    return body


def states(response: func.HttpResponse) -> dict[str, str]:
    return {name: check["state"] for name, check in told(response)["checks"].items()}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_alive_needs_no_token_no_setting_and_no_dependency(
    call: Call, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(services, "_current", None)
    monkeypatch.setenv("TABLE_ENDPOINT", "nonsense")
    response = await call("healthz", method, headers={})
    assert (response.status_code, told(response)) == (200, {"status": "ok"})
    assert services._current is None


@pytest.mark.usefixtures("process")
async def test_other_methods_are_refused_in_scim(call: Call) -> None:
    for name in ("healthz", "readyz"):
        response = await call(name, "POST")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
        assert response.mimetype == "application/scim+json"
        assert json.loads(response.get_body())["status"] == "405"


async def test_readiness_is_for_the_token_of_the_default_tenant(
    call: Call, process: Services, vault: OneToken
) -> None:
    for headers in ({}, {"authorization": "Bearer the-token-of-another-tenant"}):
        response = await call("readyz", headers=headers)
        assert (response.status_code, response.mimetype) == (401, "application/scim+json")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert vault.readings == 0


@pytest.mark.usefixtures("process")
async def test_ready_tells_how_long_vault_and_table_took_and_nothing_else(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    response = await call("readyz")
    assert response.status_code == 200
    report = told(response)
    assert report.keys() == {"status", "checks"}
    assert report["status"] == "ready"
    assert report["checks"].keys() == {"vault", "table"}
    for check in report["checks"].values():
        assert check.keys() == {"state", "ms"}
        assert check["state"] == "ok"
        assert check["ms"] >= 0
    line = json.loads(caplog.records[-1].getMessage())
    # One call reads, three write, read back and remove.
    assert (line["route"], line["calls"], line["entities"]) == ("readyz", 4, 2)
    assert line["token"] == "label-of-the-token"
    assert "tenant" not in line  # the alert on silent tenants would take the monitor for one


@pytest.mark.usefixtures("process")
async def test_a_vault_that_does_not_answer_makes_the_service_unready(
    call: Call, vault: OneToken
) -> None:
    vault.answers = False
    response = await call("readyz")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert told(response)["status"] == "unavailable"
    assert states(response) == {"vault": "failed", "table": "ok"}


@pytest.mark.parametrize("fault", [Unavailable("lost"), TooManyRequests("slower"), TimeoutError()])
async def test_a_table_that_does_not_answer_makes_the_service_unready(
    call: Call, process: Services, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr(process.store.table, "get", BrokenTable(fault).get)
    response = await call("readyz")
    assert response.status_code == 503
    assert states(response) == {"vault": "ok", "table": "failed"}
    assert "lost" not in response.get_body().decode()


async def test_a_fault_of_ours_is_no_state_of_the_table(
    call: Call, process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process.store.table, "get", BrokenTable(KeyError("x")).get)
    response = await call("readyz")
    assert (response.status_code, response.mimetype) == (500, "application/scim+json")


@pytest.mark.usefixtures("process")
async def test_silence_is_a_failure_soon(
    call: Call, vault: OneToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.web.readiness._PATIENCE_SECONDS", 0.05)
    vault.answers = None
    response = await call("readyz")
    assert response.status_code == 503
    assert states(response)["vault"] == "failed"


async def test_a_table_is_not_waited_for_longer_than_a_probe_may_take(
    context: RequestContext, vault: OneToken
) -> None:
    seen: list[RequestContext] = []

    class Watched(BrokenTable):
        async def get(self, context: RequestContext, *_: Any) -> None:
            seen.append(context)

        async def transact(self, context: RequestContext, *_: Any) -> list[str]:
            seen.append(context)
            raise Unavailable("lost")

    await Readiness().report(vault, Watched(), context)
    assert len(seen) == 2
    for hurried in seen:
        assert hurried.remaining() <= 3.0 < context.remaining()
        assert hurried.meter is context.meter


@pytest.mark.usefixtures("process")
async def test_many_probes_at_once_are_one_reading(call: Call, vault: OneToken) -> None:
    answers = await asyncio.gather(*(call("readyz") for _ in range(50)))
    assert {each.status_code for each in answers} == {200}
    assert vault.readings == 1


@pytest.mark.usefixtures("process")
async def test_a_report_serves_for_five_seconds_good_or_bad(
    call: Call, vault: OneToken, time: Time
) -> None:
    vault.answers = False
    assert (await call("readyz")).status_code == 503
    vault.answers = True
    time.advance(4.9)
    assert (await call("readyz")).status_code == 503
    assert vault.readings == 1
    time.advance(0.2)
    assert (await call("readyz")).status_code == 200
    assert vault.readings == 2


async def test_a_probe_that_is_given_up_leaves_the_next_one_a_turn(
    new_context: NewContext, store: Store
) -> None:
    silent, readiness = OneToken(answers=None), Readiness()
    given_up = asyncio.create_task(readiness.report(silent, store.table, new_context()))
    await asyncio.sleep(0)
    given_up.cancel()
    report = await readiness.report(OneToken(), store.table, new_context())
    assert report.is_ready


async def test_where_tokens_come_from_settings_there_is_no_vault_to_ask(
    context: RequestContext, store: Store
) -> None:
    report = await Readiness().report(DevelopmentTokens({}), store.table, context)
    assert report.is_ready
    assert (report.vault.state, report.table.state) == ("unused", "ok")
