"""The way in and out: opening a setup link, the first page, signing out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from portal.visit import ALL_TENANTS, context_of
from shared.portal_codes import STAFF, PortalCode, read_code
from shared.store.setup_links import Right

if TYPE_CHECKING:
    from portal.staff import StaffMember
    from portal.visit import Visit
    from shared.store.setup_links import Opening
    from shared.web.responses import ScimResponse

PLATFORM_SIGN_OUT = "/.auth/logout?post_logout_redirect_uri=%2Fportal%2Ftenants"

_REASONS = {"opened": "link_used", "revoked": "link_revoked"}


async def ask_to_open(visit: Visit) -> ScimResponse:
    """GET of the page that a setup link leads to. No call.

    What opens the portal stands behind `#`, which no server sees. It is sent when a person says so,
    not when a program that looks at links in mail loads the page.
    """
    return render(visit, "open.html")


async def open_portal(visit: Visit) -> ScimResponse:
    """POST of a setup link: begins the session. 2 calls."""
    code = read_code(visit.open_form().get("link", ""))
    if code is None:
        raise PageRefusal(400, "link_malformed")
    context = await context_of(visit, code, f"portal/{code.link[:8]}")
    opening = await visit.services.store.setup_links.open_link(context, code.link, code.secret)
    if opening.session is None:
        raise _refusal_of(opening)
    session = PortalCode(code.tenant, code.link, opening.session)
    if code.tenant == STAFF:
        return see_other(ALL_TENANTS, {"Set-Cookie": visit.staff_cookie(session)})
    return see_other("/portal", {"Set-Cookie": visit.session_cookie(session)})


async def first_page(visit: Visit) -> ScimResponse:
    """GET of the portal: goes on to the first page that the session may see. 1 call."""
    session = visit.entered
    if session.may(Right.CONNECT):
        return see_other("/portal/connect")
    return see_other("/portal/watch" if session.may(Right.WATCH) else "/portal/connect")


async def sign_out(visit: Visit) -> ScimResponse:
    """POST that ends the session. 3 calls of a customer; of staff none, or 2 on this machine."""
    visit.form()
    session = visit.entered
    if session.member is not None:
        return await _sign_out_staff(visit, session.member)
    if session.link is not None:
        await visit.services.store.setup_links.end_session(session.context, session.link.id)
    headers = {"Set-Cookie": visit.session_cookie(None)}
    return render(visit, "signed_out.html", headers=headers)


async def _sign_out_staff(visit: Visit, member: StaffMember) -> ScimResponse:
    """Forget what forms were bound to, and let the platform end its session."""
    headers = {"Set-Cookie": visit.staff_cookie(None)}
    if not visit.services.settings.is_development:
        return see_other(PLATFORM_SIGN_OUT, headers)
    context = replace(visit.entered.context, tenant=STAFF)
    await visit.services.store.setup_links.end_session(context, member.id)
    return see_other(ALL_TENANTS, headers)


def _refusal_of(opening: Opening) -> PageRefusal:
    """Tell whoever has the secret what has become of the link, and nobody else."""
    if opening.link is None:
        return PageRefusal(404, "link_unknown")
    # Whatever was neither opened nor revoked, and begins no session, has expired.
    return PageRefusal(410, _REASONS.get(opening.link.state(0), "link_expired"))
