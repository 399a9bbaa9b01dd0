"""Row keys and identifiers.

A key uses `[0-9a-z-]` only: `-` separates its parts and `.` ends a range, because it sorts right
after `-`. Values that come from outside enter a key as a hash, and the row keeps the value.
"""

import hashlib
import re
import secrets
import time

from shared.tables.rows import Span

DELETED_GROUPS = "q"
"""Key of the row that packs the ids of deleted groups whose memberships are not yet swept."""

_ID = re.compile(r"[0-9a-f]{32}")


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


def digest(value: str) -> str:
    """Hash a value into the part of a key: 40 hex digits of SHA-256 over its UTF-8 form."""
    return hashlib.sha256(value.encode()).hexdigest()[:40]


def user(uid: str) -> str:
    """Key of a user's row."""
    return f"u-{uid}"


def group(gid: str) -> str:
    """Key of a group's row."""
    return f"g-{gid}"


def custom(kind: str, type_name: str) -> str:
    """Kind of the rows of a type that the deployer has added.

    `r-<type>-<id>` is a resource, `rn-` the claim on a unique value, `rx-` an owner of an
    externalId, `cr-` a counter. Types are named by letters and digits, so no two kinds meet.
    """
    return f"{kind}-{type_name.lower()}"


def resource(kind: str, resource_id: str) -> str:
    """Key of a resource's row; `kind` as in `custom`."""
    return f"{kind}-{resource_id}"


def membership(gid: str, uid: str) -> str:
    """Key of the row that makes a user a member of a group."""
    return f"m-{gid}-{uid}"


def memberships(gid: str) -> Span:
    """Span of all membership rows of a group."""
    return Span(f"m-{gid}-", f"m-{gid}.")


def member_of(membership_key: str) -> str:
    """Read the user's id out of the key of a membership row."""
    return membership_key.rpartition("-")[2]


def claim(kind: str, value: str) -> str:
    """Key of the claim on a unique value.

    `kind` is `un` (userName), `gn` (displayName), or `rn` and a type (`custom`).
    """
    return f"{kind}-{digest(value)}"


def owned(kind: str, value: str, owner: str) -> str:
    """Key of one owner of a value that several may share.

    `kind` is `ux`, `ue`, `gx`, or `rx` and a type (`custom`).
    """
    return f"{kind}-{digest(value)}-{owner}"


def owners(kind: str, value: str) -> Span:
    """Span of all owners of a shared value."""
    return Span(f"{kind}-{digest(value)}-", f"{kind}-{digest(value)}.")


def counter(kind: str, slot: str) -> str:
    """Key of a counter; `kind` is `cu` (users), `cg` (groups), or `cr` and a type (`custom`)."""
    return f"{kind}-{slot}"


def prefix(kind: str, first: str = "") -> Span:
    """Span of every row of a kind (`u`, `g`, `cu` ...), from the one that begins with `first`."""
    return Span(f"{kind}-{first}", f"{kind}.")


def after(kind: str, last_id: str) -> Span:
    """Span of the rows of a kind whose ids sort after one; "" is before all of them.

    `kind` is `u`, `g`, or `r` and a type (`custom`).
    """
    return Span(f"{kind}-{last_id}.", f"{kind}.")


def deleted_group(gid: str) -> str:
    """Key of the work left behind by a deleted group."""
    return f"q-g-{gid}"


def deleted_user(uid: str) -> str:
    """Key of the work left behind by a user deleted out of many groups."""
    return f"q-u-{uid}"


def changes(since: int = 0, until: int | None = None) -> Span:
    """Span of the change rows whose keys were drawn from `since` on and before `until`.

    Both are POSIX milliseconds; without `until`, to the end.
    """
    end = "l." if until is None else f"l-{max(until, 0):012x}"
    return Span(f"l-{max(since, 0):012x}", end)


def change_time(key: str) -> int:
    """Read out of the key of a change row when it was drawn, in POSIX milliseconds."""
    return int(key[2:14], 16)


def new_change() -> str:
    """Draw the key of a change row: the time in milliseconds (12 hex digits), then 80 random bits.

    Keys sort by time. A resend of the same transaction carries the same key, which is what makes
    the row a receipt.
    """
    return f"l-{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
