"""The pages of the portal by the names of their routes, and the one policy around all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

import azure.functions as func

from portal import (
    activity_pages,
    connect_pages,
    entry_pages,
    guard_pages,
    look_up_pages,
    look_up_then_pages,
    mapping_pages,
    overview_pages,
    roles_pages,
    setup_link_pages,
    watch_pages,
    webhook_pages,
    why_pages,
)
from portal.refusals import PageRefusal, RightMissing, SessionOver, headers_of, refusal_of
from portal.rendering import render
from portal.routes import find_page
from portal.static_endpoint import serve_static_file
from portal.visit import (
    ALL_TENANTS,
    HOME,
    LANGUAGE_COOKIE,
    Visit,
    find_session,
    find_staff,
    visit_of,
)
from shared import tenants
from shared.errors import ScimError
from shared.store.setup_links import Right
from shared.web import services
from shared.web.request_log import write_fault
from shared.web.respond import method_not_allowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from shared.telemetry.request_record import RequestRecord
    from shared.web.respond import Endpoint
    from shared.web.responses import ScimResponse

    Page = Callable[[Visit], Awaitable[ScimResponse]]
    Methods = Mapping[str, Page]

_YEAR: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class _Page:
    """The endpoint of a page.

    Attributes:
        methods: what serves each method.
        right: which the session must have; None for any.
        is_open: whether it is shown without a session.
        audience: whose page it is: of `customers`, whose pages staff have too; of `staff` at a
            tenant; of staff at `no_tenant`.
    """

    methods: Methods
    right: Right | None = None
    is_open: bool = False
    audience: Literal["customers", "staff", "no_tenant"] = "customers"

    @property
    def is_of_tenant(self) -> bool:
        """Whether staff see it at a tenant."""
        return not self.is_open and self.audience != "no_tenant"

    async def __call__(self, req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        """Serve a customer; where the page is that of no tenant, a member of staff."""
        visit = visit_of(req, record, services.current())
        if self.audience == "no_tenant":
            return await self._serve(visit, lambda: _enter_as_staff(visit, None))
        return await self._serve(visit, lambda: self._find_session(visit))

    async def serve_staff(
        self, req: func.HttpRequest, record: RequestRecord, tenant: str, path: str
    ) -> ScimResponse:
        """Serve a member of staff at a tenant.

        Args:
            req: the request.
            record: what the log is told of it.
            tenant: whose page it is.
            path: of the page, as a customer asks for it.
        """
        visit = visit_of(req, record, services.current())
        visit = replace(visit, home=f"{ALL_TENANTS}/{tenant}", path=path)
        return await self._serve(visit, lambda: _enter_as_staff(visit, tenant))

    async def _find_session(self, visit: Visit) -> Visit:
        return visit if self.is_open else replace(visit, session=await find_session(visit))

    async def _serve(self, visit: Visit, enter: Callable[[], Awaitable[Visit]]) -> ScimResponse:
        """Serve whoever may enter; every refusal and every fault becomes a page."""
        try:
            visit = await enter()
            response = await self._respond(visit)
        except ScimError as error:
            response = _refuse(visit, refusal_of(error), headers_of(error))
        except PageRefusal as refusal:
            response = _refuse(visit, refusal, {})
        except Exception as fault:  # noqa: BLE001 - a person is answered with a page
            write_fault(visit.record.request_id, fault)
            response = _refuse(visit, PageRefusal(500, "fault"), {})
        return _with_cookies(visit, _at_home(visit, response))

    async def _respond(self, visit: Visit) -> ScimResponse:
        """Serve the method.

        Raises:
            SessionOver: there is no session.
            RightMissing: it has not the right.
            PageRefusal: the page is for staff alone.
            MethodNotAllowed: the page does not take the method.
        """
        if not self.is_open and visit.session is None:
            raise SessionOver
        if self.audience != "customers" and visit.entered.member is None:
            raise PageRefusal(403, "staff_only")
        if self.right is not None and not visit.entered.may(self.right):
            raise RightMissing
        method = "GET" if visit.record.method == "HEAD" else visit.record.method
        page = self.methods.get(method)
        if page is None:
            allowed = [*self.methods, *(["HEAD"] if "GET" in self.methods else [])]
            raise method_not_allowed(method, allowed)
        return await page(visit)


_page = _Page


async def _enter_as_staff(visit: Visit, tenant: str | None) -> Visit:
    """Find the member of staff.

    Raises:
        PageRefusal: nobody has signed in, or this person is none of them.
    """
    session = await find_staff(visit, tenant)
    if session is None:
        is_local = visit.services.settings.is_development
        raise PageRefusal(401, "staff_link_needed" if is_local else "staff_signed_out")
    return replace(visit, session=session)


def _refuse(visit: Visit, refusal: PageRefusal, headers: Mapping[str, str]) -> ScimResponse:
    return render(visit, "refusal.html", status=refusal.status, headers=headers, refusal=refusal)


def _at_home(visit: Visit, response: ScimResponse) -> ScimResponse:
    """Send staff on to the pages of the tenant that they are at."""
    location = response.headers.get("Location", "")
    if visit.home == HOME or not location.startswith(HOME):
        return response
    moved = visit.home + location.removeprefix(HOME)
    return replace(response, headers={**response.headers, "Location": moved})


def _with_cookies(visit: Visit, response: ScimResponse) -> ScimResponse:
    """Remember the language that was chosen, or what the forms of staff are bound to."""
    if "Set-Cookie" in response.headers:
        return response
    cookie = _form_cookie(visit) or _language_cookie(visit)
    headers = {**response.headers, "Set-Cookie": cookie} if cookie else response.headers
    return replace(response, headers=headers)


def _language_cookie(visit: Visit) -> str:
    if visit.query.get("language") != visit.texts.language:
        return ""
    secure = "; Secure" if visit.is_secure else ""
    return (
        f"{LANGUAGE_COOKIE}={visit.texts.language}; Path=/portal; Max-Age={_YEAR}; SameSite=Strict"
        f"{secure}"
    )


def _form_cookie(visit: Visit) -> str:
    """Set what forms are bound to, where the platform has signed somebody in who has it not yet."""
    session = visit.session
    if session is None or session.member is None or visit.services.settings.is_development:
        return ""
    is_there = visit.cookie(visit.staff_cookie_name) == session.secret
    return "" if is_there else visit.staff_cookie(session.secret)


async def _serve_at_tenant(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """Serve staff a page of a tenant: the path goes on as that of a customer's page."""
    tenant = tenants.named(req.route_params["tenant"])
    rest = req.route_params.get("page") or ""
    found = find_page(rest)
    page = PAGES.get(found.name) if found is not None else None
    if tenant is None or found is None or not isinstance(page, _Page) or not page.is_of_tenant:
        return await _UNKNOWN_TO_STAFF(req, record)
    inner = func.HttpRequest(
        method=req.method,
        url=req.url,
        headers=req.headers,
        params=req.params,
        route_params=found.parameters,
        body=req.get_body(),
    )
    path = f"{HOME}/{quote(rest)}" if rest else HOME
    return await page.serve_staff(inner, record, tenant, path)


async def _no_such_page(visit: Visit) -> ScimResponse:
    del visit
    raise PageRefusal(404, "not_found")


_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_UNKNOWN_TO_STAFF: Final = _page(dict.fromkeys(_ANY_METHOD, _no_such_page), audience="no_tenant")

PAGES: Final[Mapping[str, Endpoint]] = {
    "portal": _page({"GET": entry_pages.first_page}),
    "portal_activity": _page({"GET": activity_pages.show_activity}, Right.WATCH),
    "portal_activity_export": _page({"GET": activity_pages.export_activity}, Right.WATCH),
    "portal_connect": _page({"GET": connect_pages.show_connection}, Right.CONNECT),
    "portal_connect_mapping": _page({"GET": mapping_pages.show_mapping}, Right.CONNECT),
    "portal_connect_test": _page({"POST": connect_pages.test_connection}, Right.CONNECT),
    "portal_guard": _page({"GET": guard_pages.show_guard}, Right.WATCH),
    "portal_guard_decide": _page({"POST": guard_pages.decide}, audience="staff"),
    "portal_look_up": _page({"GET": look_up_pages.look_up}, Right.WATCH),
    "portal_look_up_id": _page({"GET": look_up_pages.show_resource}, Right.WATCH),
    "portal_look_up_id_then": _page({"GET": look_up_then_pages.show_group_then}, Right.WATCH),
    "portal_open": _page(
        {"GET": entry_pages.ask_to_open, "POST": entry_pages.open_portal}, is_open=True
    ),
    "portal_roles": _page(
        {"GET": roles_pages.show_roles, "POST": roles_pages.change_roles}, audience="staff"
    ),
    "portal_setup_links": _page(
        {"GET": setup_link_pages.show_links, "POST": setup_link_pages.make_link}, audience="staff"
    ),
    "portal_setup_links_revoke": _page({"POST": setup_link_pages.revoke_link}, audience="staff"),
    "portal_sign_out": _page({"POST": entry_pages.sign_out}),
    "portal_staff_sign_out": _page({"POST": entry_pages.sign_out}, audience="no_tenant"),
    "portal_static": serve_static_file,
    "portal_tenants": _page({"GET": overview_pages.show_tenants}, audience="no_tenant"),
    "portal_tenants_page": _serve_at_tenant,
    "portal_tokens": _page({"POST": connect_pages.draw_token}, Right.ROTATE),
    "portal_tokens_revoke": _page({"POST": connect_pages.revoke_token}, Right.ROTATE),
    "portal_watch": _page({"GET": watch_pages.watch}, Right.WATCH),
    "portal_watch_live": _page({"GET": watch_pages.watch_live}, Right.WATCH),
    "portal_webhooks": _page({"GET": webhook_pages.show_endpoints}, audience="no_tenant"),
    "portal_webhooks_id": _page(
        {"GET": webhook_pages.show_endpoint, "POST": webhook_pages.change_endpoint},
        audience="no_tenant",
    ),
    "portal_why": _page({"GET": why_pages.show_why}, Right.WATCH),
    "portal_zz_no_such_page": _page(dict.fromkeys(_ANY_METHOD, _no_such_page)),
}
"""What serves each route of the portal, by the route's name."""
