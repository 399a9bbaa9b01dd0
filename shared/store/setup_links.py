"""Setup links: what opens the portal to a customer's administrator, once and for some days.

A link carries 256 random bits, of which the row keeps SHA-256. Its opening begins a session, whose
256 bits are kept likewise in the same row. So one read tells whether a session lives, and one write
ends the link with its session.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.store import layout
from shared.store.changes import SETUP_LINK, Change, Verb
from shared.store.commits import commit
from shared.store.history import delete_expired
from shared.store.layout import Column, RowKind
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Delete,
    Insert,
    Replace,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Value
from shared.tables.table import Table, collect

SECRET_BYTES = 32
"""Random bytes of a link and of a session: 256 bits."""

SESSION_SECONDS = 8 * 3_600
MOST_LINKS = 50
"""Links of a tenant that can be opened at the same time."""

_KEPT_SECONDS = 30 * 86_400
"""For how long a link is listed after it has expired."""

_DAY = 86_400
_MOST_REMOVED = 90
_ABSENT = hashlib.sha256().hexdigest()


class Right(StrEnum):
    """What the holder of a link may do.

    Attributes:
        CONNECT: see the Tenant URL and the tokens without their values, and test a connection.
        WATCH: see users, groups and what was changed.
        ROTATE: the same, and draw a token and revoke one.
    """

    CONNECT = "connect"
    WATCH = "watch"
    ROTATE = "rotate"


LinkState = Literal["open", "opened", "revoked", "expired"]


@dataclass(frozen=True, slots=True)
class SetupLink:
    """A link as it is kept, which opens nothing; times in POSIX seconds.

    Attributes:
        id: 32 hex digits.
        rights: what it allows.
        maker: label of the API key that made it, or `admin`.
        created: when it was made.
        expires: when it can be opened no longer.
        opened: when it was opened; None before.
        revoked: when it was revoked; None unless it was.
        return_url: where the portal leads back to; "" for nowhere.
    """

    id: str
    rights: frozenset[Right]
    maker: str
    created: int
    expires: int
    opened: int | None
    revoked: int | None
    return_url: str = ""

    def state(self, now: float) -> LinkState:
        """Tell what has become of it."""
        if self.revoked is not None:
            return "revoked"
        if self.opened is not None:
            return "opened"
        return "open" if now < self.expires else "expired"

    @property
    def session_expires(self) -> int:
        """When the session that its opening began ends; 0 before it is opened."""
        return 0 if self.opened is None else self.opened + SESSION_SECONDS


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link that was just made: the only place where its secret can be read."""

    link: SetupLink
    secret: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of the opening of a link.

    Attributes:
        link: the link; None where there is none with this secret.
        session: the secret of the session that was begun; None where none was.
    """

    link: SetupLink | None
    session: str | None = None


class SetupLinks:
    """The setup links of every tenant; the context says of which."""

    def __init__(self, table: Table, clock: Clock) -> None:
        """Prepare.

        Args:
            table: the table.
            clock: its wall clock says what has expired.
        """
        self._table = table
        self._clock = clock

    async def issue(
        self, context: RequestContext, rights: Iterable[Right], days: int, return_url: str = ""
    ) -> IssuedLink:
        """Make a link. 2 calls; links that expired a month ago are removed along with it.

        Args:
            context: the request.
            rights: what it allows.
            days: for how many days it can be opened.
            return_url: where the portal leads back to; "" for nowhere.

        Raises:
            Conflict: too many links of the tenant are still to be opened.
        """
        link_id, secret = secrets.token_hex(16), secrets.token_urlsafe(SECRET_BYTES)

        async def attempt() -> SetupLink:
            now = self._now()
            links = await self.list_links(context)
            if sum(link.state(now) == "open" for link in links) >= MOST_LINKS:
                raise Conflict(
                    f"{MOST_LINKS} setup links of the tenant are still to be opened. Revoke those"
                    " that nobody needs, then make another."
                )
            values: dict[str, Value] = {
                Column.DIGEST: _digest(secret),
                Column.RIGHTS: " ".join(sorted(rights)),
                Column.ACTOR: context.actor,
                Column.CREATED: now,
                Column.EXPIRES: now + days * _DAY,
            }
            if return_url:
                values[Column.RETURN_URL] = return_url
            insert = Insert(layout.setup_link_key(link_id), values)
            removed = self._removals(links)[:_MOST_REMOVED]
            await self._commit(context, link_id, "create", [insert, *removed])
            return _link(Row(insert.key, values, ""))

        return IssuedLink(await retry_conflicts(context, attempt), secret)

    async def expire(self, context: RequestContext) -> int:
        """Remove the links that expired a month ago. 1 call, and 1 for each 100 that are removed.

        It records nothing: the change rows of a link tell that it was there. A transaction that
        finds a link gone leaves the others to whoever was faster, or to the next run.

        Returns:
            How many were removed.
        """
        removals = self._removals(await self.list_links(context))
        expired = 0
        for start in range(0, len(removals), MAX_TRANSACTION_OPERATIONS):
            some = removals[start : start + MAX_TRANSACTION_OPERATIONS]
            expired += len(some) if await delete_expired(self._table, context, some) else 0
        return expired

    async def list_links(self, context: RequestContext) -> list[SetupLink]:
        """List the links, the newest first. 1 call."""
        links = [_link(row) for row in await self._rows(context)]
        return sorted(links, key=lambda link: link.created, reverse=True)

    async def open_link(self, context: RequestContext, link_id: str, secret: str) -> Opening:
        """Open a link, and begin the session of whoever opened it. 2 calls; 1 if it opens nothing.

        Whoever has not the secret learns nothing of a link, not even that it is there.
        """
        session = secrets.token_urlsafe(SECRET_BYTES)

        async def attempt() -> Opening:
            row = await self._table.get(context, layout.setup_link_key(link_id))
            if not _has_secret(row, Column.DIGEST, secret) or row is None:
                return Opening(None)
            link = _link(row)
            if link.state(self._now()) != "open":
                return Opening(link)
            opened: dict[str, Value] = {
                Column.OPENED: self._now(),
                Column.SESSION_DIGEST: _digest(session),
            }
            return await self._replace(context, row, opened, ("opened",), session)

        return await retry_conflicts(context, attempt)

    async def find_session(
        self, context: RequestContext, link_id: str, session: str
    ) -> SetupLink | None:
        """Find the link of a session that lives. 1 call.

        Returns:
            The link; None where the session was never begun, is over, or its link was revoked.
        """
        row = await self._table.get(context, layout.setup_link_key(link_id))
        if not _has_secret(row, Column.SESSION_DIGEST, session) or row is None:
            return None
        link = _link(row)
        lives = link.revoked is None and self._now() < link.session_expires
        return link if lives else None

    async def show(self, context: RequestContext, link_id: str) -> SetupLink:
        """Return a link. 1 call.

        Raises:
            NotFound: there is no such link.
        """
        return _link(await self._row(context, link_id))

    async def revoke(self, context: RequestContext, link_id: str) -> SetupLink:
        """Revoke a link, which ends its session too. 2 calls; 1 if it was revoked before.

        Raises:
            NotFound: there is no such link.
        """

        async def attempt() -> SetupLink:
            row = await self._row(context, link_id)
            link = _link(row)
            if link.revoked is not None:
                return link
            revoked: dict[str, Value] = {Column.REVOKED: self._now()}
            done = await self._replace(context, row, revoked, ("revoked",))
            return done.link or link

        return await retry_conflicts(context, attempt)

    async def end_session(self, context: RequestContext, link_id: str) -> None:
        """End the session of a link that was opened. 2 calls."""

        async def attempt() -> None:
            row = await self._table.get(context, layout.setup_link_key(link_id))
            if row is not None and Column.SESSION_DIGEST in row.values:
                await self._replace(context, row, {Column.SESSION_DIGEST: ""}, ("session",))

        await retry_conflicts(context, attempt)

    async def _replace(
        self,
        context: RequestContext,
        row: Row,
        values: dict[str, Value],
        names: tuple[str, ...],
        session: str | None = None,
    ) -> Opening:
        replaced = {**row.values, **values}
        operation = Replace(row.key, replaced, row.etag)
        await self._commit(context, layout.id_in(row.key), "update", [operation], names)
        return Opening(_link(Row(row.key, replaced, "")), session)

    async def _commit(
        self,
        context: RequestContext,
        link_id: str,
        verb: Verb,
        operations: list[RowOperation],
        names: tuple[str, ...] = (),
    ) -> None:
        await commit(self._table, context, Change(SETUP_LINK, link_id, verb, names), operations)

    async def _row(self, context: RequestContext, link_id: str) -> Row:
        key = layout.setup_link_key(link_id)
        row = await self._table.get(context, key) if layout.is_id(link_id) else None
        if row is None:
            raise NotFound(f"There is no setup link {link_id[:64]!r}.")
        return row

    async def _rows(self, context: RequestContext) -> list[Row]:
        return await collect(self._table, context, layout.kind_span(RowKind.SETUP_LINK))

    def _removals(self, links: Sequence[SetupLink]) -> list[Delete]:
        """Build what removes the links that are no longer listed."""
        now = self._now()
        outdated = [link for link in links if link.expires + _KEPT_SECONDS < now]
        return [Delete(layout.setup_link_key(link.id)) for link in outdated]

    def _now(self) -> int:
        return int(self._clock.wall())


def _link(row: Row) -> SetupLink:
    values = row.values
    words = str(values[Column.RIGHTS]).split()
    opened, revoked = values.get(Column.OPENED), values.get(Column.REVOKED)
    return SetupLink(
        id=layout.id_in(row.key),
        rights=frozenset(right for right in Right if right in words),
        maker=str(values[Column.ACTOR]),
        created=int(values[Column.CREATED]),
        expires=int(values[Column.EXPIRES]),
        opened=None if opened is None else int(opened),
        revoked=None if revoked is None else int(revoked),
        return_url=str(values.get(Column.RETURN_URL, "")),
    )


def _has_secret(row: Row | None, column: str, secret: str) -> bool:
    """Compare what is kept with what was sent; the work is the same where there is no row."""
    kept = _ABSENT if row is None else str(row.values.get(column, _ABSENT))
    return hmac.compare_digest(kept, _digest(secret)) and row is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
