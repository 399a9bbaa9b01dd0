"""A visit: what is known of a request of a browser, and of the session that it belongs to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from portal.refusals import PageRefusal, SessionOver
from portal.staff import StaffMember, signed_in_member
from portal.texts import LANGUAGES, Language, Texts, language_of
from shared import tenants
from shared.portal_codes import STAFF, PortalCode, read_code
from shared.store.setup_links import SECRET_BYTES, SESSION_SECONDS, Right, SetupLink
from shared.tables.request_context import RequestContext
from shared.web.requests import base_url_of, path_of, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord
    from shared.web.services import Services

HOME = "/portal"
"""Where the pages of a customer's session are."""

ALL_TENANTS = f"{HOME}/tenants"
"""The first page of staff; the pages of a tenant are below it."""

ALL_WEBHOOKS = f"{HOME}/webhooks"
"""The webhook endpoints, to staff alone; the page of each is below it."""

LANGUAGE_COOKIE = "portal-language"
_SECRET_LENGTH = len(secrets.token_urlsafe(SECRET_BYTES))
_MOST_FORM_BYTES = 16_384
_MOST_FIELDS = 20
_MOST_DIGITS = 4
"""Of the number of a page."""

_FORM = "application/x-www-form-urlencoded"
_STRANGERS = tenants.scratch("portal")
"""The partition that is read, and the bucket that is taken from, for a tenant that is none."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that lives: of whoever opened a setup link, or of a member of the vendor's staff.

    Attributes:
        secret: what the forms of its pages are bound to.
        context: the request, in the tenant of the session; staff at no tenant are in none.
        rights: what it allows.
        link: the setup link by which it began; None where a member of staff signed in.
        member: who of the staff; None for a customer.
    """

    secret: str = field(repr=False)
    context: RequestContext
    rights: frozenset[Right]
    link: SetupLink | None = None
    member: StaffMember | None = None

    @property
    def id(self) -> str:
        """What change rows call it: the id of its link, or of the member of staff."""
        if self.link is not None:
            return self.link.id
        return "" if self.member is None else self.member.id.replace("-", "")

    @property
    def is_at_tenant(self) -> bool:
        """Whether it shows a tenant."""
        return tenants.named(self.context.tenant) is not None

    @property
    def expires(self) -> int:
        """When it ends, in POSIX seconds; 0 where the platform decides."""
        return 0 if self.link is None else self.link.session_expires

    @property
    def csrf(self) -> str:
        """What forms carry, to show that they come from a page of this session and tenant."""
        purpose = "form" if self.member is None else f"form {self.member.id} {self.context.tenant}"
        digest = hmac.digest(self.secret.encode(), purpose.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def may(self, right: Right) -> bool:
        """Tell whether it has a right."""
        return right in self.rights or (right is Right.CONNECT and Right.ROTATE in self.rights)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a browser.

    Attributes:
        req: the request.
        record: what the log is told of it.
        services: what outlives it.
        base_url: where the service is reached, without a slash behind.
        path: of the page, as a customer sees it: without the tenant that staff have chosen.
        query: parameters under lower-case names.
        texts: in the language of the visitor.
        session: the session; None without one.
        home: where the pages are: `/portal`, and for staff `/portal/tenants/<tenant>`.
    """

    req: func.HttpRequest
    record: RequestRecord
    services: Services
    base_url: str
    path: str
    query: Mapping[str, str]
    texts: Texts
    session: Session | None = None
    home: str = HOME

    @property
    def address(self) -> str:
        """Where this page is on this host, without its query."""
        return self.home + self.path.removeprefix(HOME)

    @property
    def page_number(self) -> int:
        """Which page of a list is asked for, from 1 on."""
        text = self.query.get("page", "")
        is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
        return max(int(text), 1) if is_number else 1

    @property
    def is_secure(self) -> bool:
        """Whether cookies go over TLS: always, but on a developer's machine."""
        return self.base_url.startswith("https:") or not self.services.settings.is_development

    @property
    def cookie_name(self) -> str:
        """The cookie of sessions; the prefix makes browsers hold it to this host and to TLS."""
        return "__Host-portal" if self.is_secure else "portal"

    @property
    def staff_cookie_name(self) -> str:
        """The cookie of staff, which is there beside that of a customer's session."""
        return f"{self.cookie_name}-staff"

    def session_cookie(self, code: PortalCode | None) -> str:
        """Write the header that sets the cookie of a session, or takes it away."""
        return self._cookie(self.cookie_name, code, "Strict")

    def staff_cookie(self, code: PortalCode | str | None) -> str:
        """Write the header that sets the cookie of staff, or takes it away.

        Where the platform signs people in, the cookie proves nothing; it is what forms are bound
        to. It is `Lax`, because the browser comes back from the sign-in by way of another site.
        """
        return self._cookie(
            self.staff_cookie_name, code, "Strict" if isinstance(code, PortalCode) else "Lax"
        )

    def _cookie(self, name: str, code: PortalCode | str | None, same_site: str) -> str:
        value, seconds = ("", 0) if code is None else (str(code), SESSION_SECONDS)
        secure = "; Secure" if self.is_secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}"

    def cookie(self, name: str) -> str:
        """Return a cookie that was sent; "" without it."""
        return _cookies(self.req).get(name, "")

    @property
    def tenant_url(self) -> str:
        """The Tenant URL of the session."""
        return self.base_url + path_of(self.entered.context.tenant)

    @property
    def entered(self) -> Session:
        """The session.

        Raises:
            SessionOver: there is none.
        """
        if self.session is None:
            raise SessionOver
        return self.session

    def form(self) -> Mapping[str, str]:
        """Read the form that was sent.

        Raises:
            PageRefusal: it is none, comes from another site, or not from a page of the session.
        """
        fields = self.open_form()
        sent = fields.get("csrf", "")
        if not hmac.compare_digest(sent.encode(), self.entered.csrf.encode()):
            raise PageRefusal(403, "foreign_form")
        return fields

    def open_form(self) -> Mapping[str, str]:
        """Read the form of a page that needs no session; errors as of `form`."""
        if self.req.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise PageRefusal(403, "foreign_form")
        body = self.req.get_body()
        media_type = self.req.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != _FORM or len(body) > _MOST_FORM_BYTES:
            raise PageRefusal(400, "no_form")
        try:
            pairs = parse_qsl(
                body.decode("utf-8"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MOST_FIELDS,
            )
        except ValueError:
            raise PageRefusal(400, "no_form") from None
        return dict(pairs)


def visit_of(req: func.HttpRequest, record: RequestRecord, services: Services) -> Visit:
    """Read a request of a browser; its session is not looked for."""
    query = query_of(req.url)
    cookies = _cookies(req)
    chosen = query.get("language") or cookies.get(LANGUAGE_COOKIE)
    language: Language | None = next((each for each in LANGUAGES if each == chosen), None)
    return Visit(
        req=req,
        record=record,
        services=services,
        base_url=base_url_of(req, services.settings.base_url),
        path="/" + req.url.partition("://")[2].partition("/")[2].partition("?")[0],
        query=query,
        texts=Texts(language or language_of(req.headers.get("accept-language"))),
    )


async def find_session(visit: Visit) -> Session | None:
    """Find the session of a customer; None without one that lives. 1 call, none without a cookie.

    Raises:
        ScimError: it cannot be told at present, or too many requests come.
    """
    code = read_code(visit.cookie(visit.cookie_name))
    if code is None or code.tenant == STAFF:
        return None
    link, context = await _find_link(visit, code)
    if link is None:
        return None
    # From here on it is known who it is.
    context.actor = actor_of(link)
    visit.record.tenant, visit.record.token = code.tenant, context.actor
    return Session(code.secret, context, link.rights, link)


async def find_staff(visit: Visit, tenant: str | None) -> Session | None:
    """Find the session of a member of staff; None where nobody has signed in.

    No call, but on a developer's machine, where a one-time link stands for the sign-in.

    Args:
        visit: the request.
        tenant: the tenant that is shown; None for none.

    Raises:
        PageRefusal: staff are not let in here, or this person is none.
        ScimError: it cannot be told at present, or too many requests come.
    """
    secret, member = await _find_member(visit)
    if member is None:
        return None
    if tenant is not None and not await visit.services.authenticator.has_tenant(tenant):
        raise PageRefusal(404, "no_tenant")
    context = _begin(visit, tenant or STAFF, tenants.scratch(tenant or "staff"), member.label)
    visit.record.tenant, visit.record.token = tenant or "", member.label
    return Session(secret, context, frozenset(Right), member=member)


async def _find_member(visit: Visit) -> tuple[str, StaffMember | None]:
    """Find who of the staff it is, and the secret that the forms of this browser are bound to."""
    settings = visit.services.settings
    cookie = visit.cookie(visit.staff_cookie_name)
    if settings.is_development:
        return await _find_local_member(visit, read_code(cookie))
    if settings.portal_staff == "off":
        raise PageRefusal(404, "not_found")
    # A cookie that somebody made up binds the forms of this browser alone.
    secret = cookie if len(cookie) == _SECRET_LENGTH else secrets.token_urlsafe(SECRET_BYTES)
    return secret, signed_in_member(visit.req.headers, settings)


async def _find_local_member(
    visit: Visit, code: PortalCode | None
) -> tuple[str, StaffMember | None]:
    if code is None or code.tenant != STAFF:
        return "", None
    link, _ = await _find_link(visit, code)
    return code.secret, None if link is None else StaffMember(link.id, "")


async def _find_link(visit: Visit, code: PortalCode) -> tuple[SetupLink | None, RequestContext]:
    context = await context_of(visit, code, "portal")
    links = visit.services.store.setup_links
    return await links.find_session(context, code.link, code.secret), context


async def context_of(visit: Visit, code: PortalCode, actor: str) -> RequestContext:
    """Begin the request of a code, which need not be good.

    For a tenant that is none another partition is read, so that the answer costs the same and tells
    nothing of which tenants there are.
    """
    if code.tenant == STAFF and visit.services.settings.is_development:
        return _begin(visit, STAFF, STAFF, actor)
    is_known = await visit.services.authenticator.has_tenant(code.tenant)
    partition = code.tenant if is_known else _STRANGERS
    return _begin(visit, partition, tenants.scratch(partition) if is_known else partition, actor)


def _begin(visit: Visit, partition: str, bucket: str, actor: str) -> RequestContext:
    """Begin a request in a partition, within the rate limit of a bucket."""
    services = visit.services
    services.rate_limit.take(bucket)
    deadline = time.monotonic() + services.settings.request_deadline_seconds
    context = RequestContext(
        partition, visit.record.request_id, actor, deadline, visit.record.method
    )
    visit.record.meter = context.meter
    return context


def actor_of(link: SetupLink) -> str:
    """Name a session in the log and in change rows: by the setup link that began it."""
    return f"portal/{link.id[:8]}"


def _cookies(req: func.HttpRequest) -> dict[str, str]:
    try:
        parsed = SimpleCookie(req.headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}
