"""What OpenTelemetry is told of a request, by its real SDK."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.tables.request_context import Meter
from shared.telemetry.open_telemetry import OpenTelemetry
from shared.telemetry.request_record import RequestRecord

ID = "0123456789abcdef0123456789abcdef"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PATCHED = {"http.request.method": "PATCH", "http.route": "/scim/v2/Users/{id}"}

METRICS = {
    "scim.requests": "{request}",
    "scim.request.duration": "s",
    "scim.storage.calls": "{call}",
    "scim.storage.entities": "{entity}",
}


@dataclass(frozen=True, slots=True)
class Told:
    """Telemetry and what it has told."""

    telemetry: OpenTelemetry
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.exporter.get_finished_spans()
        return span

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric: one for each combination of attributes."""
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def told() -> Told:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    return Told(OpenTelemetry(traces, MeterProvider([reader])), exporter, reader)


def finished(**changes: Any) -> RequestRecord:
    """Make a request that was served."""
    values: dict[str, Any] = {
        "request_id": "the-invocation",
        "method": "PATCH",
        "route": "scim/v2/Users/{id}",
        "status": 200,
        "began": time.time_ns(),
        "seconds": 0.125,
        "tenant": "acme",
        "token": "scim-token--acme/1a2b3c4d",
        "resource_id": ID,
        "client_request": "client-request-1",
        "meter": Meter(3, 5),
    }
    return RequestRecord(**values | changes)


def test_a_request_is_a_span_of_its_length_with_what_it_cost(told: Told) -> None:
    request = finished()
    told.telemetry.record(request)
    assert told.span.name == "PATCH /scim/v2/Users/{id}"
    assert told.span.kind is SpanKind.SERVER
    assert (told.span.start_time, told.span.end_time) == (
        request.began,
        request.began + 125_000_000,
    )
    assert told.span.status.status_code is StatusCode.UNSET
    assert told.span.parent is None
    assert dict(told.span.attributes or {}) == {
        **PATCHED,
        "http.response.status_code": 200,
        "faas.invocation_id": "the-invocation",
        "faas.trigger": "http",
        "scim.tenant": "acme",
        "scim.token": "scim-token--acme/1a2b3c4d",
        "scim.resource.id": ID,
        "scim.client_request.id": "client-request-1",
        "scim.storage.calls": 3,
        "scim.storage.entities": 5,
    }


def test_a_span_continues_the_trace_that_caused_the_request(told: Told) -> None:
    told.telemetry.record(finished(trace_parent=f"00-{TRACE}-{SPAN}-01"))
    assert told.span.parent is not None
    assert f"{told.span.parent.span_id:016x}" == SPAN
    assert f"{told.span.get_span_context().trace_id:032x}" == TRACE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("refusal", "error", "code"),
    [
        ({"status": 409, "scim_type": "uniqueness"}, "uniqueness", StatusCode.UNSET),
        ({"status": 401}, "401", StatusCode.UNSET),
        ({"status": 503}, "503", StatusCode.ERROR),
    ],
)
def test_a_refusal_is_named_and_only_a_fault_of_the_service_is_an_error(
    told: Told, refusal: dict[str, Any], error: str, code: StatusCode
) -> None:
    told.telemetry.record(finished(**refusal))
    assert (told.span.attributes or {})["error.type"] == error
    assert told.span.status.status_code is code
    (point,) = told.points("scim.requests")
    status_class = f"{refusal['status'] // 100}xx"
    assert point.attributes == {**PATCHED, "scim.status_class": status_class, "error.type": error}


def test_a_refused_operation_is_told_by_its_place(told: Told) -> None:
    told.telemetry.record(finished(status=400, operation=0, path="active"))
    attributes = told.span.attributes or {}
    assert (attributes["scim.operation"], attributes["scim.path"]) == (0, "active")


def test_what_is_not_known_is_left_out(told: Told) -> None:
    request = RequestRecord("i", "GET", "{*path}", status=404, seconds=0.001)
    told.telemetry.record(request)
    assert (told.span.attributes or {}).keys() == {
        *PATCHED,
        "http.response.status_code",
        "faas.invocation_id",
        "faas.trigger",
        "error.type",
    }
    assert told.points("scim.storage.calls") == []


def test_each_metric_counts_by_operation_and_class_of_status(told: Told) -> None:
    for calls, entities in ((2, 0), (3, 5)):
        told.telemetry.record(finished(meter=Meter(calls, entities)))
    told.telemetry.record(finished(status=204, method="DELETE", tenant="other"))
    told.telemetry.record(finished(status=503))
    served = {**PATCHED, "scim.status_class": "2xx"}
    deleted = {**served, "http.request.method": "DELETE"}
    failed = {**PATCHED, "scim.status_class": "5xx", "error.type": "503"}

    def by_attributes(name: str) -> dict[frozenset[tuple[str, str]], Any]:
        return {frozenset(point.attributes.items()): point for point in told.points(name)}

    for name in METRICS:
        keys = {frozenset(each.items()) for each in (served, deleted, failed)}
        assert by_attributes(name).keys() == keys
    of_served = frozenset(served.items())
    assert by_attributes("scim.requests")[of_served].value == 2
    durations = by_attributes("scim.request.duration")[of_served]
    assert (durations.count, durations.sum) == (2, 0.25)
    calls = by_attributes("scim.storage.calls")[of_served]
    assert (calls.count, calls.sum, calls.max) == (2, 5, 3)
    entities = by_attributes("scim.storage.entities")[of_served]
    assert (entities.count, entities.sum) == (2, 5)


def test_metrics_have_units(told: Told) -> None:
    told.telemetry.record(finished())
    data = told.reader.get_metrics_data()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name: metric.unit for metric in metrics} == METRICS


def test_clients_cannot_invent_metrics(told: Told) -> None:
    for number in range(100):
        told.telemetry.record(finished(status=405, method=f"METHOD{number}", tenant=f"t{number}"))
    (point,) = told.points("scim.requests")
    assert point.value == 100
    assert point.attributes["http.request.method"] == "_OTHER"
    assert {span.name for span in told.exporter.get_finished_spans()} == {
        "_OTHER /scim/v2/Users/{id}"
    }
