"""Connect: what the identity provider is told, its tokens, and whether they work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from portal.connection_test import run_test
from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from shared.errors import Unavailable
from shared.store.changes import SECRET_TOKEN, Change
from shared.store.commits import commit
from shared.store.counters import read_numbers
from shared.store.setup_links import Right

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.auth.token_admin import TokenAdmin, TokenVersion
    from shared.web.responses import ScimResponse

PROVIDERS: Final = ("entra", "okta", "other")
_DAYS: Final = 365
_SOON: Final = 30 * 86_400


async def show_connection(visit: Visit) -> ScimResponse:
    """GET of the page: what to enter where. 2 calls, and one of the vault."""
    return await _show(visit, done=visit.query.get("done", ""))


async def draw_token(visit: Visit) -> ScimResponse:
    """POST that draws a token, which the answer shows and nothing else ever does. 2 calls."""
    form = visit.form()
    admin = _token_admin(visit)
    session = visit.entered
    newest = await _newest(visit, admin)
    if form.get("newest", "") != newest:
        # A form that is sent again draws no second token, which would end one that is in use.
        raise PageRefusal(409, "tokens_changed")
    await _record(visit, "create", "drawn")
    drawn = await admin.draw_token(session.context.tenant, _DAYS)
    return await _show(visit, drawn=drawn.value)


async def revoke_token(visit: Visit) -> ScimResponse:
    """POST that revokes a token. 2 calls."""
    form = visit.form()
    admin = _token_admin(visit)
    await _record(visit, "delete", "revoked")
    await admin.revoke_token(visit.entered.context.tenant, form.get("version", ""))
    return see_other("/portal/connect?done=revoked#tokens")


async def test_connection(visit: Visit) -> ScimResponse:
    """POST of a token, which is tested and forgotten. 3 calls."""
    form = visit.form()
    tenant = visit.entered.context.tenant
    request_id = f"{visit.record.request_id}-test"
    tested = await run_test(visit.tenant_url, tenant, form.get("token", ""), request_id)
    return await _show(visit, tested=tested)


async def _show(visit: Visit, **values: Any) -> ScimResponse:
    shown = {"drawn": None, "tested": None, "done": "", **values}
    provider = visit.query.get("provider", "")
    admin = visit.services.token_admin
    tokens, is_readable = await _tokens(visit, admin)
    return render(
        visit,
        "connect.html",
        provider=provider if provider in PROVIDERS else PROVIDERS[0],
        tokens=tokens,
        newest=tokens[0].id if tokens else "",
        can_draw=admin is not None and is_readable and visit.entered.may(Right.ROTATE),
        knows_tokens=admin is not None,
        is_readable=is_readable,
        expires_soon=_expire_soon(tokens),
        numbers=await read_numbers(visit.services.store.table, visit.entered.context),
        **shown,
    )


async def _tokens(visit: Visit, admin: TokenAdmin | None) -> tuple[list[TokenVersion], bool]:
    """List the tokens; tell whether they can be read, since all else is shown without them."""
    if admin is None:
        return [], True
    try:
        return await admin.list_tokens(visit.entered.context.tenant), True
    except Unavailable:
        return [], False


async def _newest(visit: Visit, admin: TokenAdmin) -> str:
    tokens = await admin.list_tokens(visit.entered.context.tenant)
    return tokens[0].id if tokens else ""


async def _record(visit: Visit, verb: Any, name: str) -> None:
    """Put into the audit what is about to be done to a token: the vault knows no transaction."""
    session = visit.entered
    change = Change(SECRET_TOKEN, session.link.id, verb, (name,))
    await commit(visit.services.store.table, session.context, change, [])


def _token_admin(visit: Visit) -> TokenAdmin:
    if visit.services.token_admin is None:
        raise PageRefusal(409, "no_token_admin")
    return visit.services.token_admin


def _expire_soon(tokens: list[TokenVersion]) -> bool:
    """Tell whether every token that opens the tenant expires within a month."""
    ends = [each.expires for each in tokens if each.state == "valid"]
    limit = time.time() + _SOON
    return bool(ends) and all(end is not None and end < limit for end in ends)
