"""The layout of rows: the kinds of keys, how keys are built and read, and the names of columns.

No other module writes a kind or a column as text.

A key begins with its kind and uses `[0-9a-z-]` only: `-` separates its parts and `.` ends a range,
because it sorts right after `-`. Values that come from outside enter a key as a hash, and the row
keeps the value.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final

from shared.scim.members import MemberType
from shared.scim.schema import Document
from shared.tables.rows import Span, Value, Values

FORMAT_VERSION = 1

LATENESS: Final = 120_000
"""By how many milliseconds a change row may become visible later than its key says. The key is
drawn before the commit, and the clocks of instances differ."""

_TEXT_UNITS = 30_000
_IDS_PER_PROPERTY = 4_096
_ID_BYTES = 16

_ID = re.compile(r"[0-9a-f]{32}")

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


# Kinds of rows and names of columns


class RowKind(StrEnum):
    """What a key begins with.

    Attributes:
        USER: a user.
        USER_NAME: the claim on a folded userName.
        USER_EXTERNAL_ID: an owner of an externalId.
        USER_EMAIL: an owner of a folded e-mail address.
        USER_COUNTER: the number of users of a slot.
        GROUP: a group, without its members.
        GROUP_NAME: the claim on a folded displayName; where names may repeat, an owner of one.
        GROUP_EXTERNAL_ID: an owner of an externalId.
        GROUP_COUNTER: the number of groups of a slot.
        MEMBERSHIP: the membership of a user, or of a group, in a group.
        CUSTOM: a resource of a custom type. In the keys of this kind and of the next three the
            name of the type follows (`custom_kinds`).
        CUSTOM_CLAIM: the claim on a unique value.
        CUSTOM_EXTERNAL_ID: an owner of an externalId.
        CUSTOM_COUNTER: the number of resources of a slot.
        CHANGE: a change row, the receipt of a transaction.
        LOG_ENTRY: an entry of the provisioning log.
        DELETIONS: the deletions row, which lists the groups and users that are deleted and not yet
            swept, and the groups that are not yet created whole; and tells of groups in groups.
        DELETED_GROUP: a deleted group whose memberships are not yet swept.
        UNFINISHED_GROUP: a group whose members join before it is created.
        DELETED_MEMBER: a user or a group, deleted out of many groups, whose memberships are not yet
            swept.
        ROLE_CHANGE: a role map that was replaced, and of which not all is told yet.
        GUARD: what the guard against mass removal knows of the tenant; one row.
        DECIDED_HOLD: removals that were held, and what was decided about them.
        TENANT_SETTINGS: the settings of the tenant.
        DELETED_VALUE: a value by which a user could be found who was deleted, as a hash alone.
        SETUP_LINK: a setup link of the portal, and the session that its opening began.
        USED_ASSERTION: an assertion of an OAuth client that was used, while it is valid.
        WEBHOOK: a webhook endpoint, and the row that each creation of one writes; in a partition
            of no tenant.
        DELIVERY_CHECKPOINT: how far the deliveries to a webhook endpoint have come.
        DELIVERY_PENDING: an event that is yet to be sent to an endpoint, at first or once more.
        DELIVERY_DONE: an event that an endpoint has taken.
        DELIVERY_DEAD: an event that an endpoint did not take at any attempt.
        TRACE: the record of a trace, which says when the sweeper takes its entries away.
        TRACE_ENTRY: an entry of a trace, sealed.
    """

    USER = "u"
    USER_NAME = "un"
    USER_EXTERNAL_ID = "ux"
    USER_EMAIL = "ue"
    USER_COUNTER = "cu"
    GROUP = "g"
    GROUP_NAME = "gn"
    GROUP_EXTERNAL_ID = "gx"
    GROUP_COUNTER = "cg"
    MEMBERSHIP = "m"
    CUSTOM = "r"
    CUSTOM_CLAIM = "rn"
    CUSTOM_EXTERNAL_ID = "rx"
    CUSTOM_COUNTER = "cr"
    CHANGE = "l"
    LOG_ENTRY = "p"
    DELETIONS = "q"
    DELETED_GROUP = "q-g"
    UNFINISHED_GROUP = "q-c"
    DELETED_MEMBER = "q-u"
    ROLE_CHANGE = "q-r"
    GUARD = "q-h"
    DECIDED_HOLD = "gh"
    TENANT_SETTINGS = "s"
    DELETED_VALUE = "dv"
    SETUP_LINK = "sl"
    USED_ASSERTION = "ja"
    WEBHOOK = "wh"
    DELIVERY_CHECKPOINT = "wc"
    DELIVERY_PENDING = "wp"
    DELIVERY_DONE = "wd"
    DELIVERY_DEAD = "wx"
    TRACE = "q-t"
    TRACE_ENTRY = "tr"


class Column:
    """Names of properties. They are plain strings, because a member of an enumeration is slower.

    Attributes:
        DOCUMENT: the SCIM document, or an entry of the provisioning log, or a delivery, as JSON;
            goes on in `d1`, `d2` ...
        GROUP_IDS: packed ids of the groups that a user or a group is in; goes on in `g1`, `g2` ...
            In the deletions row those of deleted groups.
        MEMBER_IDS: in the deletions row, packed ids of users, and of groups, that were deleted out
            of many groups; goes on in `u1` ...
        UNFINISHED_IDS: there, those of groups that are not yet created whole; goes on in `c1` ...
        NESTED_SINCE: there, when a group was about to become the member of a group first; absent in
            a tenant without such groups.
        MEMBER_TYPE: in a membership, and in the record of a deleted member, `Group` where the
            member is one; absent where it is a user.
        USER_NAME: folded userName of a user.
        DISPLAY_NAME: folded displayName of a group.
        VERSION: version of a resource, one more at every write of its row.
        CREATED: time of creation.
        MODIFIED: time of the last change of the document.
        FORMAT: version of this layout, `FORMAT_VERSION`.
        CLAIMS: hashes of the claims of a custom resource, with spaces between.
        OWNER: id of the resource that has a value.
        VALUE: the value itself; in a record of a role map, the id of the last user who was told of.
        NUMBER: number of resources in a slot; in a record of a role map, since when it is
            replaced, in POSIX seconds; how many webhook endpoints there were after the last
            creation of one.
        REPLACEMENT: id of the replace of a group's members that is under way; "" after it.
        MAY_REPEAT: whether the displayName of a group may be that of others; absent where not.
        DELETED: time at which a group was deleted, or the user who had a value.
        RESOURCE_TYPE: of the resource that a change row is about.
        RESOURCE_ID: its id.
        VERB: what was done to it.
        ACTOR: label of the token that authorised the request.
        REQUEST_ID: id of the request.
        CLIENT_REQUEST_ID: the identity provider's own id of the request; absent without one.
        TRANSACTION: number of the transaction within the request.
        METHOD: HTTP method of the request, or `sweep`, or `admin`.
        POSITION: index of the operation in its bulk request.
        ACTIVE: whether a user is active, where that changed: 1 or 0. In a slot of users, how many
            of them are active; absent while they are not counted.
        EXTERNAL_ID: externalId of what was deleted.
        ATTRIBUTES: names of the attributes that changed, as JSON.
        ADDED: users that joined, each with its new version, and groups, with null, as JSON.
        REMOVED: members that left, in the same form.
        SKIPPED: ids named as members that are neither users nor groups, as JSON.
        LEFT: groups that a deleted user or group was in, as JSON.
        RELEASED: kinds and hashes of the values by which a resource was found and is no more, as
            JSON.
        HELD: in a change row, the id of the hold by which it is not told at its place; in the
            settings of a tenant, that of one that is left of a guard that was switched off.
        ORIGINAL: in a change row that tells of another one again, the end of that one's key.
        NUMBERS: in the change row of a hold, how many users are concerned, as JSON.
        DIGEST: SHA-256 of the secret of a setup link, as hex digits.
        RIGHTS: what a setup link allows, with blanks between.
        EXPIRES: when a setup link can be opened no longer, in POSIX seconds.
        OPENED: when it was opened, in POSIX seconds; absent before.
        REVOKED: when it was revoked, in POSIX seconds; absent unless it was.
        RETURN_URL: where the portal leads back to from the session of a setup link; absent without.
        SESSION_DIGEST: SHA-256 of the secret of the session that its opening began, as hex digits.
        RECEIPT: of a used assertion, drawn by the request that used it.
        SENT: marks of the events of the last minutes that were sent to an endpoint, packed.
        DUE: when the next attempt at a delivery is due, in POSIX milliseconds, as text; absent
            where none is pending.
        HAS_REDELIVERIES: 1 in a checkpoint with deliveries that somebody wants to be made again,
            until the dispatcher has looked at them; absent in every other.
        SEALED: an entry of a trace, encrypted.
    """

    DOCUMENT: Final = "d"
    GROUP_IDS: Final = "g"
    MEMBER_IDS: Final = "u"
    UNFINISHED_IDS: Final = "c"
    NESTED_SINCE: Final = "ng"
    MEMBER_TYPE: Final = "ty"
    USER_NAME: Final = "un"
    DISPLAY_NAME: Final = "dn"
    VERSION: Final = "v"
    CREATED: Final = "ct"
    MODIFIED: Final = "lm"
    FORMAT: Final = "fv"
    CLAIMS: Final = "k"
    OWNER: Final = "o"
    VALUE: Final = "x"
    NUMBER: Final = "n"
    REPLACEMENT: Final = "rp"
    MAY_REPEAT: Final = "nr"
    DELETED: Final = "at"
    RESOURCE_TYPE: Final = "rt"
    RESOURCE_ID: Final = "id"
    VERB: Final = "op"
    ACTOR: Final = "by"
    REQUEST_ID: Final = "rq"
    CLIENT_REQUEST_ID: Final = "ci"
    TRANSACTION: Final = "st"
    METHOD: Final = "mt"
    POSITION: Final = "bp"
    ACTIVE: Final = "ac"
    EXTERNAL_ID: Final = "xi"
    ATTRIBUTES: Final = "at"
    ADDED: Final = "add"
    REMOVED: Final = "rem"
    SKIPPED: Final = "skip"
    LEFT: Final = "left"
    RELEASED: Final = "rel"
    HELD: Final = "hd"
    ORIGINAL: Final = "on"
    NUMBERS: Final = "nb"
    DIGEST: Final = "dg"
    RIGHTS: Final = "ri"
    EXPIRES: Final = "ex"
    OPENED: Final = "od"
    REVOKED: Final = "rv"
    RETURN_URL: Final = "ru"
    SESSION_DIGEST: Final = "sd"
    RECEIPT: Final = "rc"
    SENT: Final = "se"
    DUE: Final = "du"
    HAS_REDELIVERIES: Final = "ak"
    SEALED: Final = "sz"


@dataclass(frozen=True, slots=True)
class ResourceKinds:
    """The kinds of the rows of one resource type.

    Attributes:
        resource: the resources.
        claim: the claims on unique values.
        external_id: the owners of an externalId.
        counter: the counters.
    """

    resource: str
    claim: str
    external_id: str
    counter: str


# Kinds from which keys are built all the time are plain strings: to format a member of an
# enumeration takes four times as long.
USER_KINDS = ResourceKinds(
    resource=RowKind.USER.value,
    claim=RowKind.USER_NAME.value,
    external_id=RowKind.USER_EXTERNAL_ID.value,
    counter=RowKind.USER_COUNTER.value,
)
GROUP_KINDS = ResourceKinds(
    resource=RowKind.GROUP.value,
    claim=RowKind.GROUP_NAME.value,
    external_id=RowKind.GROUP_EXTERNAL_ID.value,
    counter=RowKind.GROUP_COUNTER.value,
)
USER_EMAIL = RowKind.USER_EMAIL.value
_MEMBERSHIP = RowKind.MEMBERSHIP.value


def custom_kinds(type_name: str) -> ResourceKinds:
    """Name the kinds of the rows of a custom type: `r-<type>`, `rn-<type>` ...

    Types are named by letters and digits, so no two kinds meet.
    """
    name = type_name.lower()
    return ResourceKinds(
        resource=f"{RowKind.CUSTOM}-{name}",
        claim=f"{RowKind.CUSTOM_CLAIM}-{name}",
        external_id=f"{RowKind.CUSTOM_EXTERNAL_ID}-{name}",
        counter=f"{RowKind.CUSTOM_COUNTER}-{name}",
    )


# Identifiers


def is_id(value: str) -> bool:
    """Tell whether `value` has the form of an id that this service gives out (32 hex digits)."""
    return _ID.fullmatch(value) is not None


def new_id(folded_name: str) -> str:
    """Draw the id of a new resource: 32 hex digits.

    The first 8 bits are those of SHA-256 over the folded name at creation. They choose the counter
    slot, and leave room to spread one tenant over several partitions. The rest is random.
    """
    head = hashlib.sha256(folded_name.encode()).hexdigest()[:2]
    return head + secrets.token_hex(15)


def new_id_without_name() -> str:
    """Draw the id of a new resource that need not have a name: 32 random hex digits."""
    return secrets.token_hex(16)


def slot_of(resource_id: str) -> str:
    """Name the counter slot of a resource: the first 8 bits of its id as two hex digits."""
    return resource_id[:2]


# Keys of resources and memberships


def resource_key(kind: str, resource_id: str) -> str:
    """Build the key of a resource's row; `kind` is a `ResourceKinds.resource`."""
    return f"{kind}-{resource_id}"


def user_key(uid: str) -> str:
    """Build the key of a user's row."""
    return resource_key(USER_KINDS.resource, uid)


def group_key(gid: str) -> str:
    """Build the key of a group's row."""
    return resource_key(GROUP_KINDS.resource, gid)


def member_key(member_type: MemberType, member_id: str) -> str:
    """Build the key of the row of what may be a member: a user or a group."""
    return user_key(member_id) if member_type == "User" else group_key(member_id)


def membership_key(gid: str, member_id: str) -> str:
    """Build the key of the row that makes a user or a group a member of a group."""
    return f"{_MEMBERSHIP}-{gid}-{member_id}"


def memberships_span(gid: str) -> Span:
    """Build the span of all membership rows of a group."""
    return Span(f"{_MEMBERSHIP}-{gid}-", f"{_MEMBERSHIP}-{gid}.")


def memberships_after(gid: str, member_id: str) -> Span:
    """Build the span of the memberships of a group behind that of a member; "" is before all."""
    return (
        Span(f"{_MEMBERSHIP}-{gid}-{member_id}.", f"{_MEMBERSHIP}-{gid}.")
        if member_id
        else (memberships_span(gid))
    )


def id_in(key: str) -> str:
    """Read the id at the end of a key: of the resource, the member, or the owner."""
    return key.rpartition("-")[2]


def member_in(key: str) -> str | None:
    """Read the member's id in the key of a user, a group or a membership; None for other rows."""
    kinds = (USER_KINDS.resource, GROUP_KINDS.resource, _MEMBERSHIP)
    return id_in(key) if kind_in(key) in kinds else None


def member_type_in(key: str) -> MemberType:
    """Read in the key of a user or a group which of the two it is."""
    return "Group" if kind_in(key) == GROUP_KINDS.resource else "User"


def kind_in(key: str) -> str:
    """Read the first part of a key: its kind, but for `q-g` and `q-u`, which are both `q`."""
    return key.partition("-")[0]


# Keys of the values by which resources are found


def claim_key(kind: str, value: str) -> str:
    """Build the key of the claim on a unique value; `kind` is a `ResourceKinds.claim`."""
    return f"{kind}-{_digest(value)}"


def custom_claim_key(kind: str, attribute: str, value: str) -> str:
    """Build the key of the claim on a value of one of several unique attributes of a type."""
    return claim_key(kind, f"{attribute.lower()}={value}")


def owner_key(kind: str, value: str, owner: str) -> str:
    """Build the key of one owner of a value that several may share.

    `kind` is a `ResourceKinds.external_id`, or that of e-mail addresses.
    """
    return f"{kind}-{_digest(value)}-{owner}"


def owners_span(kind: str, value: str) -> Span:
    """Build the span of all owners of a shared value."""
    return Span(f"{kind}-{_digest(value)}-", f"{kind}-{_digest(value)}.")


def named_span(kind: str, value: str) -> Span:
    """Build the span of the claim on a value, and of those who have it where it may repeat."""
    return Span(claim_key(kind, value), f"{claim_key(kind, value)}.")


_OF_VALUES = (
    *(kinds.claim for kinds in (USER_KINDS, GROUP_KINDS)),
    *(kinds.external_id for kinds in (USER_KINDS, GROUP_KINDS)),
    USER_EMAIL,
)
"""Kinds of the rows by whose values users and groups are found."""


def value_mark(kind: str, value: str) -> str:
    """Name a value by which users or groups are found, without saying it: its kind and hash.

    It is the key of a claim, and what the keys of all owners of a shared value begin with.
    """
    return claim_key(kind, value)


def value_marks_in(keys: Iterable[str]) -> list[str]:
    """Read those names in the keys of claims and of owners; keys of other rows are passed over."""
    parts = (key.split("-") for key in keys)
    return ["-".join(each[:2]) for each in parts if each[0] in _OF_VALUES]


def deleted_value_key(mark: str, owner: str) -> str:
    """Build the key of the row that tells that a value was of a user who was deleted."""
    return f"{RowKind.DELETED_VALUE}-{mark}-{owner}"


def deleted_values_span(mark: str) -> Span:
    """Build the span of such rows of one value."""
    return Span(f"{RowKind.DELETED_VALUE}-{mark}-", f"{RowKind.DELETED_VALUE}-{mark}.")


def pack_claims(keys: Iterable[str]) -> str:
    """Write the hashes in the keys of claims into the column of a custom resource."""
    return " ".join(map(id_in, keys))


def unpack_claims(kind: str, values: Values) -> list[str]:
    """Read the keys of claims that `pack_claims` wrote."""
    return [f"{kind}-{digest}" for digest in str(values[Column.CLAIMS]).split()]


# Keys of counters, and spans of kinds


def counter_key(kind: str, slot: str) -> str:
    """Build the key of a counter; `kind` is a `ResourceKinds.counter`."""
    return f"{kind}-{slot}"


def slot_in(key: str) -> str:
    """Read the slot in the key of a counter."""
    return id_in(key)


def slots_span(kind: str, first: str, last: str) -> Span:
    """Build the span of the resources of a kind whose counters are some slots, both included."""
    return Span(f"{kind}-{first}", f"{kind}-{last}g")


def kind_span(kind: str, first: str = "") -> Span:
    """Build the span of every row of a kind, from the one whose key goes on with `first`."""
    return Span(f"{kind}-{first}", f"{kind}.")


def span_after(kind: str, last_id: str) -> Span:
    """Build the span of the resources of a kind whose ids sort after one; "" is before all."""
    return Span(f"{kind}-{last_id}.", f"{kind}.")


WHOLE_PARTITION = Span("a", "z")
"""Every row of a tenant."""


def counters_span() -> Span:
    """Build the span of the counters of every type; those of custom types lie in between."""
    return Span(f"{RowKind.GROUP_COUNTER}-", f"{RowKind.USER_COUNTER}.")


# Keys of deletions and changes

DELETIONS_KEY = RowKind.DELETIONS.value
"""Key of the deletions row."""


TENANT_SETTINGS_KEY = RowKind.TENANT_SETTINGS.value
"""Key of the settings of the tenant."""


def deleted_group_key(gid: str) -> str:
    """Build the key of the record of a deleted group."""
    return f"{RowKind.DELETED_GROUP}-{gid}"


def deleted_member_key(member_id: str) -> str:
    """Build the key of the record of a user, or a group, deleted out of many groups."""
    return f"{RowKind.DELETED_MEMBER}-{member_id}"


def unfinished_group_key(gid: str) -> str:
    """Build the key of the record of a group that is not yet created whole."""
    return f"{RowKind.UNFINISHED_GROUP}-{gid}"


def new_role_change_key() -> str:
    """Draw the key of the record of a role map that is replaced."""
    return f"{RowKind.ROLE_CHANGE}-{secrets.token_hex(16)}"


GUARD_KEY = f"{RowKind.GUARD}-state"
"""Key of what the guard knows. It lies among the records of the sweeper, who ends what is due."""


def decided_hold_key(hold_id: str) -> str:
    """Build the key of removals that were held, and were decided about."""
    return f"{RowKind.DECIDED_HOLD}-{hold_id}"


def leftovers_span() -> Span:
    """Build the span of all records of what is left for the sweeper.

    Those of deleted groups and users, of unfinished groups, of role maps, of traces, and of the
    guard.
    """
    return kind_span(RowKind.DELETIONS)


_LEFT_KINDS: Final = {
    each.value: each
    for each in (
        RowKind.DELETED_GROUP,
        RowKind.UNFINISHED_GROUP,
        RowKind.DELETED_MEMBER,
        RowKind.ROLE_CHANGE,
        RowKind.GUARD,
        RowKind.TRACE,
    )
}


def left_in(key: str) -> tuple[RowKind | None, str]:
    """Read in the key of such a record what it is about: the kind of the record, and the id.

    The kind is None where a later version of this service has written a record of its own.
    """
    kind, _, resource_id = key.rpartition("-")
    return _LEFT_KINDS.get(kind), resource_id


def left_kind_in(key: str) -> str:
    """Read the kind of such a record as text, for the log, also where it is not known here."""
    return "-".join(key.split("-", 2)[:2])


def new_change_key() -> str:
    """Draw the key of a change row: the time in milliseconds (12 hex digits), then 80 random bits.

    Keys sort by time. A resend of the same transaction carries the same key, which is what makes
    the row a receipt.
    """
    return f"{_change_prefix(time.time_ns() // 1_000_000)}{secrets.token_hex(10)}"


def changes_span(since: int = 0, until: int | None = None) -> Span:
    """Build the span of the change rows whose keys were drawn from `since` on and before `until`.

    Both are POSIX milliseconds; without `until`, to the end.
    """
    end = f"{RowKind.CHANGE}." if until is None else _change_prefix(max(until, 0))
    return Span(_change_prefix(max(since, 0)), end)


def changes_behind(number: str, up_to: str | None = None) -> Span:
    """Build the span of the change rows behind one, named by the end of its key, which may be gone.

    `up_to` is the last one in the span; without it, to the end.
    """
    end = f"{RowKind.CHANGE}." if up_to is None else f"{RowKind.CHANGE}-{up_to}-"
    return Span(f"{RowKind.CHANGE}-{number}-", end)


def change_number(milliseconds: int) -> str:
    """Return the end of the first key that can be drawn at a time, in POSIX milliseconds."""
    return f"{max(milliseconds, 0):012x}{'0' * 20}"


def change_time(key: str) -> int:
    """Read out of the key of a change row when it was drawn, in POSIX milliseconds."""
    return int(id_in(key)[:12], 16)


def changes_before(number: str | None, since: int) -> Span:
    """Build the span of the change rows drawn from `since` on, up to one that is not in it.

    Args:
        number: the end of that row's key, which may be gone; None for no bound.
        since: in POSIX milliseconds.
    """
    end = f"{RowKind.CHANGE}." if number is None else f"{RowKind.CHANGE}-{number}"
    return Span(_change_prefix(max(since, 0)), end)


def setup_link_key(link_id: str) -> str:
    """Build the key of a setup link."""
    return f"{RowKind.SETUP_LINK}-{link_id}"


def used_assertion_key(expires: int, assertion: str) -> str:
    """Build the key of a used assertion: when it expires, in POSIX seconds, then its hash."""
    return f"{_used_assertion_prefix(expires)}-{_digest(assertion)}"


def used_assertions_before(seconds: int) -> Span:
    """Build the span of the used assertions that expired before a time, in POSIX seconds."""
    return Span(f"{RowKind.USED_ASSERTION}-", _used_assertion_prefix(seconds))


def _used_assertion_prefix(seconds: int) -> str:
    return f"{RowKind.USED_ASSERTION}-{seconds:010x}"


def webhook_key(endpoint_id: str) -> str:
    """Build the key of a webhook endpoint."""
    return f"{RowKind.WEBHOOK}-{endpoint_id}"


WEBHOOKS_KEY = RowKind.WEBHOOK.value
"""Key of the row that each creation of a webhook endpoint writes, so that there is a bound."""


def webhooks_span() -> Span:
    """Build the span of that row and all webhook endpoints behind it."""
    return Span(WEBHOOKS_KEY, f"{WEBHOOKS_KEY}.")


# Keys of traces


def new_trace_id(milliseconds: int) -> str:
    """Draw the id of a trace: the time in milliseconds, then 48 random bits; ids sort by time."""
    return f"{milliseconds:012x}{secrets.token_hex(6)}"


def trace_time(trace_id: str) -> int:
    """Read out of the id of a trace when it was drawn, in POSIX milliseconds."""
    return int(trace_id[:12], 16)


def trace_key(trace_id: str) -> str:
    """Build the key of the record of a trace."""
    return f"{RowKind.TRACE}-{trace_id}"


def traces_span() -> Span:
    """Build the span of the records of traces."""
    return kind_span(RowKind.TRACE)


def new_trace_entry_key(trace_id: str, milliseconds: int) -> str:
    """Draw the key of an entry of a trace: the time of its request, then 48 random bits."""
    return f"{RowKind.TRACE_ENTRY}-{trace_id}-{milliseconds:012x}{secrets.token_hex(6)}"


def trace_entries_span(trace_id: str, since: int = 0) -> Span:
    """Build the span of the entries of a trace, the oldest first.

    Args:
        trace_id: of the trace.
        since: from when on, in POSIX milliseconds.
    """
    kind = RowKind.TRACE_ENTRY
    return Span(f"{kind}-{trace_id}-{max(since, 0):012x}", f"{kind}-{trace_id}.")


def trace_entry_time(key: str) -> int:
    """Read out of the key of an entry when its request came, in POSIX milliseconds."""
    return int(id_in(key)[:12], 16)


# Keys of deliveries

_LAST_MILLISECOND = 16**12 - 1


def checkpoint_key(endpoint: str) -> str:
    """Build the key of how far the deliveries to a webhook endpoint have come."""
    return f"{RowKind.DELIVERY_CHECKPOINT}-{endpoint}"


def delivery_key(kind: str, endpoint: str, event_id: str) -> str:
    """Build the key of the delivery of an event; `kind` is one of the three kinds of deliveries.

    An event's id begins with the time of its change row. In the key stands what is left of time, so
    the newest comes first.
    """
    return f"{kind}-{endpoint}-{_turned(event_id)}"


def event_id_in(key: str) -> str:
    """Read the id of the event in the key of a delivery."""
    return _turned(order_in(key))


def event_time(event_id: str) -> int:
    """Read out of the id of an event when its change row was drawn, in POSIX milliseconds."""
    return int(event_id[:12], 16)


def order_in(key: str) -> str:
    """Read what orders deliveries of all kinds in the key of one."""
    return key.split("-", 2)[2]


def deliveries_span(kind: str, endpoint: str, behind: str = "") -> Span:
    """Build the span of the deliveries of a kind to an endpoint, the newest first.

    Args:
        kind: of the deliveries.
        endpoint: its id.
        behind: id of the event behind which to begin; "" for all.
    """
    # Events of one transaction differ in what follows a dash, so the span begins at one.
    start = f"{delivery_key(kind, endpoint, behind)}-" if behind else f"{kind}-{endpoint}-"
    return Span(start, f"{kind}-{endpoint}.")


def deliveries_between(kind: str, endpoint: str, since: int, until: int) -> Span:
    """Build the span of deliveries of events from `since` on and before `until`.

    Both are POSIX milliseconds.
    """
    first, last = (f"{_LAST_MILLISECOND - each:012x}" for each in (until - 1, max(since, 1) - 1))
    return Span(f"{kind}-{endpoint}-{first}", f"{kind}-{endpoint}-{last}")


def _turned(event_id: str) -> str:
    """Turn the time in the id of an event into what is left of it, and back."""
    return f"{_LAST_MILLISECOND - int(event_id[:12], 16):012x}{event_id[12:]}"


# Keys of the provisioning log


def new_log_key(milliseconds: int) -> str:
    """Draw the key of an entry of the provisioning log: what is left of time, then 48 random bits.

    So keys sort by time, the newest first, and a search for what was last is a short one.
    """
    return f"{_log_prefix(milliseconds)}{secrets.token_hex(6)}"


def log_span(behind: str = "") -> Span:
    """Build the span of the entries behind one, which are older; of all, the newest first.

    Args:
        behind: the end of its key (`id_in`); it may be gone.
    """
    start = f"{RowKind.LOG_ENTRY}-{behind}-" if behind else f"{RowKind.LOG_ENTRY}-"
    return Span(start, f"{RowKind.LOG_ENTRY}.")


def log_number(milliseconds: int) -> str:
    """Return what `log_span` begins behind for the entries up to a time, in POSIX milliseconds."""
    return id_in(_log_prefix(milliseconds))


def log_span_before(milliseconds: int) -> Span:
    """Build the span of the entries of the time before one, in POSIX milliseconds."""
    return Span(_log_prefix(milliseconds - 1), f"{RowKind.LOG_ENTRY}.")


def log_time(key: str) -> int:
    """Read out of the key of an entry of which time it is, in POSIX milliseconds."""
    return _LAST_MILLISECOND - int(id_in(key)[:12], 16)


def _log_prefix(milliseconds: int) -> str:
    return f"{RowKind.LOG_ENTRY}-{_LAST_MILLISECOND - milliseconds:012x}"


def _change_prefix(milliseconds: int) -> str:
    return f"{RowKind.CHANGE}-{milliseconds:012x}"


def _digest(value: str) -> str:
    """Hash a value into the part of a key: 40 hex digits of SHA-256 over its UTF-8 form."""
    return hashlib.sha256(value.encode()).hexdigest()[:40]


# Documents and lists of ids in columns


def pack_document(document: Document) -> dict[str, str]:
    """Write a document as JSON into properties `d`, `d1` ... of at most 30,000 UTF-16 units."""
    text = _encode(document)
    pieces = enumerate(_pieces(text))
    return {_numbered(Column.DOCUMENT, index): piece for index, piece in pieces}


def unpack_document(values: Values) -> Document:
    """Read the document that `pack_document` wrote."""
    text = str(values[Column.DOCUMENT])
    if _SECOND_PIECE in values:
        text = "".join(map(str, _series(values, Column.DOCUMENT)))
    document: Document = json.loads(text)
    return document


def pack_ids(ids: Iterable[str], column: str = Column.GROUP_IDS) -> dict[str, bytes]:
    """Write ids (32 hex digits each) into properties `g`, `g1` ... of 4,096 ids of 16 bytes."""
    packed = bytes.fromhex("".join(ids))
    size = _IDS_PER_PROPERTY * _ID_BYTES
    starts = enumerate(range(0, len(packed), size))
    return {_numbered(column, n): packed[start : start + size] for n, start in starts}


def unpack_ids(values: Values, column: str = Column.GROUP_IDS) -> tuple[str, ...]:
    """Read the ids that `pack_ids` wrote, in the same order."""
    if column not in values:
        return ()
    parts = _series(values, column)
    digits = b"".join(part for part in parts if isinstance(part, bytes)).hex()
    return tuple([digits[at : at + 32] for at in range(0, len(digits), 32)])


def member_type_values(member_type: MemberType) -> dict[str, Value]:
    """Write what a member is into a membership, or into the record of a deleted member."""
    return {Column.MEMBER_TYPE: member_type} if member_type == "Group" else {}


def member_type_of(values: Values) -> MemberType:
    """Read what a member is; rows that say nothing of it are those of users."""
    return "Group" if values.get(Column.MEMBER_TYPE) == "Group" else "User"


def with_ids(
    values: Values, ids: Iterable[str], column: str = Column.GROUP_IDS
) -> dict[str, Value]:
    """Copy the properties of a row, with another list of ids in it."""
    kept = {name: value for name, value in values.items() if not _is_of_ids(name, column)}
    return {**kept, **pack_ids(ids, column)}


def _pieces(text: str) -> Iterable[str]:
    """Cut text so that no piece passes the limit; an astral character counts as two units."""
    step = _TEXT_UNITS if text.isascii() else _TEXT_UNITS // 2
    return (text[start : start + step] for start in range(0, len(text), step))


def _series(values: Values, name: str) -> Iterable[Value]:
    part = values.get(name)
    for index in count(1):
        if part is None:
            return
        yield part
        part = values.get(f"{name}{index}")


def _numbered(name: str, index: int) -> str:
    return f"{name}{index}" if index else name


_SECOND_PIECE = _numbered(Column.DOCUMENT, 1)


def _is_of_ids(name: str, column: str) -> bool:
    return name == column or (name.startswith(column) and name[len(column) :].isdigit())
