"""From what was read to an answer; pure, so that each case can be tested by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from shared.auth.tenant_tokens import TenantState
from shared.explain.evidence import Evidence
from shared.explain.statements import NONE, Explanation, Finding, Statement, Verdict
from shared.store.changes import RecordedChange
from shared.store.provisioning_log import LogEntry
from shared.store.resources import User, is_active

SILENT_HOURS: Final = 24
"""After how long the identity provider is taken for silent. Entra comes every 40 minutes."""

MOST_REFUSALS: Final = 3
"""Refusals that an answer tells of, the newest ones."""

_HOUR = 3_600_000
_FAILED, _TOO_MANY_REQUESTS = 500, 429


def explain(evidence: Evidence) -> Explanation:
    """Find the reason, and tell what it rests on."""
    return Explanation(
        evidence.asked,
        evidence.tenant,
        evidence.now,
        _verdict(evidence),
        tuple(_findings(evidence)),
        tuple(dict.fromkeys(_requests(evidence))),
    )


def _verdict(evidence: Evidence) -> Verdict:
    if len(evidence.users) > 1:
        return Verdict.AMBIGUOUS
    if evidence.user is not None:
        return _of_user(evidence, evidence.user)
    latest = max(_events(evidence), default=None)
    return _of_nothing(evidence) if latest is None else latest[1]


def _events(evidence: Evidence) -> Iterator[tuple[int, Verdict]]:
    """Yield what has happened to a user who is not there, with its time."""
    for refusal in evidence.refusals[:1]:
        yield refusal.time, _of_refusal(refusal)
    for last in evidence.changes[-1:]:
        is_there = evidence.renamed is not None
        yield last.time, Verdict.RENAMED if is_there else Verdict.DELETED
    for entry in evidence.passed_over[:1]:
        yield entry.time, Verdict.SKIPPED_MEMBER


def _of_refusal(refusal: LogEntry) -> Verdict:
    if refusal.status >= _FAILED or refusal.status == _TOO_MANY_REQUESTS:
        return Verdict.NOT_SERVED
    return Verdict.NAME_TAKEN if refusal.scim_type == "uniqueness" else Verdict.REFUSED


def _of_user(evidence: Evidence, user: User) -> Verdict:
    refusal = _newest_refusal(evidence)
    if refusal is not None and _is_of_another(refusal, evidence.owner):
        return Verdict.NAME_TAKEN
    if refusal is not None and refusal.scim_type != "uniqueness":
        verdict = _of_refusal(refusal)
        return Verdict.CHANGE_REFUSED if verdict is Verdict.REFUSED else verdict
    return Verdict.PRESENT if is_active(user.document) else Verdict.DISABLED


def _newest_refusal(evidence: Evidence) -> LogEntry | None:
    """Return the newest refusal, unless the user was changed since."""
    changed = evidence.changes[-1].time if evidence.changes else 0
    newest = next(iter(evidence.refusals), None)
    return newest if newest is not None and newest.time > changed else None


def _is_of_another(refusal: LogEntry, owner: User | None) -> bool:
    """Tell whether the name that was refused belongs to somebody else than whom it was meant for.

    A create that comes twice is refused, too; it says the same externalId.
    """
    if owner is None or refusal.scim_type != "uniqueness" or owner.id == refusal.resource_id:
        return False
    return bool(refusal.resource_id) or owner.document.get("externalId") != refusal.names.get(
        "externalId"
    )


def _of_nothing(evidence: Evidence) -> Verdict:
    state = TenantState.OPEN if evidence.access is None else evidence.access.state
    if not evidence.has_tenant:
        return Verdict.NO_TENANT
    if state is TenantState.CLOSED:
        return Verdict.TENANT_CLOSED
    if state is TenantState.NO_VALID_TOKEN:
        return Verdict.TOKEN_EXPIRED
    if not _is_recent(evidence, evidence.contact):
        if evidence.wrong_tokens is not None and _is_recent(evidence, evidence.wrong_tokens[1]):
            return Verdict.WRONG_TOKEN
        return Verdict.NEVER_CONTACTED if evidence.contact is None else Verdict.SILENT
    return Verdict.OUT_OF_SCOPE


def _is_recent(evidence: Evidence, time: int | None) -> bool:
    return time is not None and evidence.now - time <= SILENT_HOURS * _HOUR


def _findings(evidence: Evidence) -> Iterator[Statement]:
    yield from _who(evidence)
    for refusal in evidence.refusals[:MOST_REFUSALS]:
        yield _refusal(refusal)
    if evidence.owner is not None and evidence.owner != evidence.user:
        yield Statement(Finding.OWNER, _of_owner(evidence.owner))
    yield from _past(evidence)
    for entry in evidence.passed_over[:1]:
        parameters = {"time": moment(entry.time), "group": entry.resource_id}
        yield Statement(Finding.PASSED_OVER, {**parameters, "request": entry.request_id})
    yield from _contact(evidence)
    yield _token(evidence)
    yield from _bounds(evidence)


def _who(evidence: Evidence) -> Iterator[Statement]:
    if len(evidence.users) > 1:
        ids = ", ".join(each.id for each in evidence.users)
        yield Statement(Finding.SEVERAL, {"asked": evidence.asked, "ids": ids})
        return
    user = evidence.user
    if user is None:
        yield Statement(Finding.NOT_FOUND, {"asked": evidence.asked})
        return
    yield Statement(
        Finding.FOUND,
        {
            "id": user.id,
            "userName": str(user.document.get("userName", "")),
            "externalId": str(user.document.get("externalId", "")) or NONE,
            "created": user.created,
        },
    )
    yield Statement(Finding.ACTIVE if is_active(user.document) else Finding.INACTIVE)
    switched = [each for each in evidence.changes if each.change.active is not None]
    if not is_active(user.document) and switched and switched[-1].change.verb != "create":
        yield Statement(Finding.DISABLED_BY, _of_change_row(switched[-1]))


def _refusal(entry: LogEntry) -> Statement:
    return Statement(
        Finding.REFUSAL,
        {
            "time": moment(entry.time),
            "method": entry.method,
            "status": entry.status,
            "scimType": entry.scim_type or NONE,
            "path": entry.path or NONE,
            "detail": entry.detail,
            "userName": entry.names.get("userName", NONE),
            "externalId": entry.names.get("externalId", NONE),
            "request": entry.request_id,
            "clientRequest": entry.client_request_id or NONE,
        },
    )


def _of_owner(owner: User) -> dict[str, str]:
    return {
        "id": owner.id,
        "userName": str(owner.document.get("userName", "")),
        "externalId": str(owner.document.get("externalId", "")) or NONE,
        "created": owner.created,
    }


def _past(evidence: Evidence) -> Iterator[Statement]:
    if not evidence.changes:
        return
    last = evidence.changes[-1]
    if evidence.user is not None:
        yield Statement(Finding.LAST_CHANGE, _of_change_row(last))
    elif last.change.verb == "delete":
        yield Statement(Finding.DELETION, _of_change_row(last))
    elif evidence.renamed is not None:
        name = str(evidence.renamed.document.get("userName", ""))
        yield Statement(Finding.RENAMING, {**_of_change_row(last), "userName": name})
    else:
        yield Statement(Finding.RENAMING_OF_GONE, _of_change_row(last))


def _of_change_row(recorded: RecordedChange) -> dict[str, str]:
    return {
        "time": moment(recorded.time),
        "id": recorded.change.id,
        "method": recorded.method or NONE,
        "token": recorded.actor,
        "request": recorded.request_id,
    }


def _contact(evidence: Evidence) -> Iterator[Statement]:
    if len(evidence.users) > 1:
        return
    if evidence.contact is None:
        yield Statement(Finding.NO_CONTACT)
    else:
        yield Statement(Finding.CONTACT, {"time": moment(evidence.contact)})
    if evidence.wrong_tokens is not None:
        number, last = evidence.wrong_tokens
        yield Statement(Finding.WRONG_TOKENS, {"number": number, "time": moment(last)})


def _token(evidence: Evidence) -> Statement:
    access = evidence.access
    if not evidence.has_tenant:
        return Statement(Finding.ABSENT)
    if access is None:
        return Statement(Finding.TOKEN_UNKNOWN)
    if access.state is not TenantState.OPEN:
        is_closed = access.state is TenantState.CLOSED
        return Statement(Finding.CLOSED if is_closed else Finding.TOKEN_NOT_VALID)
    if access.expires is None:
        return Statement(Finding.TOKEN_VALID)
    return Statement(Finding.TOKEN_VALID_UNTIL, {"time": moment(int(access.expires * 1_000))})


def _bounds(evidence: Evidence) -> Iterator[Statement]:
    if evidence.changes_since is None:
        return
    if evidence.left_out:
        yield Statement(Finding.LEFT_OUT, {"number": evidence.left_out})
    if evidence.log_since is None:
        yield Statement(Finding.LOG_EMPTY)
    else:
        yield Statement(Finding.LOG_BOUND, {"time": moment(evidence.log_since)})
    yield Statement(Finding.HISTORY_BOUND, {"time": moment(evidence.changes_since)})


def _requests(evidence: Evidence) -> Iterator[str]:
    entries = (*evidence.refusals[:MOST_REFUSALS], *evidence.passed_over[:1])
    told = {each.request_id: each.time for each in entries}
    told |= {each.request_id: each.time for each in evidence.changes[-1:]}
    yield from sorted(told, key=lambda each: -told[each])


def moment(milliseconds: int) -> str:
    """Write POSIX milliseconds as RFC 3339 in UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
