"""Connect: what the identity provider is told, its tokens, and whether they work."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.connect_clients import read_methods
from portal.connection_test import run_client_test, run_test
from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from shared.auth.secret_changes import Requester
from shared.auth.versions import VersionState
from shared.errors import Conflict, NotFound, NotServed, ScimError, Unavailable
from shared.store import layout
from shared.store.changes import SECRET_TOKEN, Change
from shared.store.commits import commit
from shared.store.counters import read_numbers
from shared.store.setup_links import Right

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.visit import Visit
    from shared.auth.versions import Standing
    from shared.store.changes import Verb
    from shared.store.counters import ResourceNumbers
    from shared.web.responses import ScimResponse

PROVIDERS: Final = ("entra", "okta", "other")
MOST_TOKENS: Final = 10
"""Tokens that are listed; what is older ended long ago."""

_DAYS: Final = 365
_DAY: Final = 86_400
_SOON: Final = 30 * _DAY
_ENDED: Final = (VersionState.DISABLED, VersionState.EXPIRED)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as the page lists it, without its value; times in POSIX seconds.

    Attributes:
        id: its version.
        label: what the log and the change rows call it.
        state: the last part of the key of its text.
        created: when it was drawn.
        expires: when it expires; None for never.
        can_be_revoked: whether to revoke it does something, and leaves a newer one.
    """

    id: str
    label: str
    state: str
    created: float
    expires: float | None
    can_be_revoked: bool


@dataclass(frozen=True, slots=True)
class ShownTokens:
    """What the page knows of the tokens.

    Attributes:
        tokens: the newest first.
        is_served: whether this service can list and draw them.
        is_readable: whether the vault has answered.
    """

    tokens: Sequence[ListedToken] = ()
    is_served: bool = True
    is_readable: bool = True

    @property
    def is_closed(self) -> bool:
        """Whether the vendor has closed the tenant, which to draw a token would open."""
        return bool(self.tokens) and self.tokens[0].state == VersionState.DISABLED

    @property
    def newest(self) -> str:
        """The version of the newest one; "" without any."""
        return self.tokens[0].id if self.tokens else ""

    @property
    def expire_soon(self) -> bool:
        """Whether every token that opens the tenant expires within a month."""
        ends = [each.expires for each in self.tokens if each.state == VersionState.VALID]
        limit = time.time() + _SOON
        return bool(ends) and all(end is not None and end < limit for end in ends)


async def show_connection(visit: Visit) -> ScimResponse:
    """GET of the page: what to enter where. 2 calls, and one of the vault."""
    return await _show(visit, await _numbers(visit), done=visit.query.get("done", ""))


async def draw_token(visit: Visit) -> ScimResponse:
    """POST that draws a token, which the answer shows and nothing else ever does. 3 calls."""
    form = visit.form()
    tenant = visit.entered.context.tenant
    listed = await _tokens(visit)
    if listed.is_closed:
        raise PageRefusal(409, "tenant_closed")
    if form.get("newest", "") != listed.newest:
        # A form that is sent again draws no second token, which would end one that is in use.
        raise PageRefusal(409, "tokens_changed")
    numbers = await _numbers(visit)
    try:
        new = await visit.services.tenant_tokens.draw(
            tenant, time.time() + _DAYS * _DAY, _requester(visit), reopens=False
        )
    except Conflict:
        raise PageRefusal(409, "tokens_changed") from None
    await _record(visit, "create", "drawn")
    return await _show(visit, numbers, form.get("provider", ""), drawn=new.drawn.token)


async def revoke_token(visit: Visit) -> ScimResponse:
    """POST that revokes a token. 2 calls."""
    version = visit.form().get("version", "")
    if not layout.is_id(version):
        raise NotFound("There is no such token.")
    tenant = visit.entered.context.tenant
    if await visit.services.tenant_tokens.revoke(tenant, version, _requester(visit)):
        await _record(visit, "delete", "revoked")
    return see_other("/portal/connect?done=revoked#tokens")


async def test_connection(visit: Visit) -> ScimResponse:
    """POST of a token or of a client secret, which is tested and forgotten. 3 calls."""
    form = visit.form()
    is_of_client = visit.query.get("by") == "client"
    tested = await (run_client_test if is_of_client else run_test)(visit, form)
    what = "client" if is_of_client else "token"
    numbers, chosen = await _numbers(visit), form.get("provider", "")
    return await _show(visit, numbers, chosen, tested=tested, tested_by=what)


async def _show(
    visit: Visit, numbers: ResourceNumbers, chosen: str = "", **values: Any
) -> ScimResponse:
    """Render the page, for the identity provider that a form or the address has chosen."""
    provider = chosen or visit.query.get("provider", "")
    listed = await _list_for_page(visit)
    is_drawn_here = listed.is_served and listed.is_readable and not listed.is_closed
    shown = {"drawn": None, "tested": None, "tested_by": "", "done": "", **values}
    return render(
        visit,
        "connect.html",
        provider=provider if provider in PROVIDERS else PROVIDERS[0],
        listed=listed,
        methods=await read_methods(visit),
        can_draw=is_drawn_here and visit.entered.may(Right.ROTATE),
        numbers=numbers,
        **shown,
    )


async def _list_for_page(visit: Visit) -> ShownTokens:
    """List the tokens; all else of the page is shown where they cannot be read."""
    try:
        return await _tokens(visit)
    except NotServed:
        return ShownTokens(is_served=False)
    except Unavailable:
        return ShownTokens(is_readable=False)


async def _tokens(visit: Visit) -> ShownTokens:
    """List the tokens.

    Raises:
        NotServed: this service knows no tokens.
        Unavailable: they cannot be read at present.
    """
    judged = await visit.services.tenant_tokens.versions(visit.entered.context.tenant)
    return ShownTokens([_listed(visit, each, judged[0]) for each in judged[:MOST_TOKENS]])


def _listed(visit: Visit, standing: Standing, newest: Standing) -> ListedToken:
    version = standing.version
    return ListedToken(
        id=version.id,
        label=visit.services.tenant_tokens.label(visit.entered.context.tenant, version.id),
        state=standing.state.replace(" ", "_"),
        created=version.created,
        expires=version.expires,
        can_be_revoked=version.created < newest.version.created and standing.state not in _ENDED,
    )


async def _numbers(visit: Visit) -> ResourceNumbers:
    return await read_numbers(visit.services.store.table, visit.entered.context)


async def _record(visit: Visit, verb: Verb, name: str) -> None:
    """Put into the audit what was done to a token.

    The vault and the table know no common transaction. What is done is done, and the log has told
    it (`scim.tokens`); so the person sees it, also where the table does not answer.
    """
    session = visit.entered
    change = Change(SECRET_TOKEN, session.id, verb, (name,))
    try:
        await commit(visit.services.store.table, session.context, change, [])
    except ScimError as error:
        _log.error(
            "The activity of %s lacks that a token was %s by %s: %s",
            session.context.tenant,
            name,
            session.context.actor,
            type(error).__name__,
        )


def _requester(visit: Visit) -> Requester:
    """Tell on whose behalf tokens are managed: the log names the setup link."""
    context = visit.entered.context
    return Requester(context.actor, context.request_id, context.deadline)
