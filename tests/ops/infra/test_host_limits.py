"""What the host takes of an instance agrees with what the template makes the instance."""

from __future__ import annotations

from local import host_json
from shared.settings import Settings
from tests.ops.infra.bicep import INFRA, ROOT, of_kind

LIMITS = host_json.read(ROOT / "host.json")
PARAMETERS = of_kind(INFRA / "main.bicep", "parameter")

MIB = 1_048_576
HOST_AND_WORKER = 316 * MIB
"""What both take after load, measured on the host itself."""

OF_A_BODY = 14
"""Times a body that is held by host and worker together while its request waits, measured."""


def bounds_of(name: str) -> tuple[int, int]:
    decorators = PARAMETERS[name].decorators
    return decorators["minValue"][0], decorators["maxValue"][0]


def test_the_platform_starts_an_instance_before_requests_wait_in_the_host() -> None:
    assert LIMITS.max_concurrent_requests is not None
    concurrency = PARAMETERS["perInstanceConcurrency"].body
    assert 2 * concurrency <= LIMITS.max_concurrent_requests


def test_no_deployment_wants_more_at_once_than_the_host_lets_through() -> None:
    assert bounds_of("perInstanceConcurrency")[1] == LIMITS.max_concurrent_requests


def test_requests_wait_in_the_host_and_not_for_long() -> None:
    at_once, most = LIMITS.max_concurrent_requests, LIMITS.max_outstanding_requests
    assert at_once is not None
    assert most is not None
    assert 2 * at_once <= most <= 3 * at_once


def test_as_many_of_the_largest_bodies_fit_into_the_memory_of_an_instance() -> None:
    assert LIMITS.max_outstanding_requests is not None
    body = Settings.model_fields["max_body_bytes"].default
    memory = PARAMETERS["instanceMemoryMB"].body * MIB
    assert HOST_AND_WORKER + LIMITS.max_outstanding_requests * body * OF_A_BODY <= memory


def test_the_host_ends_nothing_that_the_service_would_still_answer() -> None:
    deadline = Settings.model_fields["request_deadline_seconds"].default
    assert deadline < LIMITS.function_timeout
