"""Setup links of a tenant, as the vendor's staff make, list and revoke them."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from shared.errors import Conflict, NotFound
from shared.portal_codes import PortalCode, may_return_to
from shared.store import layout
from shared.store.setup_links import MOST_LINKS, Right

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portal.visit import Visit
    from shared.store.setup_links import SetupLink
    from shared.web.responses import ScimResponse

DAYS: Final = (1, 7, 14, 30, 90)
DEFAULT_DAYS: Final = 7


async def show_links(visit: Visit) -> ScimResponse:
    """GET of the links. 1 call."""
    return await _show(visit, done=visit.query.get("done", ""))


async def make_link(visit: Visit) -> ScimResponse:
    """POST that makes a link, which the answer shows and nothing else ever does. 4 calls."""
    form = visit.form()
    context = visit.entered.context
    rights = [right for right in Right if form.get(f"right_{right}") == "on"]
    if not rights or form.get("days", "") not in map(str, DAYS):
        raise PageRefusal(400, "link_without_rights")
    links = visit.services.store.setup_links
    url = _return_url(visit, form)
    if form.get("known") != _digest_of(await links.list_links(context)):
        # A form that is sent again makes no second link, which nobody would know of.
        raise PageRefusal(409, "links_changed")
    try:
        issued = await links.issue(context, rights, int(form["days"]), url)
    except Conflict:
        raise PageRefusal(409, "too_many_links") from None
    code = PortalCode(context.tenant, issued.link.id, issued.secret)
    return await _show(visit, made=code.url(visit.base_url))


async def revoke_link(visit: Visit) -> ScimResponse:
    """POST that revokes a link, and ends its session. 2 calls."""
    link_id = visit.form().get("link", "")
    if not layout.is_id(link_id):
        raise NotFound("There is no such link.")
    await visit.services.store.setup_links.revoke(visit.entered.context, link_id)
    return see_other("/portal/setup-links?done=revoked")


async def _show(visit: Visit, **values: Any) -> ScimResponse:
    links = await visit.services.store.setup_links.list_links(visit.entered.context)
    shown = {"made": "", "done": "", **values}
    return render(
        visit,
        "setup_links.html",
        links=links,
        known=_digest_of(links),
        now=time.time(),
        days=DAYS,
        default_days=DEFAULT_DAYS,
        most_links=MOST_LINKS,
        may_return=bool(visit.services.settings.portal_return_hosts),
        **shown,
    )


def _digest_of(links: Iterable[SetupLink]) -> str:
    """Tell one list of links from another."""
    return hashlib.sha256(" ".join(sorted(each.id for each in links)).encode()).hexdigest()


def _return_url(visit: Visit, form: Mapping[str, str]) -> str:
    """Read where the portal is to lead back to.

    Raises:
        PageRefusal: it may not lead there.
    """
    url = form.get("return_url", "").strip()
    if url and not may_return_to(url, visit.services.settings.portal_return_hosts):
        raise PageRefusal(400, "return_url")
    return url
