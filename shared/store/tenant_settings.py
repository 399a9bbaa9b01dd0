"""The settings of a tenant: their row, and what a process remembers of it.

A process reads the row of a tenant once a minute while requests of that tenant come, beside them.
The rate limit goes by what was read last, and waits for nothing. What must not be older than a
minute (roles, unknown members) waits for the reading, which the same request has begun when it was
let in. While the row cannot be read the last good value serves, however old. Where none was ever
read the rate limit is that of the deployment, and whatever rests on a setting is answered 503: to
pass over members that the tenant wants refused, or to say that somebody has no roles, would be
wrong, and a storage that does not answer lets such a request fail anyway.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from shared.clock import Clock
from shared.errors import Unavailable
from shared.store import layout
from shared.store.changes import Change
from shared.store.commits import commit
from shared.store.guard_state import CLOCKS_APART_MS, read_state
from shared.store.layout import FORMAT_VERSION, Column, pack_document, unpack_document
from shared.store.remembered import READING_SECONDS, RememberedByTenant
from shared.store.resources import Precondition, check_precondition, timestamp
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Value
from shared.tables.table import Table
from shared.tenant_settings import ROLE_MAP, Profile, TenantSettings

RESOURCE = "Tenant"
"""What the change rows of settings name as the type."""

SettingsChange = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes new settings of those that are kept; pure, so that it can be applied again."""


@dataclass(frozen=True)
class KeptSettings:
    """The settings of a tenant as its row has them.

    Attributes:
        document: what is set, and what a later version of the service has set.
        version: one more at every change; 0 where nothing was ever set.
        modified: time of the last change; None where nothing was ever set.
        held: id of what is still held although nothing is to be held any more; "" for nothing.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    modified: str | None = None
    held: str = ""

    @property
    def is_guarded(self) -> bool:
        """Whether removals are to be held, or are held still."""
        return self.settings.holds_removals or bool(self.held)

    @cached_property
    def settings(self) -> TenantSettings:
        """The settings that this version of the service knows."""
        return TenantSettings.read(self.document)


class TenantSettingsStore:
    """Reads and writes the settings of every tenant; the context says of which."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._kept = RememberedByTenant(self._read_beside, clock)

    async def read(self, context: RequestContext) -> KeptSettings:
        """Read the settings. 1 call."""
        return _kept(await self._table.get(context, layout.TENANT_SETTINGS_KEY))

    async def update(
        self,
        context: RequestContext,
        change: SettingsChange,
        precondition: Precondition | None = None,
        beside: Sequence[RowOperation] = (),
    ) -> KeptSettings:
        """Change the settings. 2 calls, 3 where it changes what is held; 1 when nothing changes.

        This process goes by them at once, every other one within a minute.

        Args:
            context: the request.
            change: makes the new settings.
            precondition: which versions may be changed.
            beside: what else the transaction does that changes them.

        Raises:
            PreconditionFailed: the settings have another version.
            PayloadTooLarge: they do not fit into a row.
        """

        async def attempt() -> KeptSettings:
            row = await self._table.get(context, layout.TENANT_SETTINGS_KEY)
            before = _kept(row)
            check_precondition(precondition, str(before.version))
            document = change(before.document)
            if document == before.document:
                return before
            return await self._write(context, row, before, document, beside)

        kept = await retry_conflicts(context, attempt)
        self._kept.of(context.tenant).put(kept)
        return kept

    def latest(self, tenant: str) -> TenantSettings | None:
        """Return what was last read of a tenant, without waiting; None if nothing ever was.

        Where it is older than a minute, a reading is begun beside the request: 1 call.
        """
        kept = self.latest_kept(tenant)
        return None if kept is None else kept.settings

    def latest_kept(self, tenant: str) -> KeptSettings | None:
        """Return the same with what is kept beside the settings; see `latest`."""
        return self._kept.of(tenant).latest()

    async def current(self, context: RequestContext) -> KeptSettings:
        """Return settings that are at most a minute old, or the last that could be read.

        No call of the request; the reading that `latest` has begun is waited for.

        Raises:
            Unavailable: none could ever be read.
        """
        kept = await self._current(context)
        if kept is None:
            raise settings_unread()
        return kept

    def known_since(self, tenant: str) -> float:
        """Say from when on changes may be younger than what is remembered, in POSIX milliseconds.

        By the clock of whichever instance.
        """
        read = self._clock.wall() - self._kept.of(tenant).age
        return read * 1_000 - CLOCKS_APART_MS

    async def read_again(self, context: RequestContext) -> KeptSettings:
        """Read the settings, and go by them from now on. 1 call."""
        kept = await self.read(context)
        self._kept.of(context.tenant).put(kept)
        return kept

    async def profile(self, context: RequestContext) -> Profile | None:
        """Return the profile of the tenant, as `current`; None if it could never be read."""
        kept = await self._current(context)
        return None if kept is None else kept.settings.profile or "tolerant"

    async def names_repeat(self, context: RequestContext) -> bool:
        """Tell whether groups may have one name; as `current`."""
        return (await self.current(context)).settings.group_names == "repeat"

    async def close(self) -> None:
        """End the readings that are under way."""
        await self._kept.close()

    async def _current(self, context: RequestContext) -> KeptSettings | None:
        """Wait for a reading, but leave half of the time for what the request is about."""
        return await self._kept.of(context.tenant).current(context.remaining() / 2)

    async def _write(
        self,
        context: RequestContext,
        row: Row | None,
        before: KeptSettings,
        document: dict[str, Any],
        beside: Sequence[RowOperation],
    ) -> KeptSettings:
        kept = KeptSettings(document, before.version + 1, timestamp(), before.held)
        kept, of_guard = await self._guard_change(context, before, kept)
        values: dict[str, Value] = {
            **pack_document(document),
            Column.VERSION: kept.version,
            Column.MODIFIED: str(kept.modified),
            Column.FORMAT: FORMAT_VERSION,
            **({Column.HELD: kept.held} if kept.held else {}),
        }
        names = {*before.document, *document}
        changed = sorted(each for each in names if before.document.get(each) != document.get(each))
        written = (
            Insert(layout.TENANT_SETTINGS_KEY, values)
            if row is None
            else Replace(row.key, values, row.etag)
        )
        change = Change(RESOURCE, context.tenant, "settings", tuple(changed), version=kept.version)
        others = [*self._role_change(before, kept), *of_guard, *beside]
        await commit(self._table, context, change, [written, *others])
        return kept

    async def _guard_change(
        self, context: RequestContext, before: KeptSettings, after: KeptSettings
    ) -> tuple[KeptSettings, list[RowOperation]]:
        """Have the guard go by another rule: 1 call. None where it holds nothing by either.

        Whoever rules on removals goes by what the guard knows, so by the new rule at once, however
        old the settings are that it remembers. What is held stays held.

        Returns:
            The settings, with what is held although they do not say so; and what is to be written.
        """
        did, does = before.settings.holds_removals, after.settings.holds_removals
        is_same = before.settings.guard == after.settings.guard
        if is_same or not (did or does or before.held):
            return after, []
        state = await read_state(self._table, context)
        is_noted = not does and state.hold is not None
        held = state.hold.id if is_noted and state.hold is not None else ""
        if does and not did:
            state = state.begun(int(self._clock.wall() * 1_000))
        rule = after.settings.guard_rule
        written = replace(state, rule=rule, is_noted=is_noted).written()
        return replace(after, held=held), [written]

    def _role_change(self, before: KeptSettings, after: KeptSettings) -> list[RowOperation]:
        """Record a role map that is replaced, so that the sweeper tells whose roles are others."""
        if (before.settings.role_map or ()) == (after.settings.role_map or ()):
            return []
        settings = TenantSettings.model_validate({ROLE_MAP: before.document.get(ROLE_MAP)})
        packed = pack_document(settings.document())
        values: dict[str, Value] = {Column.NUMBER: int(self._clock.wall()), **packed}
        return [Insert(layout.new_role_change_key(), values)]

    async def _read_beside(self, tenant: str) -> KeptSettings:
        return await self.read(beside_requests(tenant))


def _kept(row: Row | None) -> KeptSettings:
    if row is None:
        return KeptSettings()
    version, modified = row.values[Column.VERSION], row.values[Column.MODIFIED]
    held = str(row.values.get(Column.HELD, ""))
    return KeptSettings(unpack_document(row.values), int(version), str(modified), held)


def beside_requests(tenant: str) -> RequestContext:
    """Begin a reading that belongs to no request: none of them is to pay or to wait for it."""
    return RequestContext(tenant, "settings", "settings", time.monotonic() + READING_SECONDS)


def settings_unread() -> Unavailable:
    """Build the answer to what rests on settings that were never read."""
    return Unavailable(
        "The settings of the tenant could not be read; repeat the request.", retry_after=2
    )
