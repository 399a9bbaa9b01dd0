"""The example product, in this process, against the running service."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from product.database import Database
from product.settings import Settings
from product.web import create_app
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

Serve = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def product_settings(running_service: RunningService, scim: Scim, tmp_path: Path) -> Settings:
    """Of a product that waits for events, for the tenant of `scim`."""
    return Settings(
        service_url=running_service.base_url,
        api_key=KEYS["product"],
        tenant=scim.tenant_url.split("/")[4],
        database_url=f"sqlite:///{tmp_path}/product.db",
        port=0,
        interval=0.2,
        wait=20,
        is_secure=False,
    )


@pytest.fixture
def serve() -> Serve:
    """Serves a product, and gives a browser that visits it."""

    @asynccontextmanager
    async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
        database = Database(settings.database_url)
        app = create_app(settings, database)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://product.test") as browser,
        ):
            yield browser
        database.close()

    return serving


@pytest.fixture
async def browser(serve: Serve, product_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a product that runs."""
    async with serve(product_settings) as visiting:
        yield visiting


@pytest.fixture
async def cut_off(serve: Serve, product_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a product whose service does not answer."""
    async with serve(replace(product_settings, service_url="http://127.0.0.1:9")) as visiting:
        yield visiting
