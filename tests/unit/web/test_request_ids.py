"""Ids that come from outside: of what form they must be to go into the log."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.web.request_ids import CLIENT_REQUEST_HEADERS, client_request

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., Any]

GUID = "5c1f6a1e-3f0e-4c44-9d8e-7b1f2d3c4a5b"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACE_PARENT = f"00-{TRACE}-{SPAN}-01"
OF_THE_HOST = f"00-{'a' * 32}-{'b' * 16}-00"


@pytest.fixture
def line(call: Call, caplog: pytest.LogCaptureFixture) -> Callable[..., Any]:
    """Send a request to the catch-all and return its line in the log."""
    caplog.set_level(logging.INFO)

    async def send(traced_by_host: str = "", **headers: str) -> dict[str, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        await call("zz_no_such_path", headers=sent, traced_by_host=traced_by_host)
        fields: dict[str, Any] = json.loads(caplog.records[-1].getMessage())
        return fields

    return send


@pytest.mark.parametrize("header", CLIENT_REQUEST_HEADERS)
async def test_the_clients_own_id_goes_into_the_line(
    line: Call, log_fields: frozenset[str], header: str
) -> None:
    written = await line(**{header: f" {GUID} "})
    assert written["clientRequest"] == GUID
    assert written.keys() <= log_fields


@pytest.mark.parametrize(
    "value",
    [GUID.upper(), "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a" * 63 + "1", "Wx4-abc_12", "1234abcd"],
)
def test_ids_that_machines_draw_are_taken(value: str) -> None:
    assert client_request({"x-request-id": value}) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ana@contoso.test",
        "ana.ruiz.1984",
        "Ana Ruiz 1984",
        "ana-ruiz-is-here",
        "short-1",
        "1" * 65,
        "12345678\r\nevil: 1",
        '12345678","status":200',
        "\uff11" * 9,
        "{id}12345678",
        f"{GUID},{GUID}",
    ],
)
def test_what_could_hold_something_else_is_left_out(value: str) -> None:
    assert client_request({"x-request-id": value}) == ""


def test_the_first_header_with_a_safe_id_counts() -> None:
    first, second, third, _ = CLIENT_REQUEST_HEADERS
    headers = {first: "ana@contoso.test", second: "second-2", third: "third-33"}
    assert client_request(headers) == "second-2"


async def test_the_line_names_the_trace_of_the_host_before_that_of_the_client(line: Call) -> None:
    assert (await line(traced_by_host=OF_THE_HOST, traceparent=TRACE_PARENT))["trace"] == "a" * 32
    assert (await line(traceparent=TRACE_PARENT))["trace"] == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ana@contoso.test",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"{TRACE_PARENT}-ana",
        f"{TRACE_PARENT}\n{TRACE_PARENT}",
    ],
)
async def test_what_is_no_trace_is_left_out(line: Call, value: str) -> None:
    written = await line(traced_by_host=value, traceparent=value)
    assert "trace" not in written
    assert "clientRequest" not in written
