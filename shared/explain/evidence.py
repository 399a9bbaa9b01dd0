"""Reading what a tenant's rows tell of a user, within bounds; nothing is written.

What is read: who has the id, userName, externalId or address that was asked for; the provisioning
log; what is known of deleted users; change rows; and who has the name that a request was refused
for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.auth.tenant_tokens import TenantAccess, TenantTokens
from shared.errors import NotFound, Unavailable
from shared.scim.folding import fold
from shared.store import layout
from shared.store.change_history import Lookback, read_back, read_deletion
from shared.store.changes import GUARD, SECRET_TOKEN, SETUP_LINK, RecordedChange
from shared.store.layout import USER_EMAIL, USER_KINDS
from shared.store.provisioning_log import KeptEntry, LogEntry
from shared.store.resources import User
from shared.store.store import Store
from shared.store.tenant_settings import RESOURCE as SETTINGS
from shared.tables.request_context import RequestContext
from shared.tables.table import PAGE_ROWS

MOST_ENTRIES: Final = 5_000
"""Entries of the log that are read."""

MOST_CHANGES: Final = 10_000
"""Change rows that are read, but for the rest of a page."""

MOST_DAYS: Final = 400
"""How far back change rows are read."""

MOST_CALLS: Final = 35
"""Calls of Table Storage that an answer takes; for a tenant with few rows it is some 14."""

_DAY = 86_400_000

_OF_THE_VENDOR: Final = frozenset({GUARD, SECRET_TOKEN, SETTINGS, SETUP_LINK})
"""What change rows name that no identity provider changes."""
_SEVERAL = 2
_NOT_THERE = frozenset({404, 410})


@dataclass(slots=True)
class Evidence:
    """What was read.

    Attributes:
        asked: what was asked for.
        tenant: where.
        now: when, in POSIX milliseconds.
        access: whether an identity provider comes in; None if that could not be told.
        has_tenant: whether there is such a tenant.
        users: who has what was asked for; two stand for several.
        refusals: refused requests that name the user, the newest first.
        passed_over: entries of requests that named what was asked for as a member, likewise.
        owner: who has the userName of the newest refusal, if it was refused for that.
        changes: change rows of the user, or by which a name was given up, the oldest first.
        renamed: the user who gave the name up and is there.
        contact: when the identity provider was there last; None if it is not known.
        wrong_tokens: how many requests with a wrong token came to the address of the tenant, as far
            as this process knows, and when the last one did.
        left_out: how many entries the log does not have.
        log_since: from when on all entries were read: the time of the oldest one if all that are
            kept were; None if the log has none.
        changes_since: from when on all change rows that are kept were read; None if neither they
            nor the log was.
    """

    asked: str
    tenant: str
    now: int
    access: TenantAccess | None
    has_tenant: bool = True
    users: list[User] = field(default_factory=list)
    refusals: list[LogEntry] = field(default_factory=list)
    passed_over: list[LogEntry] = field(default_factory=list)
    owner: User | None = None
    changes: list[RecordedChange] = field(default_factory=list)
    renamed: User | None = None
    contact: int | None = None
    wrong_tokens: tuple[int, int] | None = None
    left_out: int = 0
    log_since: int | None = None
    changes_since: int | None = None

    @property
    def user(self) -> User | None:
        """The one user who has what was asked for."""
        return self.users[0] if len(self.users) == 1 else None


async def gather(
    store: Store, context: RequestContext, asked: str, now: int, access: TenantAccess | None
) -> Evidence:
    """Read all that is told of a user.

    Args:
        store: the store.
        context: the request.
        asked: an id, a userName, an externalId or an e-mail address.
        now: in POSIX milliseconds.
        access: whether an identity provider comes in; None if that could not be told.
    """
    evidence = Evidence(asked, context.tenant, now, access)
    evidence.users = await _find(store, context, asked)
    if len(evidence.users) < _SEVERAL:
        await _read_log(store, context, evidence)
        await _read_changes(store, context, evidence)
        await _read_others(store, context, evidence)
    return evidence


async def read_access(tokens: TenantTokens, tenant: str) -> TenantAccess | None:
    """Tell whether an identity provider comes in; None where the vault does not answer.

    Raises:
        NotFound: there is no such tenant.
    """
    try:
        return await tokens.access(tenant)
    except Unavailable:
        return None


async def _find(store: Store, context: RequestContext, asked: str) -> list[User]:
    """Find who has an id, a userName, an externalId or an address, in this order. 6 calls."""
    users = store.users
    if layout.is_id(asked) and (found := await _read(store, context, [asked])):
        return found
    folded = fold(asked)
    ids = (
        await users.ids_by_user_name(context, folded)
        or await users.ids_by_external_id(context, asked, _SEVERAL)
        or await users.ids_by_email(context, folded, _SEVERAL)
    )
    return await _read(store, context, ids)


async def _read(store: Store, context: RequestContext, ids: Iterable[str]) -> list[User]:
    """Read users without their groups, but for those who are not there. A call each."""
    found = []
    for each in ids:
        try:
            found.append(await store.users.get(context, each, groups=False))
        except NotFound:
            continue
    return found


async def _read_log(store: Store, context: RequestContext, evidence: Evidence) -> None:
    """Read the log, the newest entries first. 5 calls at most."""
    entries: list[KeptEntry] = []
    behind = ""
    while len(entries) < MOST_ENTRIES:
        page = await store.log.newest(context, PAGE_ROWS, behind)
        entries += page
        if len(page) < PAGE_ROWS:
            break
        behind = page[-1].id
    if entries:
        evidence.log_since = entries[-1].entry.time
    _sort_out(evidence, [each.entry for each in entries])


def _sort_out(evidence: Evidence, entries: Sequence[LogEntry]) -> None:
    whom = _Whom.of(evidence)
    evidence.refusals = [each for each in entries if _is_refusal(each) and whom.is_in(each)]
    passed = (each for each in entries if each.kind == "skippedMembers")
    evidence.passed_over = [each for each in passed if whom.ids.intersection(each.members)]
    evidence.left_out = sum(
        each.number for each in entries if each.kind == "leftOut" and each.reason != "rateLimit"
    )
    of_provider = (each.time for each in entries if each.token and not each.is_product)
    evidence.contact = next(of_provider, None)


@dataclass(frozen=True, slots=True)
class _Whom:
    """By what entries and change rows are known to concern the user."""

    folded: frozenset[str]
    exact: frozenset[str]
    ids: frozenset[str]
    marks: frozenset[str]

    @classmethod
    def of(cls, evidence: Evidence) -> "_Whom":
        asked, user = evidence.asked, evidence.user
        folded, exact, ids = {fold(asked)}, {asked}, {asked}
        if user is not None:
            ids.add(user.id)
            folded.add(fold(str(user.document.get("userName", ""))))
            exact.add(str(user.document.get("externalId", "")))
        # What a user of that name was before is of no interest once there is one.
        marks = (
            ()
            if user is not None
            else (
                layout.value_mark(USER_KINDS.claim, fold(asked)),
                layout.value_mark(USER_KINDS.external_id, asked),
                layout.value_mark(USER_EMAIL, fold(asked)),
            )
        )
        return cls(
            frozenset(folded - {""}), frozenset(exact - {""}), frozenset(ids), frozenset(marks)
        )

    def is_in(self, entry: LogEntry) -> bool:
        """Tell whether a request was about the user."""
        if entry.resource_type not in ("User", ""):
            return False
        names = {fold(value) for name, value in entry.names.items() if name != "externalId"}
        return (
            entry.resource_id in self.ids
            or not self.folded.isdisjoint(names)
            or entry.names.get("externalId", "") in self.exact
        )

    def is_changed_by(self, recorded: RecordedChange) -> bool:
        """Tell whether a change was of the user, or gave up what was asked for."""
        change = recorded.change
        if change.resource != "User":
            return False
        return change.id in self.ids or not self.marks.isdisjoint(change.released)


def _is_refusal(entry: LogEntry) -> bool:
    """Tell whether the identity provider was refused something that it needs.

    That a resource is not there is no refusal: why it is not there is what is looked for.
    """
    is_there = entry.status not in _NOT_THERE
    return entry.kind == "refused" and not entry.is_product and is_there


async def _read_changes(store: Store, context: RequestContext, evidence: Evidence) -> None:
    """Read change rows, the newest first: 10 calls for 10,000 of them, and 7 for spans of time.

    Where it is known when the user was deleted, what was before is not read. So the deletion is
    found also where more changes came after it than are read. That takes up to 4 calls.
    """
    whom = _Whom.of(evidence)
    newest = evidence.contact or 0

    def is_wanted(recorded: RecordedChange) -> bool:
        nonlocal newest
        if _is_of_the_identity_provider(recorded):
            newest = max(newest, recorded.time)
        return whom.is_changed_by(recorded)

    deletions = await _find_deletion(store, context, evidence)
    earliest = evidence.now - MOST_DAYS * _DAY
    since = max([earliest, *(each.time + 1 for each in deletions)])
    lookback = Lookback(since, MOST_CHANGES)
    # The clock of another instance may be ahead of this one.
    until = evidence.now + _DAY
    found = await read_back(store.table, context, is_wanted, until, lookback)
    evidence.changes = [*filter(is_wanted, deletions), *found.changes]
    evidence.contact = newest or None
    evidence.changes_since = found.since


def _is_of_the_identity_provider(recorded: RecordedChange) -> bool:
    """Tell whether a request of the identity provider made a change.

    The vendor sets a tenant, makes links, draws tokens and decides about what the guard holds; of
    nobody's requests are a sweep, and what the command line does.
    """
    is_request = recorded.method not in ("sweep", "admin")
    return is_request and recorded.change.resource not in _OF_THE_VENDOR


async def _find_deletion(
    store: Store, context: RequestContext, evidence: Evidence
) -> list[RecordedChange]:
    """Read the last deletion of who had the name or address that was asked for: one or none."""
    if evidence.user is not None or layout.is_id(evidence.asked):
        return []
    users, folded = store.users, fold(evidence.asked)
    known = (
        await users.deleted_by_user_name(context, folded),
        await users.deleted_by_external_id(context, evidence.asked),
        await users.deleted_by_email(context, folded),
    )
    last = max(
        (each for each in known if each is not None), key=lambda each: each.deleted, default=None
    )
    return [] if last is None else await read_deletion(store.table, context, last)


async def _read_others(store: Store, context: RequestContext, evidence: Evidence) -> None:
    """Read who has the name that was refused, and who has given up what was asked for. 3 calls."""
    refusal = next(iter(evidence.refusals), None)
    name = refusal.names.get("userName") if refusal else None
    if refusal is not None and refusal.scim_type == "uniqueness" and name:
        ids = await store.users.ids_by_user_name(context, fold(name))
        evidence.owner = next(iter(await _read(store, context, ids)), None)
    last = evidence.changes[-1].change if evidence.changes else None
    if evidence.user is None and last is not None and last.verb != "delete":
        evidence.renamed = next(iter(await _read(store, context, [last.id])), None)
