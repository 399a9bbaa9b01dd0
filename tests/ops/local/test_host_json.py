"""The part of host.json that the stand-in host obeys."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from local import host_json
from local.errors import LocalError

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_left_out_is_as_the_host_has_it(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    assert host_json.read(tmp_path / "host.json") == host_json.HostJson("api", {}, 1800.0)


def test_this_project_serves_more_than_one_root_and_bounds_what_an_instance_takes() -> None:
    settings = host_json.read(ROOT / "host.json")
    assert settings.route_prefix == ""
    assert settings.function_timeout == 60.0
    assert settings.custom_headers == {"X-Content-Type-Options": "nosniff"}
    assert settings.log_level == logging.INFO
    assert (settings.max_outstanding_requests, settings.max_concurrent_requests) == (100, 40)


def test_queues_are_polled_as_the_host_does_by_default(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")
    queues = host_json.read(tmp_path / "host.json").queues
    assert (queues.max_polling_interval, queues.visibility_timeout) == (60.0, 0.0)
    assert (queues.batch_size, queues.max_dequeue_count, queues.message_encoding) == (
        16,
        5,
        "base64",
    )
    assert queues.new_batch_threshold == 8 * (os.cpu_count() or 1), "half a batch a processor"
    development = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    assert host_json.read(tmp_path / "host.json", development).queues.max_polling_interval == 2.0


def test_this_project_polls_each_second_or_so_and_spreads_the_tries_of_a_hint() -> None:
    queues = host_json.read(ROOT / "host.json").queues
    assert queues == host_json.QueueSettings(
        max_polling_interval=1.25,
        visibility_timeout=10.0,
        batch_size=32,
        new_batch_threshold=16,
        max_dequeue_count=5,
        message_encoding="base64",
    )


@pytest.mark.parametrize(
    "queues",
    [
        [],
        {"maxPollingInterval": "2"},
        {"maxPollingInterval": 2},
        {"maxPollingInterval": "00:00:00.01"},
        {"maxPollingInterval": "00:00:61"},
        {"visibilityTimeout": "soon"},
        {"batchSize": 0},
        {"batchSize": 33},
        {"batchSize": True},
        {"batchSize": "16"},
        {"newBatchThreshold": -1},
        {"maxDequeueCount": 0},
        {"messageEncoding": "utf-8"},
    ],
)
def test_what_the_host_would_not_take_for_queues_is_told(tmp_path: Path, queues: object) -> None:
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))
    with pytest.raises(LocalError, match=r"host\.json: .*queues must"):
        host_json.read(tmp_path / "host.json")


def test_queues_take_what_the_host_takes(tmp_path: Path) -> None:
    queues = {"maxPollingInterval": "00:00:00.5", "batchSize": 1, "newBatchThreshold": 0}
    queues |= {"maxDequeueCount": 1, "messageEncoding": "None", "visibilityTimeout": "00:01:00"}
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))
    found = host_json.read(tmp_path / "host.json").queues
    assert found == host_json.QueueSettings(0.5, 60.0, 1, 0, 1, "none")


def test_minus_one_stands_for_any_number_of_requests(tmp_path: Path) -> None:
    http = {"maxOutstandingRequests": -1, "maxConcurrentRequests": 7}
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"http": http}}))
    settings = host_json.read(tmp_path / "host.json")
    assert (settings.max_outstanding_requests, settings.max_concurrent_requests) == (None, 7)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"extensions": []}',
        '{"functionTimeout": "soon"}',
        '{"logging": {"logLevel": 1}}',
        '{"extensions": {"http": {"maxOutstandingRequests": 0}}}',
        '{"extensions": {"http": {"maxConcurrentRequests": "40"}}}',
    ],
)
def test_what_the_host_would_not_read_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "host.json").write_text(content)
    with pytest.raises(LocalError, match=r"host\.json"):
        host_json.read(tmp_path / "host.json")


def test_without_host_json_there_is_no_app(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="is missing"):
        host_json.read(tmp_path / "host.json")
