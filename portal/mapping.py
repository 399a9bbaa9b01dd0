"""Mapping review: what is sent and passed over, and what is known here and never comes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.scim.schema import ResourceType
    from shared.store.provisioning_log import LogEntry


@dataclass(frozen=True, slots=True)
class UsefulAttribute:
    """An attribute that most products need.

    Attributes:
        key: of its texts, `mapping.why.<key>`.
        name: as SCIM has it.
        target: as Entra's mapping names it.
        entra: the attribute or expression of Entra that is mapped to it.
        okta: the same of Okta; "" where it is no mapping there.
    """

    key: str
    name: str
    target: str
    entra: str
    okta: str = ""


WANTED: Final[Mapping[str, tuple[UsefulAttribute, ...]]] = {
    "User": (
        UsefulAttribute("external_id", "externalId", "externalId", "objectId"),
        UsefulAttribute(
            "active",
            "active",
            "active",
            'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
        ),
        UsefulAttribute("emails", "emails", 'emails[type eq "work"].value', "mail", "user.email"),
        UsefulAttribute(
            "display_name", "displayName", "displayName", "displayName", "user.displayName"
        ),
        UsefulAttribute(
            "given_name", "name.givenName", "name.givenName", "givenName", "user.firstName"
        ),
        UsefulAttribute(
            "family_name", "name.familyName", "name.familyName", "surname", "user.lastName"
        ),
    ),
    "Group": (
        UsefulAttribute("group_external_id", "externalId", "externalId", "objectId"),
        UsefulAttribute("members", "members", "members", "members"),
    ),
}
"""By resource type. The sources are those that the guides name."""


@dataclass(slots=True)
class SentOfType:
    """What was sent of a resource type.

    Attributes:
        names: of the attributes.
        whole: how many whole resources were sent, at least; what changes one names little.
        since: when the first name that is kept came, in POSIX milliseconds.
    """

    names: set[str] = field(default_factory=set)
    whole: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class ReviewedType:
    """What is to be said of a resource type.

    Attributes:
        type: `User` or `Group`.
        sent: what is kept of what was sent.
        taken: names that a schema has.
        ignored: names that no schema has.
        missing: attributes that never came.
    """

    type: str
    sent: SentOfType
    taken: list[str]
    ignored: list[str]
    missing: list[UsefulAttribute]


def gather_sent(entries: Iterable[LogEntry]) -> dict[str, SentOfType]:
    """Join what the instances have recorded, by resource type."""
    found: dict[str, SentOfType] = {}
    for entry in entries:
        if entry.kind == "attributes":
            sent = found.setdefault(entry.resource_type, SentOfType(since=entry.time))
            sent.names.update(entry.shape)
            sent.whole += entry.number
            sent.since = min(sent.since, entry.time)
    return found


def review(resource_type: ResourceType, sent: SentOfType) -> ReviewedType:
    """Review what was sent of a type. What never came is told once a whole resource was sent."""
    known = {name for name in sent.names if _is_known(resource_type, name)}
    comes = {name.lower() for name in known}
    comes |= {name.partition(".")[0] for name in comes}
    never = [each for each in WANTED[resource_type.name] if each.name.lower() not in comes]
    return ReviewedType(
        resource_type.name,
        sent,
        sorted(known, key=str.casefold),
        sorted(sent.names - known, key=str.casefold),
        never if sent.whole else [],
    )


def _is_known(resource_type: ResourceType, name: str) -> bool:
    """Tell whether a schema has an attribute, or computes it, which is not passed over unseen."""
    return resource_type.find(name) is not None or resource_type.schema_of(name) is not None
