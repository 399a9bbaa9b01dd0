"""The log of the stand-in host: what programs read, and what people read."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from local.logs import LineFormatter

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService


def formatted(message: str, *values: object) -> str:
    record = logging.LogRecord("any", logging.WARNING, "file", 1, message, values, None)
    return LineFormatter().format(record)


def test_a_line_of_json_stands_alone() -> None:
    assert formatted("%s", '{"request": "1"}') == '{"request": "1"}'


def test_another_line_has_its_time_and_level() -> None:
    said = formatted("setting refused: %s", "TABLE_NAME")
    assert said.endswith(" WARNING setting refused: TABLE_NAME")
    assert said[:2] == "20"


async def test_each_request_is_a_line_that_a_reader_of_json_takes(
    running_service: RunningService,
) -> None:
    answer = await running_service.default.get("/Users?count=0")
    told = await running_service.log_line(answer)
    (line,) = [each for each in running_service.output if told["request"] in each]
    assert json.loads(line) == told
