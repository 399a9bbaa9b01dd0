"""A tenant's whole partition, read back and held against every rule that its rows must keep.

The rules are written out here a second time, independently of the code that writes the rows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.tables.rows import Span
from shared.tables.table import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Row
    from shared.tables.table import Table

_KEY = re.compile(r"[0-9a-z-]+")
_KINDS = (
    *("u", "un", "ux", "ue", "g", "gn", "gx", "m", "cu", "cg", "l", "p", "q", "s", "dv"),
    *("wc", "wp", "wd", "wx", "gh", "ja", "tr"),
)
_CUSTOM_KINDS = ("r", "rn", "rx", "cr")
"""Kinds of the rows of custom types; the name of the type follows."""
_EVERYTHING = Span("a", "z")

Pair = tuple[str, str]
"""A group's id and that of a member."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows of one tenant by key."""

    rows: dict[str, Row]

    def of(self, kind: str) -> dict[str, Row]:
        """The rows of one kind, by what follows the kind in their keys."""
        start = f"{kind}-"
        return {key[len(start) :]: row for key, row in self.rows.items() if key.startswith(start)}

    def keys(self) -> set[str]:
        """The keys of all rows but the change rows, which only ever become more."""
        return {key for key in self.rows if not key.startswith("l-")}

    def document(self, key: str) -> dict[str, Any]:
        """The document in a row."""
        return _document(self.rows[key])

    def changes(self, verb: str | None = None) -> list[dict[str, Any]]:
        """The change rows in the order of their keys, their lists read."""
        ordered = sorted(self.of("l").items())
        # A row that tells of another one again is no change of its own.
        changes = [_change(row) for _, row in ordered if "on" not in row.values]
        return [change for change in changes if verb in (None, change["op"])]

    def memberships(self) -> set[Pair]:
        """Forward: the membership rows."""
        return {_pair(rest) for rest in self.of("m")}

    def reverse_lists(self) -> set[Pair]:
        """Backward: the lists in the rows of users, and of users that are being deleted."""
        rows = (item for kind in ("u", "g", "q-u") for item in self.of(kind).items())
        return {(gid, member) for member, row in rows for gid in _ids(row)}

    def nested(self) -> set[Pair]:
        """The memberships of groups."""
        rows = self.of("m").items()
        return {_pair(rest) for rest, row in rows if row.values.get("ty") == "Group"}

    def custom_types(self) -> set[str]:
        """The names of custom types in keys."""
        return {key.split("-")[1] for key in self.rows if key.split("-")[0] in _CUSTOM_KINDS}

    def versioned(self) -> dict[str, Row]:
        """The rows that carry a version, by id: those of users and of custom resources."""
        custom = [self.of(f"r-{name}") for name in self.custom_types()]
        return {uid: row for rows in (self.of("u"), *custom) for uid, row in rows.items()}

    def hidden(self, column: str) -> list[str]:
        """The ids in a list of the deletions row, `q`."""
        return list(_ids(self.rows["q"], column)) if "q" in self.rows else []

    def deleted_groups(self) -> list[str]:
        """The ids of deleted groups in that row."""
        return self.hidden("g")

    def problems(self, *, history_is_cut: bool = False) -> list[str]:
        """Say which rules of the data model are broken; normally none.

        Args:
            history_is_cut: the oldest change rows have expired.
        """
        return [
            *self._wrong_keys(),
            *self._wrong_key_rows(),
            *self._wrong_custom_key_rows(),
            *self._wrong_memberships(),
            *self._wrong_counters(),
            *self._wrong_leftovers(),
            *self._wrong_deleted_values(),
            *self._wrong_changes(history_is_cut=history_is_cut),
        ]

    def _wrong_keys(self) -> Iterator[str]:
        for key in self.rows:
            if not _KEY.fullmatch(key) or (
                key not in {"q", "s"} and key.split("-")[0] not in (*_KINDS, *_CUSTOM_KINDS)
            ):
                yield f"{key}: a key of no known form"

    def _wrong_key_rows(self) -> Iterator[str]:
        """Claims and owner rows are exactly those that the documents ask for."""
        expected: dict[str, tuple[str, str]] = {}
        for uid, row in self.of("u").items():
            expected |= _user_key_rows(uid, _document(row))
        for gid, row in self.of("g").items():
            expected |= _group_key_rows(gid, _document(row))
        found = {
            f"{kind}-{rest}": (str(row.values["o"]), str(row.values["x"]))
            for kind in ("un", "ux", "ue", "gn", "gx")
            for rest, row in self.of(kind).items()
        }
        for key in expected.keys() | found.keys():
            if expected.get(key) != found.get(key):
                yield f"{key}: holds {found.get(key)}, the documents ask for {expected.get(key)}"

    def _wrong_custom_key_rows(self) -> Iterator[str]:
        """Claims are exactly those that rows remember, and each holds a value of its owner."""
        for name in self.custom_types():
            resources = self.of(f"r-{name}")
            claims = {rest: str(row.values["o"]) for rest, row in self.of(f"rn-{name}").items()}
            remembered = {
                each: rid
                for rid, row in resources.items()
                for each in str(row.values.get("k", "")).split()
            }
            if claims != remembered:
                yield f"rn-{name}: claimed {claims}, remembered {remembered}"
            expected: dict[str, tuple[str, str]] = {}
            for rid, row in resources.items():
                expected |= _external_id_rows(f"rx-{name}", rid, _document(row))
            found = {
                f"rx-{name}-{rest}": (str(row.values["o"]), str(row.values["x"]))
                for rest, row in self.of(f"rx-{name}").items()
            }
            if expected != found:
                yield f"rx-{name}: holds {found}, the documents ask for {expected}"

    def _wrong_memberships(self) -> Iterator[str]:
        forward, backward = self.memberships(), self.reverse_lists()
        yield from (f"{pair}: a membership row that no list names" for pair in forward - backward)
        yield from (f"{pair}: listed without a membership row" for pair in backward - forward)
        known = self.of("g").keys() | {*self.deleted_groups(), *self.hidden("c")}
        for kind in ("u", "g"):
            for member, row in self.of(kind).items():
                ids = _ids(row)
                if len(ids) != len(set(ids)):
                    yield f"{kind}-{member}: lists a group twice"
                unknown = set(ids) - known
                yield from (f"{kind}-{member}: lists {gid}, which is nowhere" for gid in unknown)
        yield from self._wrong_nesting(forward)

    def _wrong_nesting(self, memberships: set[Pair]) -> Iterator[str]:
        """A membership says what its member is, and the tenant that there are groups in groups."""
        leaving = self.of("q-u").items()
        groups = {*self.of("g")} | {gid for gid, row in leaving if row.values.get("ty") == "Group"}
        expected = {(gid, member) for gid, member in memberships if member in groups}
        yield from (f"{pair}: of another type" for pair in expected ^ self.nested())
        yield from (f"{gid}: in itself" for gid, member in memberships if gid == member)
        if expected and not ("q" in self.rows and "ng" in self.rows["q"].values):
            yield "q: does not tell of groups in groups"

    def _wrong_counters(self) -> Iterator[str]:
        custom = [(f"r-{name}", f"cr-{name}") for name in self.custom_types()]
        for kind, counter in (("u", "cu"), ("g", "cg"), *custom):
            numbers = Counter(rest[:2] for rest in self.of(kind))
            counted = {slot: int(row.values["n"]) for slot, row in self.of(counter).items()}
            for slot in numbers.keys() | counted.keys():
                if numbers[slot] != counted.get(slot, 0):
                    yield f"{counter}-{slot}: {counted.get(slot)} for {numbers[slot]} rows"
        yield from self._wrong_active()

    def _wrong_active(self) -> Iterator[str]:
        """A slot of users tells how many are active: the number of documents that say so."""
        documents = {uid: _document(row) for uid, row in self.of("u").items()}
        active = Counter(uid[:2] for uid, each in documents.items() if each.get("active") is True)
        for slot, row in self.of("cu").items():
            told = row.values.get("ac", None if int(row.values["n"]) else 0)
            if told != active[slot]:
                yield f"cu-{slot}: {told!r} active for {active[slot]} documents"

    def _wrong_leftovers(self) -> Iterator[str]:
        """`q-` rows stand for what is not there; the deletions row names the same."""
        for kind, resources, column in (("g", "g", "g"), ("u", "u", "u"), ("c", "g", "c")):
            there = self.of(resources).keys() | (self.of("g").keys() if kind == "u" else set())
            for rest in self.of(f"q-{kind}").keys() & there:
                yield f"q-{kind}-{rest}: the resource exists"
            listed = self.hidden(column)
            if sorted(listed) != sorted(self.of(f"q-{kind}")):
                yield f"q: lists {listed}, to be swept are {sorted(self.of(f'q-{kind}'))}"
        if "q" in self.rows and not self.rows["q"].values:
            yield "q: empty"

    def _wrong_deleted_values(self) -> Iterator[str]:
        """What tells of deleted users is what the change rows of their deletions name."""
        named = {
            f"{mark}-{change['id']}"
            for change in self.changes("delete")
            if change["rt"] == "User"
            for mark in change.get("rel", ())
        }
        for rest in named ^ self.of("dv").keys():
            yield f"dv-{rest}: {'missing' if rest in named else 'of no deletion'}"

    def _wrong_changes(self, *, history_is_cut: bool) -> Iterator[str]:
        """Every write of a user's row has its change row, and the changes add up to the rows.

        Of a history that is cut the latest changes are there, without a gap.
        """
        changes = self.changes()
        steps = Counter((change["rq"], change["st"]) for change in changes)
        yield from (f"{step}: recorded {times} times" for step, times in steps.items() if times > 1)
        events = _events(changes)
        known = events.keys() if history_is_cut else events.keys() | self.versioned().keys()
        for uid in known:
            first = min(events[uid]).version if history_is_cut else None
            yield from self._wrong_history(uid, sorted(events[uid]), first)
        yield from self._wrong_group_history(changes)

    def _wrong_history(self, uid: str, events: list[Event], first: int | None) -> Iterator[str]:
        row = self.versioned().get(uid)
        versions = [event.version for event in events]
        if first is None:
            first = versions[0] if versions and versions[0] == 1 else 2  # 2: seeded, not created
        last = int(row.values["v"]) if row else max(versions)
        if versions != list(range(first, last + 1)):
            yield f"u-{uid}: is at version {last}, its changes are {versions}"
        if (row is None) != (bool(events) and events[-1].verb == "delete"):
            yield f"u-{uid}: {'gone' if row is None else 'there'}, last change {events[-1:]}"
        joined: dict[str, bool] = {}
        for event in events:
            joined.update(event.groups)
        if row is not None:
            listed = set(_ids(row))
            wrong = {gid for gid, is_in in joined.items() if is_in != (gid in listed)}
            unexplained = listed - joined.keys() if first == 1 else set()
            for gid in wrong | unexplained:
                yield f"u-{uid}: its changes and its list differ in {gid}"

    def _wrong_group_history(self, changes: list[dict[str, Any]]) -> Iterator[str]:
        created = {c["id"] for c in changes if (c["rt"], c["op"]) == ("Group", "create")}
        deleted = {c["id"] for c in changes if (c["rt"], c["op"]) == ("Group", "delete")}
        for gid in created:
            if (gid in deleted) == (gid in self.of("g")):
                yield f"g-{gid}: deleted and there, or gone and not deleted"


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """What one change did to a user: the version it made, and the groups joined or left."""

    version: int
    verb: str
    groups: tuple[tuple[str, bool], ...] = ()


def _events(changes: Iterable[dict[str, Any]]) -> defaultdict[str, list[Event]]:
    events: defaultdict[str, list[Event]] = defaultdict(list)
    for change in changes:
        verb, subject = change["op"], change["id"]
        if change["rt"] == "Tenant":
            continue
        if change["rt"] != "Group":
            if verb not in {"sweep", "roles", "void"}:
                left = tuple((gid, False) for gid in change["left"])
                events[subject].append(Event(change["v"], verb, left))
        else:
            for name, joins in (("add", True), ("rem", False)):
                for uid, version in change[name]:
                    if version is None:  # a group, which has none
                        continue
                    events[uid].append(Event(version, verb, ((subject, joins),)))
    return events


async def read_partition(table: Table, context: RequestContext) -> Partition:
    """Read every row of the context's tenant."""
    return Partition({row.key: row for row in await collect(table, context, _EVERYTHING)})


def _user_key_rows(uid: str, document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    name = _folded(document["userName"])
    rows = {f"un-{_hash(name)}": (uid, name)} | _external_id_rows("ux", uid, document)
    for email in document.get("emails", []):
        address = _folded(email["value"])
        rows[f"ue-{_hash(address)}-{uid}"] = (uid, address)
    return rows


def _group_key_rows(gid: str, document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    name = _folded(document["displayName"])
    return {f"gn-{_hash(name)}": (gid, name)} | _external_id_rows("gx", gid, document)


def _external_id_rows(
    kind: str, owner: str, document: dict[str, Any]
) -> dict[str, tuple[str, str]]:
    value = document.get("externalId")
    return {} if value is None else {f"{kind}-{_hash(value)}-{owner}": (owner, value)}


def _folded(value: str) -> str:
    return value.casefold()


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:40]


def _document(row: Row) -> dict[str, Any]:
    names = ["d", *(f"d{n}" for n in range(1, 100))]
    text = "".join(str(row.values[name]) for name in names if name in row.values)
    document: dict[str, Any] = json.loads(text)
    return document


def _ids(row: Row, column: str = "g") -> tuple[str, ...]:
    names = [column, *(f"{column}{n}" for n in range(1, 100))]
    digits = b"".join(bytes(row.values[n]) for n in names if n in row.values).hex()  # type: ignore[arg-type] # binary
    return tuple(digits[at : at + 32] for at in range(0, len(digits), 32))


def _pair(rest: str) -> Pair:
    gid, _, uid = rest.partition("-")
    return gid, uid


def _change(row: Row) -> dict[str, Any]:
    lists = {
        name: json.loads(str(row.values.get(name, "[]")))
        for name in ("at", "add", "rem", "skip", "left", "rel")
    }
    return {**row.values, **lists}
