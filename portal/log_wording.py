"""Entries of the provisioning log in words: what was refused, slow or skipped, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.wording import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.names import Names
    from portal.texts import Texts
    from portal.wording import Kind, RequestOutcome
    from shared.store.provisioning_log import EntryKind, KeptEntry, LogEntry

OUTCOME_OF: Final[Mapping[EntryKind, RequestOutcome]] = {
    "refused": "refused",
    "slow": "slow",
    "skippedMembers": "skipped",
    "leftOut": "refused",
}
"""The outcome that an entry tells of; what is not here is told of nowhere."""

_TRIED: Final[Mapping[str, Kind]] = {
    "POST": "created",
    "PUT": "updated",
    "PATCH": "updated",
    "DELETE": "deleted",
}
_BY_SCIM_TYPE: Final = frozenset(
    {
        "invalidFilter",
        "invalidPath",
        "invalidSyntax",
        "invalidValue",
        "mutability",
        "noTarget",
        "tooMany",
        "uniqueness",
    }
)
_BY_STATUS: Final = frozenset({403, 404, 405, 409, 412, 413, 415, 429})
_SEARCH: Final = ".search"


def kinds_of(entry: LogEntry) -> frozenset[Kind]:
    """Tell what a request tried to do, by the kinds of changes; nothing for one that reads."""
    if entry.kind == "skippedMembers":
        return frozenset({"members"})
    tried = None if entry.route.endswith(_SEARCH) else _TRIED.get(entry.method)
    if tried is None:
        return frozenset()
    is_of_members = tried == "updated" and entry.resource_type == "Group"
    return frozenset({tried, "members"} if is_of_members else {tried})


def entry_of_log(kept: KeptEntry, names: Names, texts: Texts) -> Entry:
    """Write an entry of the log in words."""
    entry = kept.entry
    is_left_out = entry.kind == "leftOut"
    return Entry(
        number=kept.id,
        seconds=entry.time / 1000,
        kind="left_out" if is_left_out else OUTCOME_OF[entry.kind],
        what=_what(entry, texts),
        name=_name(entry, names),
        id=entry.resource_id if entry.resource_id in names else "",
        type=entry.resource_type,
        actor=entry.token,
        request_id=entry.request_id,
        details=tuple(_details(entry, texts)),
        outcome=OUTCOME_OF[entry.kind],
        answered=_answered(entry),
        remedy=texts(f"remedy.{remedy_of(entry)}"),
        client_request_id=entry.client_request_id,
    )


def remedy_of(entry: LogEntry) -> str:
    """Choose the remedy of an entry: the last part of the key of its text."""
    if entry.kind == "leftOut":
        return f"left_out.{entry.reason or 'tooMany'}"
    if entry.kind != "refused":
        return OUTCOME_OF[entry.kind]
    if entry.scim_type in _BY_SCIM_TYPE:
        return entry.scim_type
    if entry.status in _BY_STATUS:
        return f"status{entry.status}"
    return "failed" if entry.status >= 500 else "other"


def _what(entry: LogEntry, texts: Texts) -> str:
    if entry.kind == "leftOut":
        return texts.count(f"did.left_out.{entry.reason or 'tooMany'}", entry.number)
    if entry.kind == "skippedMembers":
        return texts.count("did.passed_over", len(entry.members))
    subject = entry.resource_type.lower() if entry.resource_type in {"User", "Group"} else "other"
    if entry.kind == "slow":
        return texts(f"did.slow.{subject}", seconds=texts.number(round(entry.milliseconds / 1000)))
    if entry.status == 404:
        return texts(f"did.absent.{subject}")
    tried = next(iter(kinds_of(entry) - {"members"}), "read")
    return texts(f"did.refused.{tried}.{subject}")


def _name(entry: LogEntry, names: Names) -> str:
    """Name whom a request was about: as it is there, or else as it was sent."""
    sent = (entry.names.get(name) for name in ("userName", "displayName", "externalId"))
    return names.get(entry.resource_id) or next(filter(None, sent), "")


def _answered(entry: LogEntry) -> str:
    """Quote what the identity provider was answered, which it shows in its own log."""
    if entry.kind != "refused":
        return ""
    said = " ".join(part for part in (str(entry.status), entry.scim_type, entry.path) if part)
    return f"{said}: {entry.detail}" if entry.detail else said


def _details(entry: LogEntry, texts: Texts) -> list[str]:
    lines: list[str] = []
    if entry.kind == "skippedMembers":
        lines.append(texts("did.passed_over.ids", ids=", ".join(entry.members[:_MOST_MEMBERS])))
    if entry.operation is not None:
        lines.append(texts("did.at_operation", number=entry.operation + 1))
    if entry.position is not None:
        lines.append(texts("did.at_position", number=entry.position + 1))
    return lines


_MOST_MEMBERS: Final = 5
"""Members who were passed over that are named."""
