"""The guard against mass removal of a tenant: what is held back, and the decision about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.names import read_names_at
from portal.overview import findings
from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from shared.errors import Conflict, NotFound
from shared.store import layout
from shared.store.guard import bound_of
from shared.tables.table import read_side_by_side

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.store.guard_state import Decision, Hold
    from shared.web.responses import ScimResponse

USERS_ON_A_PAGE: Final = 25
GROUPS_SHOWN: Final = 25
_DECISIONS: Final[dict[str, Decision]] = {"release": "release", "undo": "undo"}


@dataclass(frozen=True, slots=True)
class HeldResource:
    """A user who is held, or a group that users were taken out of.

    Attributes:
        id: its id.
        name: its name; "" where it was deleted.
        users: how many were taken out of a group.
    """

    id: str
    name: str
    users: int = 0


@dataclass(frozen=True, slots=True)
class HoldPage:
    """What is held, with the names of a page.

    Attributes:
        hold: what is held.
        users: those of the page, in the order of their ids.
        groups: the first of the groups, the one that lost the most users first.
        number: of the page, from 1 on.
        has_more: whether there is a further page.
    """

    hold: Hold
    users: list[HeldResource]
    groups: list[HeldResource]
    number: int
    has_more: bool


async def show_guard(visit: Visit) -> ScimResponse:
    """GET of the guard. 5 calls, more after an hour of many changes, and 50 for names at most."""
    return await _show(visit)


async def decide(visit: Visit) -> ScimResponse:
    """POST of a decision. 1 call, those of `Guard.decide`, and a hint to send webhooks of it.

    What was confirmed is decided about: where more has been held since, the page asks again.
    """
    form = visit.form()
    decision = _DECISIONS.get(form.get("decision", ""))
    if decision is None:
        raise PageRefusal(400, "no_form")
    guard, context = visit.services.store.guard, visit.entered.context
    hold_id, held = form.get("hold", ""), await guard.read_hold(context)
    is_open = held is not None and held.id == hold_id and held.state == "held"
    if is_open and held is not None and held.last != form.get("last"):
        return await _show(visit, status=409, refused="grown", asked=decision)
    try:
        await guard.decide(context, hold_id, decision, bound_of(context))
    except Conflict:
        return await _show(visit, status=409, refused="decided")
    except NotFound:
        return await _show(visit, status=404, refused="gone")
    finally:
        if context.has_written:
            await visit.services.webhooks.give_hint(context.tenant)
    findings.invalidate(context.tenant)
    return see_other(f"/portal/guard?decided={hold_id}")


async def _show(visit: Visit, *, status: int = 200, **values: Any) -> ScimResponse:
    store, context = visit.services.store, visit.entered.context
    kept = await store.settings.read(context)
    rule = kept.settings.guard_rule
    hour = await store.guard.count_last_hour(context, rule)
    hold = await store.guard.read_hold(context)
    decided = await store.guard.list_decided(context)
    page = None if hold is None else await _read_page(visit, hold)
    holds = [*decided, *([hold] if hold is not None else [])]
    told = visit.query.get("decided", "")
    asked = visit.query.get("decide", "") if visit.record.method != "POST" else ""
    shown = {"refused": "", "asked": _DECISIONS.get(asked, ""), **values}
    return render(
        visit,
        "guard.html",
        status=status,
        rule=rule,
        is_set=kept.settings.guard is not None,
        hour=hour,
        held=page,
        decided=decided,
        result=next((each for each in holds if each.id == told and each.decision), None),
        may_decide=visit.entered.member is not None,
        **shown,
    )


async def _read_page(visit: Visit, hold: Hold) -> HoldPage:
    """Read the names of a page of what is held. A call for each."""
    table, context = visit.services.store.table, visit.entered.context
    number = visit.page_number
    ids = sorted(hold.users)
    begin = (number - 1) * USERS_ON_A_PAGE
    users = ids[begin : begin + USERS_ON_A_PAGE]
    groups = sorted(hold.groups.items(), key=lambda each: (-each[1], each[0]))[:GROUPS_SHOWN]
    of_users, of_groups = await read_side_by_side(
        [
            read_names_at(table, context, [layout.user_key(each) for each in users]),
            read_names_at(table, context, [layout.group_key(each) for each, _ in groups]),
        ]
    )
    return HoldPage(
        hold=hold,
        users=[HeldResource(each, of_users.get(each, "")) for each in users],
        groups=[HeldResource(each, of_groups.get(each, ""), lost) for each, lost in groups],
        number=number,
        has_more=begin + USERS_ON_A_PAGE < len(ids),
    )
