from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import azure.functions as func
import pytest
from yarl import URL

from local.host import serve
from local.host_json import HostJson

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE_APP = """
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="healthz")
async def healthz(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse()

@app.route(route="scim/v2/environ/{name}")
async def environ(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ.get(req.route_params["name"], ""))

@app.route(route="scim/v2/exit/{code:int}")
async def leave(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(int(req.route_params["code"]))
"""
"""Tells the settings that it was given, and ends its process when asked to."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A client that sends paths and query strings exactly as they are written."""

    session: aiohttp.ClientSession
    base_url: str

    def request(
        self, method: str, target: str, **options: object
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = URL(self.base_url + target, encoded=True)
        return self.session.request(method, url, **options)  # type: ignore[arg-type]  # any option

    async def text(self, target: str, method: str = "GET", **options: object) -> str:
        async with self.request(method, target, **options) as answer:
            assert answer.status == 200, (answer.status, await answer.text())
            return await answer.text()

    async def status(self, target: str, method: str = "GET", **options: object) -> int:
        async with self.request(method, target, **options) as answer:
            return answer.status


Serving = Callable[..., AbstractAsyncContextManager[Wire]]


@pytest.fixture
def app() -> func.FunctionApp:
    return func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@pytest.fixture
def serving(app: func.FunctionApp) -> Serving:
    """Serves the app over HTTP; takes what `serve` takes."""

    @asynccontextmanager
    async def start(
        settings: HostJson | None = None, environ: dict[str, str] | None = None
    ) -> AsyncIterator[Wire]:
        settings = settings or HostJson(route_prefix="")
        async with (
            serve(app, settings=settings, environ=environ or {}) as base_url,
            aiohttp.ClientSession() as session,
        ):
            yield Wire(session, base_url)

    return start


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a function app, as a clone of a repository would be."""
    (tmp_path / "sample_app.py").write_text(SAMPLE_APP)
    settings = {"IsEncrypted": False, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python"}}
    (tmp_path / "local.settings.sample.json").write_text(json.dumps(settings))
    host = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
    (tmp_path / "host.json").write_text(json.dumps(host))
    return tmp_path
