"""HTTP with patience: what is repeated, how long is waited, and what counts as failed."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web

from tests.support.fakes.recording_service import RecordingService, answer, refusal
from tools.provision import client as client_module
from tools.provision.client import Limits, ScimClient, retry_after
from tools.provision.results import Ledger, Operation, Sample, ServiceError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Waits:
    """Stands in for sleeping, and remembers for how long."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def connect(service: RecordingService, waits: Waits, **limits: float) -> ScimClient:
    chosen = Limits(
        connections=1,
        timeout=limits.get("timeout", 10),
        retries=int(limits.get("retries", 3)),
        longest_wait=limits.get("longest_wait", 60),
    )
    return ScimClient(service.url, "t0ken", Ledger(), chosen, waits)


async def refused(client: ScimClient, method: str, path: str) -> ServiceError:
    body: object = {} if method in {"POST", "PATCH"} else None
    with pytest.raises(ServiceError) as caught:
        await client.call(Operation.UPDATE_USER, method, path, body)
    return caught.value


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_a_busy_service_is_asked_again_when_it_said(
    service: RecordingService, status: int, method: str
) -> None:
    service.tell(method, refusal(status, "busy", Retry_After="7"), answer(200, {"a": 1}))
    waits = Waits()
    async with connect(service, waits) as client:
        assert await client.call(Operation.UPDATE_USER, method, "/Users/u1") == {"a": 1}
    assert waits.seconds == [7.0]
    (sample,) = client.ledger.samples
    assert (sample.retries, sample.ok) == (1, True)


async def test_without_retry_after_the_waits_grow(service: RecordingService) -> None:
    service.tell("GET", *(refusal(503, "busy") for _ in range(3)))
    service.tell("GET", answer(200, {}))
    waits = Waits()
    async with connect(service, waits) as client:
        await client.call(Operation.READ_BACK, "GET", "/Users")
    assert waits.seconds == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_it_is_said_that_a_request_is_repeated_once_for_many(
    service: RecordingService, method: str
) -> None:
    service.tell(method, *(refusal(503, "busy", Retry_After="7") for _ in range(3)))
    service.tell(method, answer(200, {}))
    said: list[str] = []
    limits = Limits(retries=3)
    async with ScimClient(service.url, "t", Ledger(), limits, Waits()) as client:
        client.say = said.append
        await client.call(Operation.UPDATE_USER, method, "/Users/u1")
    assert said == ["update user failed: HTTP 503: busy; trying again in 7 s"]


async def test_the_test_of_a_connection_to_nobody_fails_at_once() -> None:
    waits, said = Waits(), list[str]()
    async with ScimClient("http://127.0.0.1:1", "t", Ledger(), Limits(), waits) as client:
        client.say = said.append
        with pytest.raises(ServiceError, match="nobody answers there"):
            await client.call(Operation.TEST_CONNECTION, "GET", "/Users")
    assert (waits.seconds, said) == ([], [])


async def test_it_is_said_that_a_first_answer_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing answers until it was said."""
    monkeypatch.setattr(client_module, "PATIENCE_SECONDS", 0.01)
    said: list[str] = []
    was_said = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        was_said.set()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await was_said.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(late, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/scim/v2"
    async with server, ScimClient(url, "t", Ledger()) as client:
        client.say = say
        await client.call(Operation.TEST_CONNECTION, "GET", "/Users")
    assert said == [f"no answer from {url} yet; waiting up to 60 s"]


async def test_patience_ends(service: RecordingService) -> None:
    service.tell("GET", *(refusal(429, "slow down", Retry_After="1") for _ in range(9)))
    async with connect(service, Waits(), retries=2) as client:
        error = await refused(client, "GET", "/Users")
    assert (error.status, error.detail) == (429, "HTTP 429: slow down")
    assert len(service.requests) == 3


async def test_a_service_that_asks_for_too_long_a_wait_is_not_waited_for(
    service: RecordingService,
) -> None:
    service.tell("GET", refusal(503, "closed", Retry_After="3600"))
    waits = Waits()
    async with connect(service, waits) as client:
        assert (await refused(client, "GET", "/Users")).status == 503
    assert waits.seconds == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 412, 500, 502])
async def test_other_refusals_are_final(service: RecordingService, status: int) -> None:
    service.tell("PATCH", refusal(status, "no\nway", "invalidValue"))
    waits = Waits()
    async with connect(service, waits) as client:
        error = await refused(client, "PATCH", "/Users/u1")
    assert error.status == status
    assert error.detail == f"HTTP {status}: invalidValue: no way"
    assert waits.seconds == []
    assert client.ledger.samples[0].ok is False


async def test_an_accepted_status_is_a_success(service: RecordingService) -> None:
    async with connect(service, Waits()) as client:
        gone = await client.call(
            Operation.DELETE_USER, "DELETE", "/Users/none", accept=frozenset({404})
        )
    assert gone == {}
    assert client.ledger.samples[0].ok


@pytest.mark.parametrize(
    ("method", "attempts"), [("GET", 3), ("PATCH", 3), ("DELETE", 3), ("POST", 1)]
)
async def test_a_lost_answer_is_asked_for_again_unless_it_may_have_created(
    method: str, attempts: int
) -> None:
    waits = Waits()
    nowhere = ScimClient("http://127.0.0.1:1", "t", Ledger(), Limits(retries=2), waits)
    async with nowhere as client:
        error = await refused(client, method, "/Users")
    assert error.status is None
    assert "does the service run?" in error.detail
    assert len(waits.seconds) == attempts - 1


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (
            web.Response(status=301, headers={"Location": "https://new.example/scim/v2"}),
            "HTTP 301: redirected to https://new.example/scim/v2; give that address as --url",
        ),
        (web.Response(text="<html>"), "HTTP 200, but the body is not a JSON object"),
        (web.Response(body=b"[]"), "HTTP 200, but the body is not a JSON object"),
        (web.Response(status=500, text="oops"), "HTTP 500: no SCIM error in the body"),
        (
            web.Response(body=b"[" * 100_000),
            "HTTP 200, but the body is not a JSON object",
        ),
    ],
)
async def test_an_answer_that_is_not_scim_is_explained(
    service: RecordingService, given: web.Response, detail: str
) -> None:
    service.tell("GET", given)
    async with connect(service, Waits()) as client:
        assert (await refused(client, "GET", "/Users")).detail == detail


async def test_one_connection_is_kept_for_all_requests(service: RecordingService) -> None:
    async with connect(service, Waits()) as client:
        for _ in range(5):
            await client.call(Operation.READ_BACK, "GET", "/Users")
    assert len(service.peers) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_the_closing_table_counts_busy_time_only() -> None:
    ledger = Ledger()
    for started, ended, ok in ((0, 2, True), (1, 3, True), (100, 101, False)):
        ledger.samples.append(
            Sample(Operation.CREATE_USER, started, ended, (ended - started) / 10, 1, ok)
        )
    row, total = ledger.rows()
    assert (row.operation, row.count, row.ok, row.failed, row.retries) == (
        "create user",
        3,
        2,
        1,
        3,
    )
    assert row.rate == pytest.approx(3 / 4)
    assert (row.p50, row.p95, row.slowest) == pytest.approx((200, 200, 200))
    assert (total.operation, total.count) == ("all", 3)


def test_percentiles_are_values_that_occurred() -> None:
    ledger = Ledger()
    for number in range(1, 101):
        ledger.samples.append(Sample(Operation.READ_BACK, 0, 1, number / 1000, 0, True))
    row = ledger.rows()[0]
    assert (row.p50, row.p95, row.slowest) == pytest.approx((50, 95, 100))
