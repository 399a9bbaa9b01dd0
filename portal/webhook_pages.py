"""Webhook endpoints, as the vendor's staff watch them: deliveries, redelivery, pause and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from portal.side_by_side import context_at
from portal.visit import ALL_WEBHOOKS
from portal.webhook_health import read_health, read_stream, shown_url, tenants_of
from shared.errors import PreconditionFailed
from shared.store.webhook_deliveries import (
    DELIVERY_KINDS,
    MOST_REDELIVERED,
    DeliveryStream,
    Redelivery,
)
from shared.web.webhook_hints import hint_at_waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portal.visit import Visit
    from shared.store.webhook_deliveries import DeliveryState
    from shared.store.webhook_endpoints import EndpointState, WebhookEndpoint
    from shared.web.responses import ScimResponse

ENDPOINTS_ON_A_PAGE: Final = 10
DELIVERIES_ON_A_PAGE: Final = 25
TENANTS_SUGGESTED: Final = 200
_STATES: Final[dict[str, DeliveryState]] = {each: each for each in DELIVERY_KINDS}
_ORDER: Final[dict[EndpointState, int]] = {"disabled": 0, "paused": 1, "enabled": 2}


async def show_endpoints(visit: Visit) -> ScimResponse:
    """GET of the endpoints. 1 call, and those of `read_health` for each of the page."""
    if _is_off(visit):
        return render(visit, "webhooks.html", is_off=True)
    context = visit.entered.context
    endpoints = sorted(
        await visit.services.store.webhook_endpoints.list(context),
        key=lambda each: (_ORDER[each.state], each.created, each.id),
    )
    number = visit.page_number
    begin = (number - 1) * ENDPOINTS_ON_A_PAGE
    shown = await read_health(visit, endpoints[begin : begin + ENDPOINTS_ON_A_PAGE])
    return render(
        visit,
        "webhooks.html",
        is_off=False,
        number=len(endpoints),
        disabled=sum(each.state == "disabled" for each in endpoints),
        shown=shown,
        shown_url=shown_url,
        page=number,
        has_more=begin + ENDPOINTS_ON_A_PAGE < len(endpoints),
    )


async def show_endpoint(visit: Visit) -> ScimResponse:
    """GET of an endpoint, with the deliveries of a tenant. 4 calls to 8."""
    return await _show(visit, await _find(visit), visit.query)


async def change_endpoint(visit: Visit) -> ScimResponse:
    """POST of a pause, a resumption or a redelivery. 3 calls, and those of `redeliver`."""
    form = visit.form()
    endpoint = await _find(visit)
    match form.get("action"):
        case "pause":
            return await _put_into(visit, endpoint, "paused", form)
        case "resume":
            return await _put_into(visit, endpoint, "enabled", form)
        case "redeliver":
            wanted = Redelivery(ids=(form.get("delivery", ""),))
            return await _redeliver(visit, endpoint, wanted, form)
        case "redeliver_dead":
            return await _redeliver(visit, endpoint, Redelivery(), form)
    raise PageRefusal(400, "no_form")


async def _put_into(
    visit: Visit, endpoint: WebhookEndpoint, state: EndpointState, form: Mapping[str, str]
) -> ScimResponse:
    """Change the state of an endpoint, if it is still the one that the page has shown."""
    version = form.get("version", "")
    try:
        changed = await visit.services.store.webhook_endpoints.update(
            visit.entered.context,
            endpoint.id,
            lambda held: held.in_state(state),
            lambda held: held == version,
        )
    except PreconditionFailed:
        return await _show(visit, await _find(visit), form, status=409, refused="changed")
    await hint_at_waiting(visit.services, changed)
    return _back(endpoint, form, done=state)


async def _redeliver(
    visit: Visit, endpoint: WebhookEndpoint, wanted: Redelivery, form: Mapping[str, str]
) -> ScimResponse:
    stream = DeliveryStream(endpoint.id, await _tenant(visit, endpoint, form))
    deliveries = visit.services.store.webhook_deliveries
    done = await deliveries.redeliver(visit.entered.context, stream, wanted)
    if done.number:
        await visit.services.webhooks.give_hint(stream.tenant)
    return _back(endpoint, form, done="redelivered", number=str(done.number))


def _back(endpoint: WebhookEndpoint, form: Mapping[str, str], **told: str) -> ScimResponse:
    """Send the browser back to the list that the form was in."""
    place = {name: form[name] for name in ("tenant", "state") if form.get(name)}
    return see_other(f"{ALL_WEBHOOKS}/{endpoint.id}?{urlencode({**place, **told})}")


async def _show(
    visit: Visit,
    endpoint: WebhookEndpoint,
    asked: Mapping[str, str],
    *,
    status: int = 200,
    refused: str = "",
) -> ScimResponse:
    tenants = await tenants_of(visit, endpoint)
    shown: dict[str, Any] = {"stream": None, "deliveries": [], "older": "", "newest": ""}
    if tenants:
        tenant = await _tenant(visit, endpoint, asked)
        shown = await _read_deliveries(visit, DeliveryStream(endpoint.id, tenant), asked)
    number = visit.query.get("number", "")
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MOST_REDELIVERED))
    return render(
        visit,
        "webhook.html",
        status=status,
        endpoint=endpoint,
        url=shown_url(endpoint),
        tenants=tenants[:TENANTS_SUGGESTED],
        has_tenants=len(tenants) > 1,
        states=_STATES,
        state=_state(asked) or "",
        refused=refused,
        done=visit.query.get("done", "") if not refused else "",
        number=int(number) if is_number else 0,
        most=MOST_REDELIVERED,
        **shown,
    )


async def _read_deliveries(
    visit: Visit, stream: DeliveryStream, asked: Mapping[str, str]
) -> dict[str, Any]:
    """Read a page of deliveries, and how they fare. 3 calls to 7."""
    context = context_at(visit, stream.tenant)
    state, cursor = _state(asked), asked.get("cursor") or None
    try:
        health = await read_stream(visit, context, stream)
        page = await visit.services.store.webhook_deliveries.page(
            context, stream, state, DELIVERIES_ON_A_PAGE, cursor
        )
    finally:
        visit.entered.context.meter.add(context.meter)
    place = {"tenant": stream.tenant, **({"state": state} if state else {})}
    return {
        "stream": health,
        "deliveries": page.deliveries,
        "older": urlencode({**place, "cursor": page.cursor}) if page.cursor else "",
        "newest": urlencode(place) if cursor else "",
    }


async def _find(visit: Visit) -> WebhookEndpoint:
    """Return the endpoint of the path. 1 call.

    Raises:
        PageRefusal: webhooks are switched off.
        NotFound: there is none.
    """
    if _is_off(visit):
        raise PageRefusal(404, "webhooks_off")
    endpoint_id = visit.req.route_params["id"]
    return await visit.services.store.webhook_endpoints.get(visit.entered.context, endpoint_id)


async def _tenant(visit: Visit, endpoint: WebhookEndpoint, asked: Mapping[str, str]) -> str:
    """Read whose deliveries are meant: those of the first tenant, if nothing is said.

    Raises:
        PageRefusal: the endpoint is not of this tenant.
    """
    tenants: Sequence[str] = await tenants_of(visit, endpoint)
    tenant = asked.get("tenant", "").strip().lower() or next(iter(tenants), "")
    if tenant not in tenants:
        raise PageRefusal(404, "no_tenant")
    return tenant


def _state(asked: Mapping[str, str]) -> DeliveryState | None:
    return _STATES.get(asked.get("state", ""))


def _is_off(visit: Visit) -> bool:
    return visit.services.settings.webhooks == "off"
