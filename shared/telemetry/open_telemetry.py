"""`Telemetry` on the OpenTelemetry SDK: a span for each request, and metrics by operation.

Where they go is chosen by the standard variables `OTEL_TRACES_EXPORTER` and
`OTEL_METRICS_EXPORTER` (opentelemetry.io, "SDK environment variables"). Where they are not set, it
is Application Insights when `APPLICATIONINSIGHTS_CONNECTION_STRING` tells where that is, as in
every deployment, and no OTLP endpoint is named. Exporters send from threads of their own, so that
no request waits for them.

The module takes some 100 ms to import, and its exporters more; it is imported when the
services are built and telemetry is on.
"""

import os
from importlib.metadata import entry_points
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.telemetry.request_record import FACTS, RequestRecord
from shared.telemetry.telemetry import TelemetryError

_SCOPE = "scim.requests"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
_CALLS = (0, 1, 2, 3, 5, 10, 25, 50, 100, 250, 1_000, 5_000)
_ENTITIES = (0, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

Attributes = dict[str, str | int | float]


class OpenTelemetry:
    """Tells each request as a span and in four metrics.

    The attributes of the metrics are few and have few values: method, route template, class of
    the status, and of a refusal its `scimType`, its status, or `rateLimit`. Tenants and ids stand
    in spans alone.
    """

    def __init__(self, traces: TracerProvider, metrics: MeterProvider) -> None:
        """Prepare the instruments.

        Args:
            traces: takes the spans; shut down with this object.
            metrics: takes the measurements; shut down with this object.
        """
        self._traces = traces
        self._metrics = metrics
        self._tracer = traces.get_tracer(_SCOPE)
        meter = metrics.get_meter(_SCOPE)
        self._requests = meter.create_counter("scim.requests", "{request}", "Requests answered.")
        self._duration = meter.create_histogram(
            "scim.request.duration",
            "s",
            "Time from a request to its answer.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._calls = meter.create_histogram(
            "scim.storage.calls",
            "{call}",
            "Calls of Table Storage that a request made, resends included.",
            explicit_bucket_boundaries_advisory=_CALLS,
        )
        self._entities = meter.create_histogram(
            "scim.storage.entities",
            "{entity}",
            "Entities of Table Storage that a request wrote.",
            explicit_bucket_boundaries_advisory=_ENTITIES,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Build the exporters that the variables of the environment ask for.

        Raises:
            TelemetryError: an exporter is not deployed, or refuses its variables.
            ModuleNotFoundError: a package that it needs is not deployed.
        """
        spans, measurements = _exporters("traces"), _exporters("metrics")
        resource = _resource()
        # The SDK's default follows the mark that the host's trace carries, and a host that exports
        # nothing by OpenTelemetry does not mark: spans would be lost without a word.
        sampler = None if "OTEL_TRACES_SAMPLER" in os.environ else ALWAYS_ON
        traces = TracerProvider(resource=resource, sampler=sampler)
        for exporter in spans:
            traces.add_span_processor(BatchSpanProcessor(exporter))
        # The exporter of Azure Monitor asks the process for its provider, to learn the resource.
        trace.set_tracer_provider(traces)
        readers = [PeriodicExportingMetricReader(exporter) for exporter in measurements]
        return cls(traces, MeterProvider(readers, resource=resource))

    def record(self, record: RequestRecord) -> None:
        """Take a request; see `Telemetry.record`."""
        operation = _operation(record)
        self._span(record, operation)
        outcome = {**operation, **_outcome(record)}
        self._requests.add(1, outcome)
        self._duration.record(record.seconds, outcome)
        if record.calls is not None and record.entities is not None:
            self._calls.record(record.calls, outcome)
            self._entities.record(record.entities, outcome)

    def close(self) -> None:
        """Send what is left; see `Telemetry.close`."""
        self._traces.shutdown()
        self._metrics.shutdown()

    def _span(self, record: RequestRecord, operation: Attributes) -> None:
        """Write the span when all is known; nothing in between needs it."""
        span: Span = self._tracer.start_span(
            f"{operation['http.request.method']} {operation['http.route']}",
            context=_parent(record),
            kind=SpanKind.SERVER,
            attributes={**operation, **_error(record), **_details(record)},
            start_time=record.began,
        )
        if record.status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(record.began + round(record.seconds * 1e9))


def _operation(record: RequestRecord) -> Attributes:
    """Name what was asked for.

    All methods that nothing serves are one, so that clients cannot invent metrics.
    """
    method = record.method if record.method in _METHODS else "_OTHER"
    return {"http.request.method": method, "http.route": f"/{record.route}"}


def _outcome(record: RequestRecord) -> Attributes:
    return {"scim.status_class": f"{record.status // 100}xx", **_error(record)}


def _error(record: RequestRecord) -> Attributes:
    if record.status < 400:
        return {}
    return {"error.type": record.refused_by or record.scim_type or str(record.status)}


def _details(record: RequestRecord) -> Attributes:
    """Say what only the span says: of whom, for whom, at what cost."""
    told = {fact.attribute: fact.read(record) for fact in FACTS if fact.attribute}
    details = {name: value for name, value in told.items() if value not in ("", None)}
    return {"faas.trigger": "http", **details}


def _parent(record: RequestRecord) -> Context:
    """Continue the trace of what caused the request, or begin one."""
    carrier = {"traceparent": record.trace_parent} if record.trace_parent else {}
    return TraceContextTextMapPropagator().extract(carrier, Context())


def _resource() -> Resource:
    """Name the service: as OpenTelemetry's variables do, or as App Service calls the app."""
    resource = Resource.create()
    if not str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return resource
    named = {SERVICE_NAME: os.environ.get("WEBSITE_SITE_NAME", "scim")}
    if "WEBSITE_INSTANCE_ID" in os.environ:
        named[SERVICE_INSTANCE_ID] = os.environ["WEBSITE_INSTANCE_ID"]
    return resource.merge(Resource(named))


def _exporters(signal: str) -> list[Any]:
    """Build the exporters that a variable names, separated by commas; none for `none`."""
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in (os.environ.get(variable) or _default(signal)).split(",")]
    return [_exporter(signal, variable, name) for name in names if name != "none"]


def _default(signal: str) -> str:
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    if any(os.environ.get(name) for name in endpoints):
        return "otlp"
    at_hand = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
    return "azure_monitor_opentelemetry_exporter" if at_hand else "otlp"


def _exporter(signal: str, variable: str, name: str) -> Any:
    # OTLP has two forms, of which the packages name each; this is the one that needs no gRPC.
    installed = "otlp_proto_http" if name == "otlp" else name
    group = entry_points(group=f"opentelemetry_{signal}_exporter")
    found = next(iter(group.select(name=installed)), None)
    if found is None:
        known = ", ".join(sorted(group.names))
        raise TelemetryError(
            f"{variable} names {name!r}, of which no package is deployed; put otlp, or one of"
            f" {known}"
        )
    try:
        return found.load()()
    except ValueError as error:
        raise TelemetryError(f"the exporter {name!r} of {variable} refuses: {error}") from error
