from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from function_app import app
from local.functions import index
from shared.auth.tokens import AcceptedCredentials, ApiKey, Caller
from shared.errors import Unauthorized
from shared.scim.documents import changed_names
from shared.settings import Settings
from shared.store.store import open_store
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import FACTS
from shared.web import services
from shared.web.requests import ScimRequest
from shared.web.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.functions import HttpFunction
    from shared.auth.tokens import Choose, SecretToken

TOKEN = "the-token-of-these-tests"
REQUEST_ID = "8f14e45f-ceea-467f-a0e6-62a1d6b4a5c1"


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that the host says an invocation belongs to."""

    trace_parent: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the worker passes a function beside the request."""

    invocation_id: str = REQUEST_ID
    trace_context: Trace = field(default_factory=lambda: Trace(""))


@dataclass(slots=True)
class OneToken:
    """Opens every tenant that can be named to one token; what holds it answers unless told not to.

    Attributes:
        answers: what a reading finds; None takes its time for ever.
        readings: how many there were.
    """

    answers: bool | None = True
    readings: int = 0

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        if tenant is None or authorization != f"Bearer {TOKEN}":
            raise Unauthorized("The token does not open the tenant.")
        return Caller(tenant, "label-of-the-token")

    async def identify(self, authorization: str | None) -> ApiKey:
        del authorization
        raise Unauthorized("There are no API keys.")

    async def has_tenant(self, tenant: str) -> bool:
        return bool(tenant)

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        del tenant
        return AcceptedCredentials(by_token=True)

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        return ()

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        del secret, choose
        return None

    async def refresh(self) -> bool:
        self.readings += 1
        if self.answers is None:
            await asyncio.Event().wait()
        return bool(self.answers)

    async def tenants(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        return


@dataclass(slots=True)
class BrokenTable:
    """A table that answers every call with the fault of a test."""

    fault: Exception = field(default_factory=lambda: AssertionError("storage was not to be asked"))
    is_closed: bool = False

    async def get(self, *_: Any) -> Any:
        raise self.fault

    async def page(self, *_: Any) -> Any:
        raise self.fault

    async def transact(self, *_: Any) -> Any:
        raise self.fault

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="session")
def log_fields() -> frozenset[str]:
    """All that a line of the log may hold."""
    return frozenset(fact.field for fact in FACTS)


@pytest.fixture(scope="session")
def functions() -> dict[str, HttpFunction]:
    """The HTTP functions of the app by name, in the order in which the host tries their routes."""
    return {each.function.name: each for each in index(app, "").http}


@pytest.fixture
def broken_table() -> BrokenTable:
    return BrokenTable()


@pytest.fixture
def settings() -> Settings:
    return Settings.from_environment({"AZURE_FUNCTIONS_ENVIRONMENT": "Development"})


@pytest.fixture
def process(
    monkeypatch: pytest.MonkeyPatch, broken_table: BrokenTable, settings: Settings
) -> Services:
    """The services of the process: one token opens all tenants, and storage fails."""
    built = Services(settings, OneToken(), open_store(broken_table, changed_names))
    monkeypatch.setattr(services, "_current", built)
    return built


@pytest.fixture
def call(functions: dict[str, HttpFunction]) -> Callable[..., Any]:
    """Invoke a function as the worker does."""

    async def invoke(
        name: str,
        method: str = "GET",
        *,
        url: str = "https://scim.example.com/scim/v2/Users",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        traced_by_host: str = "",
        **route_params: str,
    ) -> func.HttpResponse:
        request = func.HttpRequest(
            method,
            url,
            headers={"authorization": f"Bearer {TOKEN}"} if headers is None else headers,
            route_params=route_params,
            body=body,
        )
        context = Context(trace_context=Trace(traced_by_host))
        response = await functions[name].function.call(req=request, context=context)
        assert isinstance(response, func.HttpResponse)
        return response

    return invoke


@pytest.fixture
def request_of() -> Callable[..., ScimRequest]:
    """Make the request that a handler is given."""

    def make(query: dict[str, str] | None = None, **changes: Any) -> ScimRequest:
        values: dict[str, Any] = {
            "method": "GET",
            "tenant_url": "https://scim.example.com/scim/v2",
            "context": RequestContext("default", REQUEST_ID, "label", time.monotonic() + 25),
            "query": query or {},
            "headers": {},
            "resource_id": "",
            "read": dict,
        }
        return ScimRequest(**{**values, **changes})

    return make
