"""Which requests give a hint that webhooks are due."""

from __future__ import annotations

import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.errors import NotFound, Unavailable
from shared.store.webhook_endpoints import EndpointState, WebhookEndpoint
from shared.tables.request_context import RequestContext
from shared.web.respond import handle
from shared.web.responses import ScimResponse
from shared.web.webhook_hints import MOST_HINTED, hint_at_waiting


class Hinted:
    """Webhooks that only note of which tenants hints were given."""

    def __init__(self) -> None:
        self.tenants: list[str] = []

    async def give_hint(self, tenant: str) -> None:
        self.tenants.append(tenant)


async def served(handler: Any) -> list[str]:
    """Serve a request; return of which tenants a hint was given."""
    hinted = Hinted()
    limit = SimpleNamespace(fields=lambda _: {})
    process = SimpleNamespace(webhooks=hinted, rate_limit_of=lambda _: limit)
    context = RequestContext("acme", "1", "test", time.monotonic() + 9)
    request = SimpleNamespace(method="GET", context=context)
    with suppress(NotFound, Unavailable):
        await handle({"GET": handler}, cast("Any", request), cast("Any", process))
    return hinted.tenants


async def test_a_request_that_has_committed_gives_one_hint() -> None:
    async def commits(request: Any, _: object) -> ScimResponse:
        request.context.next_transaction()
        request.context.next_transaction()
        return ScimResponse(204)

    assert await served(commits) == ["acme"]


async def test_one_whose_parts_have_committed_gives_one() -> None:
    async def bulk(request: Any, _: object) -> ScimResponse:
        request.context.meter.entities += 12
        return ScimResponse(200)

    assert await served(bulk) == ["acme"]


async def test_one_that_fails_half_way_gives_one() -> None:
    async def fails(request: Any, _: object) -> ScimResponse:
        request.context.next_transaction()
        raise Unavailable("half of it is done", retry_after=1)

    assert await served(fails) == ["acme"]


@pytest.mark.parametrize("found", [True, False])
async def test_one_that_reads_gives_none(found: bool) -> None:
    async def reads(request: Any, _: object) -> ScimResponse:
        request.context.meter.calls += 1
        if not found:
            raise NotFound("nobody")
        return ScimResponse(200)

    assert await served(reads) == []


def endpoint(state: EndpointState, tenants: tuple[str, ...] | None) -> WebhookEndpoint:
    return WebhookEndpoint("1" * 32, "https://hooks.example.com", tenants, state=state)


@pytest.mark.parametrize(
    ("changed", "hinted"),
    [
        (endpoint("enabled", ("acme", "contoso")), ["acme", "contoso"]),
        (endpoint("enabled", None), [f"t{number}" for number in range(MOST_HINTED)]),
        (endpoint("paused", ("acme",)), []),
    ],
)
async def test_an_endpoint_that_goes_on_has_hints_of_what_waits(
    changed: WebhookEndpoint, hinted: list[str]
) -> None:
    async def tenants() -> tuple[str, ...]:
        return tuple(f"t{number}" for number in range(MOST_HINTED + 5))

    webhooks = Hinted()
    services = SimpleNamespace(webhooks=webhooks, authenticator=SimpleNamespace(tenants=tenants))
    await hint_at_waiting(cast("Any", services), changed)
    assert webhooks.tenants == hinted
