"""What telemetry is sent to, on loopback: an OTLP collector, and the ingestion of Azure Monitor."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(slots=True)
class Collector:
    """Takes what exporters send.

    Attributes:
        url: Where it listens.
        spans: OTLP spans, as they came.
        metrics: OTLP metrics, as they came; exporters repeat what has not changed.
        service: Attributes of the last OTLP resource.
        items: Telemetry items of Azure Monitor.
        sent: Every body, unpacked, to be searched for what should not be there.
    """

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    service: dict[str, str] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait for something to have come."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(holds)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a delivery."""
        body = await request.read()
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        async with self._came:
            self.sent.append(body)
            response = self._take(request.path, body)
            self._came.notify_all()
        return response

    def _take(self, path: str, body: bytes) -> web.Response:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.service = texts(resource.resource.attributes)
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            return web.Response(content_type="application/x-protobuf")
        if path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [each for scope in measured.scope_metrics for each in scope.metrics]
            return web.Response(content_type="application/x-protobuf")
        items = json.loads(body)
        self.items += items
        return web.json_response(
            {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}
        )


def texts(attributes: Any) -> dict[str, str]:
    """Read the attributes of OTLP that are strings."""
    return {each.key: each.value.string_value for each in attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Collect on a free port."""
    collector = Collector()
    runner = web.ServerRunner(web.Server(collector.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
