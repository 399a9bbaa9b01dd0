"""The service with telemetry on, and off: processes of their own, over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from local import service as local_service
from tests.support.fakes.collectors import Collector, collecting, texts
from tests.support.fixtures.scim_client import Scim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
CLIENT_REQUEST = "5c1f6a1e-3f0e-4c44-9d8e-7b1f2d3c4a5b"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PERSON = {
    "userName": "zuleika.mcgillicuddy@contoso.test",
    "displayName": "Zuleika Who Is Nobody Else",
    "externalId": "external-5f21c0",
    "emails": [{"value": "private-address-7141@contoso.test"}],
}
PRIVATE = ("zuleika", "contoso", "external-5f21c0", "private-address-7141", "needle-in-a-haystack")

ONE_REQUEST = """
import asyncio, json, os, sys
import azure.functions as func
from function_app import app
from local.functions import index
from local.invocation import Context
from shared.web import services

async def main():
    functions = {each.function.name: each.function for each in index(app, "").http}
    request = func.HttpRequest(
        "GET",
        "https://scim.example.com/scim/v2/Users?count=0",
        headers={"authorization": "Bearer " + os.environ["SCIM_SECRET_TOKEN"]},
        body=b"",
    )
    answer = await functions["users"].call(
        req=request, context=Context(functions["users"], None)
    )
    await services.current().close()
    loaded = [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]
    print(json.dumps({"status": answer.status_code, "loaded": loaded}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


@pytest.fixture(scope="module")
async def scim(collector: Collector) -> AsyncIterator[Scim]:
    """The service with telemetry on, which sends often."""
    environ = {
        "SCIM_TELEMETRY": "on",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_METRIC_EXPORT_INTERVAL": "50",
    }
    async with (
        local_service.running(environ=environ) as service,
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
    ):
        yield Scim(http, service.tenant_url, service.token)


async def test_each_request_is_a_span_that_the_client_and_the_log_can_be_asked_about(
    scim: Scim, collector: Collector
) -> None:
    correlated = {
        "x-ms-client-request-id": CLIENT_REQUEST,
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-00",
    }
    answer = await scim.post("/Users", PERSON, headers=correlated)
    assert answer.status_code == 201
    invocation = answer.headers["request-id"]

    def told() -> list[dict[str, str]]:
        spans = [texts(span.attributes) for span in collector.spans if span.trace_id.hex() == TRACE]
        return [span for span in spans if span["faas.invocation_id"] == invocation]

    await collector.until(told)
    (span,) = told()
    assert span["http.route"] == "/scim/v2/Users"
    assert span["scim.client_request.id"] == CLIENT_REQUEST
    assert span["scim.resource.id"] == answer.json()["id"]


async def test_metrics_come_in_by_themselves(scim: Scim, collector: Collector) -> None:
    await scim.get("/ServiceProviderConfig")

    def counted() -> bool:
        return any(
            texts(point.attributes)["http.route"] == "/scim/v2/ServiceProviderConfig"
            for metric in collector.metrics
            if metric.name == "scim.requests"
            for point in metric.sum.data_points
        )

    await collector.until(counted)


async def test_nothing_that_is_sent_names_a_person_a_secret_or_a_query(
    scim: Scim, collector: Collector
) -> None:
    user = await scim.create_user(f"2-{PERSON['userName']}", displayName="Zuleika")
    await scim.get("/Users?filter=userName+eq+%22needle-in-a-haystack%22")
    await scim.get("/Users?filter=userName+is+%22needle-in-a-haystack%22")
    await scim.get("/Users/needle-in-a-haystack")
    await scim.get("/Users", headers={"Authorization": "Bearer needle-in-a-haystack"})
    named = {"x-request-id": "zuleika@contoso.test", "traceparent": "zuleika"}
    await scim.patch(
        f"/Users/{user['id']}",
        {"op": "replace", "path": 'emails[value eq "needle-in-a-haystack"].x', "value": "zuleika"},
        headers=named,
    )
    last = await scim.delete(f"/Users/{user['id']}")
    invocation = last.headers["request-id"].encode()
    await collector.until(lambda: any(invocation in body for body in collector.sent))
    everything = b"\n".join(collector.sent).lower()
    assert [text for text in (*PRIVATE, scim.token.lower()) if text.encode() in everything] == []
    assert b"filter=" not in everything


@pytest.mark.parametrize(("setting", "is_loaded"), [("off", False), ("on", True)])
def test_nothing_of_opentelemetry_is_imported_unless_it_is_on(
    storage: Azurite, setting: str, is_loaded: bool
) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "SCIM_SECRET_TOKEN": "a-token-for-one-request",
        "SCIM_TELEMETRY": setting,
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
    }
    ran = subprocess.run(
        [sys.executable, "-c", ONE_REQUEST],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["status"] == 200
    assert bool(told["loaded"]) is is_loaded
