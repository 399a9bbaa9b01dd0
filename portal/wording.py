"""Change rows in words: who did what to whom, as a person says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from portal.names import MOST_MEMBERS_NAMED
from shared.store.changes import ADMINISTRATIVE, SETUP_LINK

if TYPE_CHECKING:
    from portal.names import Names
    from portal.texts import Texts
    from shared.store.changes import Change, MemberVersion, RecordedChange

Kind = Literal[
    "created", "updated", "enabled", "disabled", "deleted", "members", "settings", "portal"
]
KINDS: tuple[Kind, ...] = (
    "created",
    "updated",
    "enabled",
    "disabled",
    "deleted",
    "members",
    "settings",
    "portal",
)
RequestOutcome = Literal["success", "refused", "slow", "skipped"]
OUTCOMES: tuple[RequestOutcome, ...] = ("success", "refused", "slow", "skipped")
OF_THE_VENDOR: frozenset[Kind] = frozenset({"settings", "portal"})
"""What no identity provider does: it is about the tenant, not about those who are provisioned."""


_BY_VERB: dict[str, Kind] = {"create": "created", "delete": "deleted", "settings": "settings"}
_MOST_ATTRIBUTES = 4
_ABOUT_NOBODY = ("portal", "settings", "deleted")


@dataclass(frozen=True, slots=True)
class Entry:
    """A change, or an entry of the provisioning log, as it is shown.

    Attributes:
        number: the end of its row's key.
        seconds: when, in POSIX seconds.
        kind: what was done, or what came of it where that was no success; names its badge.
        what: in words, without the name.
        name: of the user or the group; "" where it has none any more, or is neither.
        id: its id; "" where there is nothing to look at.
        type: `User`, `Group`, or the name of another resource type.
        actor: label of the token that was used.
        request_id: of the request that did it.
        details: further lines.
        outcome: what came of the request.
        answered: what the identity provider was told of a refusal; "" for no refusal.
        remedy: what to do next; "" where nothing need be done.
        client_request_id: the identity provider's own id of the request; "" where it is not known.
    """

    number: str
    seconds: float
    kind: str
    what: str
    name: str
    id: str
    type: str
    actor: str
    request_id: str
    details: tuple[str, ...] = ()
    outcome: RequestOutcome = "success"
    answered: str = ""
    remedy: str = ""
    client_request_id: str = ""


def kind_of(change: Change) -> Kind:
    """Tell what a change did."""
    if change.resource in ADMINISTRATIVE:
        return "portal"
    if change.verb in _BY_VERB:
        return _BY_VERB[change.verb]
    if change.verb == "members" or ((change.added or change.removed) and not _attributes(change)):
        return "members"
    if change.active is None:
        return "updated"
    return "enabled" if change.active else "disabled"


def is_of_vendor(recorded: RecordedChange) -> bool:
    """Tell whether a change was made by no identity provider."""
    is_by_tool = recorded.method in {"admin", "sweep"} or recorded.change.verb == "roles"
    return is_by_tool or kind_of(recorded.change) in OF_THE_VENDOR


def entry_of(recorded: RecordedChange, names: Names, texts: Texts) -> Entry:
    """Write a change in words."""
    change = recorded.change
    kind = kind_of(change)
    return Entry(
        number=recorded.key.rpartition("-")[2],
        seconds=recorded.time / 1000,
        kind=kind,
        what=_what(change, kind, texts),
        name=_name(change, kind, names, texts),
        id=change.id if change.id in names and kind not in _ABOUT_NOBODY else "",
        type=change.resource,
        actor=recorded.actor,
        request_id=recorded.request_id,
        client_request_id=recorded.client_request_id,
        details=tuple(_details(change, kind, names, texts)),
    )


def _name(change: Change, kind: Kind, names: Names, texts: Texts) -> str:
    """Name whom a change is about; whoever is gone has no name any more."""
    if kind in _ABOUT_NOBODY or change.resource not in {"User", "Group"}:
        return ""
    return names[change.id] if change.id in names else texts("gone_since")


def _what(change: Change, kind: Kind, texts: Texts) -> str:
    if kind == "portal":
        object_ = "link" if change.resource == SETUP_LINK else "token"
        return texts(f"did.{object_}.{(*change.names, 'made')[0]}")
    if kind == "settings":
        return texts("did.settings", settings=_listed(_attributes(change), texts))
    if change.verb == "roles":
        return texts("did.roles")
    subject = change.resource.lower() if change.resource in {"User", "Group"} else "other"
    if kind == "updated":
        return texts(f"did.updated.{subject}", attributes=_listed(_attributes(change), texts))
    with_subject = kind in {"created", "deleted"}
    return texts(f"did.{kind}.{subject}" if with_subject else f"did.{kind}")


def _details(change: Change, kind: Kind, names: Names, texts: Texts) -> list[str]:
    lines: list[str] = []
    if kind in {"enabled", "disabled"}:
        others = [name for name in _attributes(change) if name != "active"]
        if others:
            lines.append(texts("did.also", attributes=_listed(others, texts)))
    for key, members in (("joined", change.added), ("left", change.removed)):
        if members:
            lines.append(_members(key, members, names, texts))
    if change.skipped:
        lines.append(texts.count("did.skipped", len(change.skipped)))
    if change.external_id:
        lines.append(texts("did.external_id", value=change.external_id))
    return lines


def _members(key: str, members: tuple[MemberVersion, ...], names: Names, texts: Texts) -> str:
    if len(members) > MOST_MEMBERS_NAMED:
        return texts.count(f"did.{key}", len(members))
    named = [names.get(member, "") or texts("somebody_gone") for member, _ in members]
    return texts(f"did.{key}.named", names=", ".join(named))


def _attributes(change: Change) -> list[str]:
    return [name for name in change.names if name != "members"]


def _listed(attributes: list[str], texts: Texts) -> str:
    words = [texts.attribute(name) for name in attributes[:_MOST_ATTRIBUTES]]
    if len(attributes) > _MOST_ATTRIBUTES:
        words.append(texts.count("did.more", len(attributes) - _MOST_ATTRIBUTES))
    if len(words) < 2:
        return "".join(words)
    return texts("did.and", first=", ".join(words[:-1]), last=words[-1])
