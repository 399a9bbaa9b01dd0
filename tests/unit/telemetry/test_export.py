"""Where telemetry goes: chosen by standard variables, sent by the real exporters over HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from shared.settings import Settings
from shared.tables.request_context import Meter
from shared.telemetry.configured import open_telemetry
from shared.telemetry.request_record import RequestRecord
from shared.telemetry.telemetry import Off, Telemetry
from tests.support.fakes.collectors import Collector, collecting, texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ON = Settings.from_environment(
    {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_TELEMETRY": "on"}
)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AZURE_MONITOR = "azure_monitor_opentelemetry_exporter"
KEY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(autouse=True)
def log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> pytest.LogCaptureFixture:
    """A process without variables of telemetry, and its log."""
    # The exporter of Azure Monitor makes a folder there for what it could not send.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in os.environ:
        if name.startswith(("OTEL_", "APPLICATIONINSIGHTS_", "WEBSITE_")):
            monkeypatch.delenv(name)
    # What the exporter of Azure Monitor would tell Microsoft about itself, and ask of it.
    for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        monkeypatch.setenv(f"APPLICATIONINSIGHTS_{name}", "true")
    return caplog


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


def request(trace_parent: str = "") -> RequestRecord:
    return RequestRecord(
        request_id="the-invocation",
        method="POST",
        route="scim/v2/Users",
        status=201,
        began=time.time_ns(),
        seconds=0.02,
        tenant="acme",
        trace_parent=trace_parent,
        meter=Meter(2, 6),
    )


async def sent(telemetry: Telemetry, *requests: RequestRecord) -> None:
    """Record requests and close, which sends what is left."""
    for each in requests:
        telemetry.record(each)
    await asyncio.to_thread(telemetry.close)


def reasons(log: pytest.LogCaptureFixture) -> list[str]:
    prefix = "SCIM_TELEMETRY is on, but no telemetry is sent: "
    errors = [each.getMessage() for each in log.records if each.levelno >= logging.ERROR]
    assert all(each.startswith(prefix) for each in errors), errors
    return [each.removeprefix(prefix) for each in errors]


async def test_without_further_variables_spans_and_metrics_go_out_by_otlp(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    await sent(open_telemetry(ON), request())
    (span,) = collector.spans
    assert span.name == "POST /scim/v2/Users"
    assert texts(span.attributes)["scim.tenant"] == "acme"
    assert {metric.name for metric in collector.metrics} == {
        "scim.requests",
        "scim.request.duration",
        "scim.storage.calls",
        "scim.storage.entities",
    }
    assert reasons(log) == []


async def test_a_span_is_sent_although_the_host_does_not_sample_its_trace(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    await sent(open_telemetry(ON), request(f"00-{TRACE}-{SPAN}-00"))
    (span,) = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)


async def test_the_standard_sampler_is_obeyed(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    await sent(open_telemetry(ON), request())
    assert collector.spans == []
    assert collector.metrics


@pytest.mark.parametrize(
    ("variables", "name", "instance"),
    [
        ({}, "scim", None),
        ({"WEBSITE_SITE_NAME": "func-scim", "WEBSITE_INSTANCE_ID": "i7"}, "func-scim", "i7"),
        ({"WEBSITE_SITE_NAME": "func-scim", "OTEL_SERVICE_NAME": "identities"}, "identities", None),
    ],
)
async def test_the_service_is_named_as_the_operator_or_the_platform_calls_it(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    name: str,
    instance: str | None,
) -> None:
    for variable in variables.items():
        monkeypatch.setenv(*variable)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    await sent(open_telemetry(ON), request())
    assert collector.service["service.name"] == name
    assert instance is None or collector.service["service.instance.id"] == instance


async def test_each_signal_goes_where_its_variable_says_or_nowhere(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    await sent(open_telemetry(ON), request())
    assert (collector.spans, bool(collector.metrics)) == ([], True)


@pytest.mark.parametrize("named", ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT"])
async def test_application_insights_is_left_alone_where_otlp_is_named(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={KEY}")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    monkeypatch.setenv(named, "otlp" if named == "OTEL_TRACES_EXPORTER" else collector.url)
    await sent(open_telemetry(ON), request())
    assert len(collector.spans) == 1


async def test_application_insights_takes_spans_and_metrics_where_it_is_at_hand(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    connection = f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}/"
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", connection)
    await sent(open_telemetry(ON), request(f"00-{TRACE}-{SPAN}-00"))
    kinds = {item["data"]["baseType"]: item for item in collector.items}
    assert kinds.keys() == {"RequestData", "MetricData"}
    told = kinds["RequestData"]
    assert told["tags"]["ai.operation.id"] == TRACE
    assert told["tags"]["ai.operation.parentId"] == SPAN
    data = told["data"]["baseData"]
    assert (data["name"], data["responseCode"]) == ("POST /scim/v2/Users", "201")
    assert data["properties"]["scim.storage.calls"] == "2"
    assert reasons(log) == []


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER names 'zipkin', of which no"),
        ({"OTEL_METRICS_EXPORTER": "otlp, x"}, "OTEL_METRICS_EXPORTER names 'x', of which no"),
        (
            {"OTEL_TRACES_EXPORTER": AZURE_MONITOR},
            f"the exporter '{AZURE_MONITOR}' of OTEL_TRACES_EXPORTER refuses: Instrumentation key",
        ),
    ],
)
def test_an_exporter_that_cannot_be_had_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    variables: dict[str, str],
    reason: str,
) -> None:
    for variable in variables.items():
        monkeypatch.setenv(*variable)
    assert isinstance(open_telemetry(ON), Off)
    (line,) = reasons(log)
    assert line.startswith(reason)


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.sdk.trace"])
def test_missing_packages_are_one_line_that_says_what_to_deploy(
    monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, missing: str
) -> None:
    for name in [each for each in sys.modules if f"{each}.".startswith(f"{missing}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "shared.telemetry.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    assert isinstance(open_telemetry(ON), Off)
    (line,) = reasons(log)
    assert line.startswith(f"no module {missing}")
    assert line.endswith("deploy the packages of telemetry as docs/operate.md says")


def test_off_is_the_default_and_takes_requests(log: pytest.LogCaptureFixture) -> None:
    development: dict[str, Any] = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    telemetry = open_telemetry(Settings.from_environment(development))
    assert isinstance(telemetry, Off)
    telemetry.record(request())
    telemetry.close()
    assert log.records == []
