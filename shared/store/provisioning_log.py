"""The provisioning log: what was refused, slow or passed over, as rows of the tenant.

Changes are not in it, because each has a change row. An entry is written when its request is
answered, so nothing depends on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from shared.scim.folding import fold
from shared.store import layout
from shared.tables.operations import Insert, OperationRejected
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row
from shared.tables.table import Table, collect

EntryKind = Literal["refused", "slow", "skippedMembers", "contact", "leftOut", "attributes"]
"""What an entry tells of: a request that was refused, or was slow, or named members who are neither
users nor groups; that the identity provider was there; how many entries were left out; or which
attributes were sent that an instance had not seen within a day."""

LeftOutReason = Literal["tooMany", "rateLimit", "notWritten"]
"""Why entries were left out: too many in a minute; requests over the rate limit, which are only
counted; the storage did not take them."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry. What is empty is not known, or does not apply.

    Attributes:
        time: when the request came, in POSIX milliseconds.
        kind: what it tells of.
        request_id: the service's id of the request.
        client_request_id: the client's own id of it.
        token: label of the token or the API key.
        is_product: whether it was an API key, so that the product sent the request, and no identity
            provider.
        method: HTTP method.
        route: template of the route.
        resource_type: `User`, `Group`, or the path of another type.
        resource_id: id of the resource.
        names: `userName`, `displayName` and `externalId` as they were sent.
        status: of the answer.
        scim_type: of the refusal (RFC 7644 section 3.12).
        operation: 0-based index of the PATCH operation that was refused.
        position: 0-based index in a bulk request.
        path: attribute path of what was refused.
        detail: what was answered.
        milliseconds: how long the request took.
        shape: of the body: names, types and lengths, a line each; no values. Of `attributes` their
            names.
        members: what was named as a member and passed over, an id or not.
        number: how many entries were left out; of `attributes`, how many whole resources were sent.
        reason: why they were.
    """

    time: int
    kind: EntryKind
    request_id: str = ""
    client_request_id: str = ""
    token: str = ""
    is_product: bool = False
    method: str = ""
    route: str = ""
    resource_type: str = ""
    resource_id: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    scim_type: str = ""
    operation: int | None = None
    position: int | None = None
    path: str = ""
    detail: str = ""
    milliseconds: float = 0.0
    shape: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    number: int = 0
    reason: LeftOutReason | None = None


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry with the key of its row.

    Attributes:
        key: the key, which sorts by time, the newest first.
        entry: the entry.
    """

    key: str
    entry: LogEntry

    @classmethod
    def of(cls, entry: LogEntry) -> "KeptEntry":
        """Draw the key of an entry, once: it makes a second send of the entry harmless."""
        return cls(layout.new_log_key(entry.time), entry)

    @property
    def id(self) -> str:
        """Names the entry in its tenant."""
        return layout.id_in(self.key)


class ProvisioningLog:
    """The log of every tenant; the context says of which."""

    def __init__(self, table: Table, beside: Table) -> None:
        """Prepare.

        Args:
            table: what is read.
            beside: the same table, for what is written when a request is answered.
        """
        self._table = table
        self._beside = beside

    async def write(self, context: RequestContext, entries: Sequence[KeptEntry]) -> None:
        """Write up to 100 entries in one transaction. 1 call.

        A transaction of which a row is there already is this one, whose answer was lost.

        Raises:
            Unavailable, TooManyRequests: they may be written or not; the same may be tried again.
        """
        inserts = [Insert(each.key, _values(each.entry)) for each in entries]

        async def send() -> None:
            try:
                await self._beside.transact(context, inserts)
            except OperationRejected:
                return

        await resend(context, send)

    async def newest(
        self, context: RequestContext, limit: int, behind: str = ""
    ) -> list[KeptEntry]:
        """Read entries, the newest first. A call for each 1,000.

        Args:
            context: the request.
            limit: how many at most.
            behind: id of the entry behind which to begin, which may be gone; "" for the newest.
        """
        rows = await collect(self._table, context, layout.log_span(behind), limit)
        return [kept(row) for row in rows]


def kept(row: Row) -> KeptEntry:
    """Read an entry out of its row."""
    document = layout.unpack_document(row.values)
    # An instance of a later version may have written more.
    values = {name: value for name, value in document.items() if name in _FIELDS}
    values |= {name: tuple(values[name]) for name in ("shape", "members") if name in values}
    return KeptEntry(row.key, LogEntry(layout.log_time(row.key), **values))


def is_about(entry: LogEntry, asked: str) -> bool:
    """Tell whether a request names a resource: by id, or by a name that was sent.

    Args:
        entry: of the request.
        asked: an id, or a userName, displayName (in any letter case) or externalId.
    """
    folded = fold(asked)
    return (
        asked in (entry.resource_id, *entry.members)
        or entry.names.get("externalId") == asked
        or any(fold(each) == folded for name, each in entry.names.items() if name != "externalId")
    )


def _values(entry: LogEntry) -> dict[str, str]:
    document: dict[str, Any] = asdict(entry)
    told = {name: document[name] for name in _FIELDS if document[name] or name in _MAY_BE_ZERO}
    return layout.pack_document({name: each for name, each in told.items() if each is not None})


_FIELDS = tuple(each.name for each in fields(LogEntry) if each.name != "time")
"""What is in the row; the time is in its key."""

_MAY_BE_ZERO = ("operation", "position")
