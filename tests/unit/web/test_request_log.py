"""The log: one line of JSON a request, with nothing in it about a person."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, NotFound, ScimError, Unavailable
from shared.tables.request_context import Meter
from shared.telemetry.request_record import RequestRecord
from shared.web.request_log import write_fault, write_line
from shared.web.respond import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.web.responses import ScimResponse

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger="scim.requests"):
        yield caplog


def written(log: pytest.LogCaptureFixture) -> tuple[int, dict[str, Any]]:
    """Return the level and the fields of the one line."""
    (record,) = log.records
    message = record.getMessage()
    assert "\n" not in message
    fields: dict[str, Any] = json.loads(message)
    assert fields.pop("ms") >= 0
    return record.levelno, fields


def begun(**known: Any) -> RequestRecord:
    return RequestRecord("the-id", "PATCH", "scim/v2/Users/{id}", **known)


def write(status: int, **known: Any) -> None:
    """Write the line of a request of which something is known."""
    record = begun(**known)
    record.finish(status)
    write_line(record)


async def refuse(error: ScimError) -> ScimResponse:
    raise error


def test_a_served_request_is_a_line_with_what_it_cost(log: pytest.LogCaptureFixture) -> None:
    write(200, tenant="acme", token="scim-token/1a2b", resource_id=ID, meter=Meter(3, 5))
    assert written(log) == (
        logging.INFO,
        {
            "request": "the-id",
            "method": "PATCH",
            "route": "scim/v2/Users/{id}",
            "status": 200,
            "tenant": "acme",
            "token": "scim-token/1a2b",
            "resource": ID,
            "calls": 3,
            "entities": 5,
        },
    )


async def test_a_refused_operation_is_told_by_its_index_and_attribute(
    log: pytest.LogCaptureFixture, log_fields: frozenset[str]
) -> None:
    error = InvalidValue("ana@x is no boolean", operation=0, path="active")
    await run(refuse(error), begun())
    level, fields = written(log)
    assert level == logging.INFO
    assert (fields["scimType"], fields["operation"], fields["path"]) == (
        "invalidValue",
        0,
        "active",
    )
    assert "ana" not in log.text
    assert fields.keys() <= log_fields


async def test_what_is_not_known_is_left_out(log: pytest.LogCaptureFixture) -> None:
    await run(refuse(Unavailable("no tokens")), begun())
    level, fields = written(log)
    assert level == logging.WARNING
    assert fields.keys() == {"request", "method", "route", "status"}


@pytest.mark.parametrize("named", ["ana@contoso.test", ID.upper(), f"{ID}\n", "0" * 33])
async def test_what_a_path_names_is_logged_only_if_it_is_an_id_of_ours(
    log: pytest.LogCaptureFixture, named: str
) -> None:
    await run(refuse(NotFound("no such user")), begun(resource_id=named))
    assert "resource" not in written(log)[1]


def test_what_is_not_implemented_is_no_failure_of_the_service(
    log: pytest.LogCaptureFixture,
) -> None:
    write(501)
    assert written(log)[0] == logging.INFO


def test_a_fault_is_told_by_its_type_and_place_and_not_by_its_message(
    log: pytest.LogCaptureFixture,
) -> None:
    address = "@".join(["ana", "contoso"])  # so that it does not stand in a line of the source
    try:
        int(address)
    except ValueError as fault:
        write_fault("the-id", fault)
    (record,) = log.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("request the-id failed with ValueError\n")
    assert "test_request_log.py" in record.getMessage()
    assert address not in record.getMessage()
    assert record.exc_info is None
