"""Look up: a group as it was at a time, and what changed between two times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from portal.names import name_of
from portal.refusals import PageRefusal
from portal.rendering import render
from shared.errors import InvalidValue
from shared.store import layout
from shared.store.group_history import HistoryNotKept, KeptHistory, MembersPage

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.web.responses import ScimResponse

MOST_SHOWN: Final = 50
"""Members on one page."""


async def show_group_then(visit: Visit) -> ScimResponse:
    """GET of the form, and of what it asks for: `at` alone, or compared with `until`.

    2 calls for the form; more as of `GroupHistory.members_at`.
    """
    type_, gid = (visit.req.route_params[name] for name in ("type", "id"))
    if type_ != "group" or not layout.is_id(gid):
        raise PageRefusal(404, "not_found")
    row = await visit.services.store.table.get(visit.entered.context, layout.group_key(gid))
    name = "" if row is None else name_of(layout.unpack_document(row.values))
    at, until = (_moment(visit.query.get(each, "")) for each in ("at", "until"))
    shown = {
        "id": gid,
        "name": name or visit.texts("then.group"),
        "is_there": row is not None,
        "at": at,
        "until": until,
        "asked": urlencode({n: visit.query[n] for n in ("at", "until") if n in visit.query}),
        "typed": {name: _typed(each) for name, each in (("at", at), ("until", until))},
    }
    found = {} if at is None else await _found(visit, gid, at, until)
    return render(visit, "group_then.html", **shown, **found)


async def _found(visit: Visit, gid: str, at: int, until: int | None) -> dict[str, Any]:
    """Read what is asked for, or say why it cannot be told."""
    after = visit.query.get("after", "")
    if after and not layout.is_id(after):
        raise PageRefusal(400, "not_understood")
    context, history = visit.entered.context, visit.services.store.group_history
    kept = KeptHistory.of(visit.services.settings.history_days)
    page = MembersPage(after, MOST_SHOWN)
    try:
        if until is None:
            return {"past": await history.members_at(context, gid, at, kept, page)}
        return {"difference": await history.difference(context, gid, (at, until), kept, page)}
    except HistoryNotKept as refusal:
        return {"kept_since": refusal.since / 1000}
    except InvalidValue:
        return {"is_wrong": True}


def _moment(text: str) -> int | None:
    """Read a time as a browser sends it, in UTC, in POSIX milliseconds; None for none.

    Raises:
        PageRefusal: it is no time.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PageRefusal(400, "not_understood") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _typed(milliseconds: int | None) -> str:
    """Write a time as its field holds it, in UTC."""
    if milliseconds is None:
        return ""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="seconds").removesuffix("+00:00")
