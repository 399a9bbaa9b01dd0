"""The pages: sign in, who is here, an area for administrators, sign out."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from product.database import SESSION_SECONDS, Database, Session
from product.follower import follow
from product.settings import Settings
from scim_on_functions import Access, AsyncClient, ServiceError

SESSION, CSRF = "session", "csrf"
ADMIN = "admin"

_HERE = Path(__file__).parent
_PAGES = Jinja2Templates(_HERE / "templates")
_LOG = logging.getLogger("product")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_REFUSALS = {
    "deactivated": "Your organisation has disabled your account.",
    "ambiguous": "Several accounts fit. Ask your administrator.",
}
_UNKNOWN = "Your organisation has not given you access."


class Pages:
    """Answers browsers."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def home(self, request: Request) -> Response:
        """Show who is signed in and who is provisioned."""
        session = await self._session(request)
        if session is None:
            return RedirectResponse("/sign-in", 303)
        signed_in = await asyncio.to_thread(self._database.signed_in)
        people = await asyncio.to_thread(self._database.people)
        return self._page(
            request, "home.html", {"session": session, "signed_in": signed_in, "people": people}
        )

    async def admin(self, request: Request) -> Response:
        """Show what is for one role alone."""
        session = await self._session(request)
        if session is None:
            return RedirectResponse("/sign-in", 303)
        is_allowed = ADMIN in session.roles
        return self._page(request, "admin.html", {"session": session}, 200 if is_allowed else 403)

    async def current_session(self, request: Request) -> Response:
        """Tell a script whether its session goes on."""
        return Response(status_code=401 if await self._session(request) is None else 204)

    async def sign_in_form(self, request: Request) -> Response:
        """Show the form."""
        return self._page(request, "sign_in.html", {})

    async def sign_in(self, request: Request) -> Response:
        """Let somebody in whom the service lets in; nobody is created or revived by signing in."""
        form = await request.form()
        if not _is_own(request, form.get(CSRF)):
            return self._page(request, "sign_in.html", {"problem": "Please try again."}, 403)
        name = str(form.get("name", "")).strip()
        if not name:
            return self._page(request, "sign_in.html", {"problem": "Enter a user name."}, 400)
        try:
            access = await self._ask(name)
        except ServiceError as error:
            # An error is no decision. Nobody is let in by it.
            _LOG.warning("nobody can sign in: %s", error)
            problem = "Signing in does not work just now. Please try again in a minute."
            return self._page(request, "sign_in.html", {"problem": problem}, 503)
        if not access.is_allowed:
            problem = _REFUSALS.get(access.reason, _UNKNOWN)
            return self._page(request, "sign_in.html", {"problem": problem, "name": name}, 403)
        token = await asyncio.to_thread(self._database.begin_session, access, name)
        response = RedirectResponse("/", 303)
        self._set_cookie(response, SESSION, token)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session of this browser."""
        if not _is_own(request, (await request.form()).get(CSRF)):
            return self._page(request, "sign_in.html", {"problem": "Please try again."}, 403)
        if token := request.cookies.get(SESSION):
            await asyncio.to_thread(self._database.end_session, token)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(SESSION)
        return response

    async def _ask(self, name: str) -> Access:
        client: AsyncClient = self._client
        return await client.tenant(self._settings.tenant).access(user_name=name)

    @asynccontextmanager
    async def serving(self, _: Starlette) -> AsyncIterator[None]:
        """Follow the feed for as long as pages are served."""
        # A person waits for the answer, so two attempts must do.
        async with AsyncClient(
            self._settings.service_url, self._settings.api_key, timeout=5, attempts=2
        ) as self._client:
            following = asyncio.create_task(follow(self._settings, self._database))
            following.add_done_callback(_tell_end)
            try:
                yield
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError, ServiceError):
                    await following

    async def _session(self, request: Request) -> Session | None:
        token = request.cookies.get(SESSION)
        return await asyncio.to_thread(self._database.session, token) if token else None

    def _page(
        self, request: Request, name: str, context: dict[str, object], status: int = 200
    ) -> Response:
        """Render a page with a token for its forms, which the browser keeps as a cookie too."""
        token = request.cookies.get(CSRF) or secrets.token_urlsafe(32)
        response = _PAGES.TemplateResponse(request, name, {CSRF: token, **context}, status)
        self._set_cookie(response, CSRF, token)
        return response

    def _set_cookie(self, response: Response, name: str, value: str) -> None:
        secure = self._settings.is_secure
        response.set_cookie(
            name, value, SESSION_SECONDS, httponly=True, samesite="lax", secure=secure
        )


def _is_own(request: Request, token: object) -> bool:
    """Tell whether a form is one that this browser was shown."""
    known = request.cookies.get(CSRF, "")
    return bool(known) and secrets.compare_digest(known.encode(), str(token).encode())


def _tell_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _LOG.error("the feed is no longer followed: %s", error)


async def _add_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


def create_app(settings: Settings, database: Database) -> Starlette:
    """Make the application."""
    pages = Pages(settings, database)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/admin", pages.admin),
            Route("/session", pages.current_session),
            Route("/sign-in", pages.sign_in_form),
            Route("/sign-in", pages.sign_in, methods=["POST"]),
            Route("/sign-out", pages.sign_out, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_add_headers)],
        lifespan=pages.serving,
    )
