"""The part of host.json that the stand-in host obeys."""

from __future__ import annotations

import json
import logging
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
