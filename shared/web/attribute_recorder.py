"""Records which attributes an identity provider sends, so that its mapping can be reviewed.

A successful change leaves no entry in the provisioning log, and its change row names only what has
changed. So each instance gathers the names of what is sent, and writes those that it has not
written within a day: some rows a day and tenant, of names alone. Nothing is written within a
request, and what an instance that ends has not written is sent again by a later request.
"""

import asyncio
import logging
import math
import secrets
import time
from dataclasses import dataclass, field
from typing import Final

from shared.clock import Clock
from shared.store.provisioning_log import KeptEntry, LogEntry, ProvisioningLog
from shared.tables.request_context import RequestContext
from shared.telemetry.request_record import RequestRecord
from shared.web.sent_attributes import attributes_sent
from shared.web.writings import give_up, wait_until_written

NAMES_GATHER_SECONDS: Final = 3.0
"""How long names wait for others, the first time."""

INTERVAL_SECONDS: Final = 600.0
"""How often a tenant has rows written, at most."""

AGAIN_SECONDS: Final = 86_400.0
"""After how long what was written is written again."""

MOST_NAMES: Final = 200
"""Names of a resource type that are kept; no mapping has so many."""

MOST_TENANTS_RECORDED: Final = 1_000
"""Tenants of which names are kept: those that began last."""

_WRITE_SECONDS = 20.0
_ACTOR = "attribute-record"
_TYPES = {"Users": "User", "Groups": "Group"}
_WHOLE = frozenset({"POST", "PUT"})
_WRITES = _WHOLE | {"PATCH"}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _OfType:
    """What was sent of a resource type.

    Attributes:
        new: names that are still to be written.
        known: names that were written, or wait to be.
        whole: how many whole resources were sent since the last row.
    """

    new: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    whole: int = 0


@dataclass(slots=True)
class _OfTenant:
    types: dict[str, _OfType] = field(default_factory=dict)
    began: float = -math.inf
    written: float = -math.inf
    writing: asyncio.Task[None] | None = None


class AttributeRecorder:
    """Takes finished requests, and writes what names came that had not come before."""

    def __init__(
        self, log: ProvisioningLog, *, is_on: bool = True, clock: Clock | None = None
    ) -> None:
        """Prepare.

        Args:
            log: where rows are written.
            is_on: whether any are.
            clock: the time by which names wait.
        """
        self._log = log
        self._is_on = is_on
        self._clock = clock or Clock()
        self._tenants: dict[str, _OfTenant] = {}

    def take(self, record: RequestRecord) -> None:
        """Take a request that is finished; nothing is raised.

        Nothing is sent before this returns.
        """
        try:
            self._take(record)
        except Exception:  # noqa: BLE001 - the client is answered all the same
            _log.exception("attributes of request %s could not be recorded", record.request_id)

    def _take(self, record: RequestRecord) -> None:
        type_ = _type_of(record)
        if not self._is_on or type_ is None or record.body is None:
            return
        tenant = self._tenant(record.tenant)
        if tenant is None:
            return
        of_type = tenant.types.setdefault(type_, _OfType())
        of_type.whole += record.method in _WHOLE
        new = attributes_sent(record.body.seen) - of_type.known
        of_type.new.update(sorted(new)[: MOST_NAMES - len(of_type.known)])
        of_type.known |= of_type.new
        if of_type.new and tenant.writing is None:
            tenant.writing = asyncio.get_running_loop().create_task(
                self._write(record.tenant, tenant)
            )

    def _tenant(self, name: str) -> _OfTenant | None:
        """Return what is known of a tenant; nothing of it where it began a day ago."""
        known = self._tenants.get(name)
        now = self._clock.steady()
        if known is not None and (now - known.began < AGAIN_SECONDS or known.writing):
            return known
        self._tenants.pop(name, None)
        if len(self._tenants) >= MOST_TENANTS_RECORDED:
            first = next(iter(self._tenants))
            if self._tenants[first].writing:
                return None
            del self._tenants[first]
        self._tenants[name] = _OfTenant(began=now)
        return self._tenants[name]

    async def _write(self, name: str, tenant: _OfTenant) -> None:
        due = tenant.written + INTERVAL_SECONDS - self._clock.steady()
        try:
            await self._clock.sleep(max(due, NAMES_GATHER_SECONDS))
            tenant.written = self._clock.steady()
            await self._log.write(_context_of(name), list(self._entries(tenant)))
        except Exception:  # noqa: BLE001 - a hint, which the next day's requests bring again
            self._tenants.pop(name, None)
        finally:
            tenant.writing = None

    def _entries(self, tenant: _OfTenant) -> list[KeptEntry]:
        now = int(self._clock.wall() * 1_000)
        entries = [
            KeptEntry.of(
                LogEntry(
                    now,
                    "attributes",
                    resource_type=type_,
                    shape=tuple(sorted(each.new)),
                    number=each.whole,
                )
            )
            for type_, each in tenant.types.items()
            if each.new
        ]
        for each in tenant.types.values():
            each.new, each.whole = set(), 0
        return entries

    async def drain(self) -> None:
        """Wait until all that waits is written."""
        await wait_until_written(self._tenants)

    async def close(self) -> None:
        """Give up what waits: other instances, and later requests, bring it again."""
        give_up(self._tenants)


def _type_of(record: RequestRecord) -> str | None:
    """Return the type of the resource that an identity provider has written; None for no write."""
    if not record.tenant or record.is_product or record.method not in _WRITES:
        return None
    parts = record.route.split("/")
    if not 200 <= record.status < 300 or ".search" in parts:
        return None
    return next((_TYPES[part] for part in parts if part in _TYPES), None)


def _context_of(tenant: str) -> RequestContext:
    deadline = time.monotonic() + _WRITE_SECONDS
    return RequestContext(tenant, f"log-{secrets.token_hex(8)}", _ACTOR, deadline)
