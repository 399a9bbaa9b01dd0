"""Memberships: a row each, beside the list of groups in the user's row; the two change together.

The cost of a change does not depend on the size of the group. Whoever changes a membership rewrites
the user's row under its ETag and touches the group's row, which fails when the group is gone.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from shared.errors import InvalidValue, NotFound, ScimError, Unavailable
from shared.store import layout
from shared.store.changes import Change, Verb
from shared.store.commits import commit
from shared.store.layout import Column, unpack_ids, with_ids
from shared.store.resources import timestamp
from shared.tables.operations import (
    Delete,
    Insert,
    Merge,
    OperationRejected,
    Replace,
    RowOperation,
    payload_bytes,
)
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import RequestContext
from shared.tables.retry import RETRY_POLICY, backoff, conflicts_exhausted
from shared.tables.rows import ANY_ETAG, Row
from shared.tables.table import Table, collect, get_all
from shared.tables.tenant_queue import TenantQueue

STEP_MEMBERS = 40
"""Members that one transaction changes; up to so many in a request are changed atomically."""

_STEP_BYTES = 3 * 1_048_576
READ_AHEAD = 5 * STEP_MEMBERS
"""Users whose rows are read and kept at a time, however many a request names."""

_RECORDED_IDS = 900  # of 35 characters in JSON: they fit into one property of 32,768


@dataclass(frozen=True, slots=True)
class Edit:
    """A user about to join or to leave a group, with the user's row as it was read."""

    row: Row
    joins: bool

    @property
    def uid(self) -> str:
        """Id of the user."""
        return layout.id_in(self.row.key)

    @property
    def version(self) -> int:
        """Version of the user after the edit."""
        return int(self.row.values[Column.VERSION]) + 1

    def is_needed(self, gid: str) -> bool:
        """Tell whether the user is not yet as the edit wants it."""
        return (gid in unpack_ids(self.row.values)) != self.joins

    def operations(self, gid: str) -> list[RowOperation]:
        """Build the operations on the user's row and on the membership row."""
        groups = unpack_ids(self.row.values)
        membership = layout.membership_key(gid, self.uid)
        rest = tuple(other for other in groups if other != gid)
        values = with_ids(self.row.values, (*rest, gid) if self.joins else rest)
        return [
            Replace(self.row.key, {**values, Column.VERSION: self.version}, self.row.etag),
            Insert(membership, {}) if self.joins else Delete(membership),
        ]


@dataclass(frozen=True, slots=True)
class Head:
    """What a transaction of memberships does besides: to the group itself, and in its change row.

    Attributes:
        operations: on the group's own rows; the one on `g-<gid>`, if any, is the first.
        verb: of the change row.
        names: attributes of the group that change.
        row: the group's row, where it was read.
    """

    operations: tuple[RowOperation, ...]
    verb: Verb = "members"
    names: tuple[str, ...] = ()
    row: Row | None = None

    @property
    def is_touch(self) -> bool:
        """Tell whether nothing is changed but the time of the group's last change."""
        return self.verb == "members"


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of memberships.

    Attributes:
        gid: id of the group.
        head: what is done besides.
        edits: who joins and who leaves.
    """

    gid: str
    head: Head
    edits: Sequence[Edit]

    def operations(self) -> list[RowOperation]:
        """Build the operations, without the change row."""
        edits = (op for edit in self.edits for op in edit.operations(self.gid))
        return [*self.head.operations, *edits]

    def change(self, progress: "Progress") -> Change:
        """Describe the step; skipped ids are recorded with the next one after they were read."""
        members = ("members",) if self.edits and self.head.verb != "sweep" else ()
        return Change(
            "Group",
            self.gid,
            self.head.verb,
            self.head.names + members,
            added=tuple((edit.uid, edit.version) for edit in self.edits if edit.joins),
            removed=tuple((edit.uid, edit.version) for edit in self.edits if not edit.joins),
            skipped=tuple(progress.skipped),
        )


@dataclass(slots=True)
class Progress:
    """How far a request of several transactions has come.

    Attributes:
        steps: transactions committed.
        members: members changed.
        skipped: ids that are no users, not yet recorded in a change row.
    """

    steps: int = 0
    members: int = 0
    skipped: list[str] = field(default_factory=list)


def touch(gid: str, row: Row | None = None, etag: str = ANY_ETAG) -> Head:
    """Build the head of a change of members only: the group must exist, and its ETag moves."""
    return Head((Merge(layout.group_key(gid), {Column.MODIFIED: timestamp()}, etag),), row=row)


class Memberships:
    """Reads and changes the members of groups."""

    def __init__(
        self, table: Table, *, reject_unknown: bool = False, writes_per_second: int = 1_000
    ) -> None:
        """Prepare.

        Args:
            table: the table.
            reject_unknown: refuse a request that names an id that is no user; otherwise such ids
                are skipped and recorded, because one stale id must not block the others.
            writes_per_second: entities that the large changes of a tenant write a second together.
        """
        self._table = table
        self._reject_unknown = reject_unknown
        self._limiter = RateLimiter(entities_per_second=writes_per_second)
        self._queue = TenantQueue(capacity=1)

    async def members(self, context: RequestContext, gid: str) -> tuple[str, ...]:
        """List the ids of a group's members, in id order. A call for each 1,000."""
        rows = await collect(self._table, context, layout.memberships_span(gid), select=())
        return tuple(layout.id_in(row.key) for row in rows)

    async def among(
        self, context: RequestContext, gids: Sequence[str], uids: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Tell of each group which of some users are its members. A call for each of both."""
        ids = [uid for uid in uids if layout.is_id(uid)]
        pairs = [layout.membership_key(gid, uid) for gid in gids for uid in ids]
        rows = await get_all(self._table, context, pairs)
        found = {row.key for row in rows if row is not None}
        return [
            tuple(uid for uid in ids if layout.membership_key(gid, uid) in found) for gid in gids
        ]

    async def change(
        self,
        context: RequestContext,
        gid: str,
        head: Head,
        wanted: Mapping[str, bool],
        progress: Progress | None = None,
    ) -> str | None:
        """Add and remove members; up to 40 in one transaction together with the head.

        A call for each user named, and one for each 40 that change. Larger changes go on in
        further transactions, which are idempotent: the request may be repeated.

        Args:
            context: the request.
            gid: id of the group.
            head: what the first transaction does besides.
            wanted: ids of users, each with whether it shall be a member; who is or is not one
                already is no error.
            progress: filled in as the request goes on.

        Returns:
            The ETag of the group's row after the last transaction, if it is known.

        Raises:
            NotFound: there is no such group.
            OperationRejected: the head was refused; nothing was changed.
            InvalidValue: an id is no user, and such ids are rejected.
            Unavailable: the deadline came in the middle; the request may be repeated.
        """
        progress = progress if progress is not None else Progress()
        progress.skipped.clear()
        etag: str | None = None
        try:
            async for edits in self._steps(context, gid, head, wanted, progress):
                if progress.steps:
                    await self._limiter.wait(context)
                entities = context.meter.entities
                etag = await self.step(context, Step(gid, head, edits), progress)
                self._limiter.record(context, context.meter.entities - entities)
                head = touch(gid)
        except ScimError as error:
            raise _interrupted(error, progress, len(wanted)) from error
        if progress.steps == 0:
            etag = await self._existing(context, gid, head)
        if progress.skipped:
            word = Step(gid, touch(gid), ()).change(progress)
            await commit(self._table, context, word, [])
        return etag

    async def edits(
        self, context: RequestContext, gid: str, wanted: Mapping[str, bool], progress: Progress
    ) -> list[Edit]:
        """Read the users named in `wanted` (id -> joins) and keep the edits that are needed."""
        ids = [uid for uid in wanted if layout.is_id(uid)]
        rows = await get_all(self._table, context, [layout.user_key(uid) for uid in ids])
        found = {layout.id_in(row.key): row for row in rows if row is not None}
        unknown = [uid for uid, joins in wanted.items() if joins and uid not in found]
        self._note_unknown(unknown, progress)
        edits = [Edit(found[uid], joins) for uid, joins in wanted.items() if uid in found]
        return [edit for edit in edits if edit.is_needed(gid)]

    async def _steps(
        self,
        context: RequestContext,
        gid: str,
        head: Head,
        wanted: Mapping[str, bool],
        progress: Progress,
    ) -> AsyncIterator[list[Edit]]:
        """Read users block by block and cut the edits into transactions; the head needs one.

        Where unknown ids are rejected, all users are read before the first transaction.
        """
        names = list(wanted)
        block = READ_AHEAD if not self._reject_unknown else max(len(names), 1)
        reserved = sum(map(payload_bytes, head.operations))
        step: list[Edit] = []
        for start in range(0, len(names), block):
            part = {uid: wanted[uid] for uid in names[start : start + block]}
            edits = step + await self.edits(context, gid, part, progress)
            *full, step = cut_steps(gid, edits, reserved) or [[]]
            for edits in full:
                yield edits
        if step or (progress.steps == 0 and not head.is_touch):
            yield step

    async def step(self, context: RequestContext, step: Step, progress: Progress) -> str | None:
        """Commit one transaction, again for each user or touch that lost a race.

        Returns:
            The ETag of the row of the head's first operation, if it is known.

        Raises:
            NotFound: the group is gone.
            OperationRejected: the head was refused; nothing was changed.
            Unavailable: the same members are changed by others without end.
        """
        several = len(step.edits) > 1
        if several and self._queue.is_full(context):
            # By the time the turn comes, most of what was read will be stale.
            lost = step.edits
        else:
            try:
                return await self._commit(context, step, progress)
            except OperationRejected as refusal:
                lost = _lost_by(refusal, step)
        async with self._queue.place(context) if several else nullcontext():
            return await self._commit_again(context, step, lost, progress)

    async def _commit(self, context: RequestContext, step: Step, progress: Progress) -> str | None:
        """Commit one transaction, once; see `step`."""
        etags = await commit(self._table, context, step.change(progress), step.operations())
        progress.steps += 1
        progress.members += len(step.edits)
        progress.skipped.clear()
        return etags[0] if etags else None

    async def _commit_again(
        self, context: RequestContext, step: Step, lost: Sequence[Edit], progress: Progress
    ) -> str | None:
        """Read the users of the lost edits again and commit, until nobody is in the way.

        One lost race costs one read. After a second one all users are read again.
        """
        for races in range(RETRY_POLICY.conflict_attempts):
            if races:
                await backoff(context, races - 1)
            wanted = {edit.uid: edit.joins for edit in lost}
            again = await self.edits(context, step.gid, wanted, progress)
            step = replace(step, edits=[e for e in step.edits if e not in lost] + again)
            if not step.edits and step.head.is_touch:
                return await self._existing(context, step.gid, step.head)
            try:
                return await self._commit(context, step, progress)
            except OperationRejected as refusal:
                _lost_by(refusal, step)
                lost = step.edits
        raise conflicts_exhausted("members")

    async def _existing(self, context: RequestContext, gid: str, head: Head) -> str:
        """End a change that needs no write: the group must exist all the same."""
        row = head.row or await self._table.get(context, layout.group_key(gid))
        if row is None:
            raise no_such_group(gid)
        return row.etag

    def _note_unknown(self, unknown: list[str], progress: Progress) -> None:
        """Reject ids that are no users, or remember those of them that may be recorded."""
        if unknown and self._reject_unknown:
            raise InvalidValue(
                f"{len(unknown)} of the members named are no users here, the first is "
                f"{unknown[0][:64]!r}. Create the users first, or leave them out.",
                path="members",
            )
        room = _RECORDED_IDS - len(progress.skipped)
        progress.skipped += [uid for uid in unknown if layout.is_id(uid)][:room]


def no_such_group(gid: str) -> NotFound:
    """Build the answer about a group that does not exist."""
    return NotFound(f"There is no group {gid[:64]!r}.")


def cut_steps(gid: str, edits: Sequence[Edit], reserved: int = 0) -> list[list[Edit]]:
    """Cut edits into transactions of at most 40 members and 3 MiB, `reserved` bytes of it taken."""
    if len(edits) == 1:
        return [list(edits)]  # whatever its size: most changes are of one member
    steps: list[list[Edit]] = []
    size = 0
    for edit in edits:
        edit_size = sum(map(payload_bytes, edit.operations(gid)))
        if not steps or len(steps[-1]) == STEP_MEMBERS or size + edit_size > _STEP_BYTES:
            steps.append([])
            size = reserved
        steps[-1].append(edit)
        size += edit_size
    return steps


def _lost_by(refusal: OperationRejected, step: Step) -> list[Edit]:
    """Find the edit whose operation was refused; none for a touch that met another touch.

    Raises:
        NotFound: the group is gone.
        OperationRejected: the head itself was refused; the caller reads the group again.
    """
    operation = refusal.operation
    if isinstance(operation, Merge) and operation.etag == ANY_ETAG:
        if refusal.status == 404:
            raise no_such_group(step.gid) from refusal
        return []
    uid = layout.user_in(operation.key)
    if uid is None:
        raise refusal
    return [edit for edit in step.edits if edit.uid == uid]


def _interrupted(error: ScimError, progress: Progress, wanted: int) -> ScimError:
    """Say how far a request of several transactions came."""
    if progress.steps == 0 or not isinstance(error, Unavailable):
        return error
    return Unavailable(
        f"{progress.members} of {wanted} members are done. Repeat the request as it was to go on, "
        "or send fewer members at a time.",
        retry_after=error.retry_after,
    )
