"""Changes of a role map, one at a time, as the editor makes them. Pure.

All entries of a role have one priority, so whoever gives an entry a priority gives it to its role.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from shared.roles import MAX_ENTRIES, MAX_PRIORITY, RoleEntry, check_consistent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME_CHOICES: Final = {"name": "displayName", "external": "externalId"}
"""What of a group an entry may name, by the choice in the form."""

_STEP: Final = 10


class EntryRefused(Exception):  # noqa: N818 - an answer, as those of `portal.refusals`
    """A change that cannot be made.

    Attributes:
        key: of its text, `roles.refused.<key>`.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class SentEntry:
    """An entry as a form sends it.

    Attributes:
        group: the group, as a role map writes it.
        role: the role.
        priority: the priority; None where it is left to the map.
    """

    group: Mapping[str, str]
    role: str
    priority: int | None

    @classmethod
    def of(cls, form: Mapping[str, str]) -> SentEntry:
        """Read a form.

        Raises:
            EntryRefused: something is missing, or is none.
        """
        named, role = form.get("group", "").strip(), form.get("role", "").strip()
        by = NAME_CHOICES.get(form.get("by", ""))
        if by is None or not named or not role:
            raise EntryRefused("incomplete")
        return cls({by: named}, role, priority_in(form))


def priority_in(form: Mapping[str, str]) -> int | None:
    """Read a priority; None where the form has none.

    Raises:
        EntryRefused: it is no whole number that a role can have.
    """
    text = form.get("priority", "").strip()
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PRIORITY))
    if not is_number or int(text) > MAX_PRIORITY:
        raise EntryRefused("priority")
    return int(text)


def with_entry(
    entries: Sequence[RoleEntry], sent: SentEntry, index: int | None = None
) -> tuple[RoleEntry, ...]:
    """Add an entry, or put it in the place of another.

    Raises:
        EntryRefused: the map cannot have it.
    """
    others = [entry for number, entry in enumerate(entries) if number != index]
    if len(others) >= MAX_ENTRIES:
        raise EntryRefused("too_many")
    own = [entry.priority for entry in others if entry.role == sent.role]
    priority = sent.priority if sent.priority is not None else (own or [_next(others)])[0]
    made = _entry({"group": dict(sent.group), "role": sent.role, "priority": priority})
    place = len(others) if index is None else index
    placed = [*others[:place], made, *others[place:]]
    return _checked(ranked(placed, sent.role, priority))


def without_entry(entries: Sequence[RoleEntry], index: int) -> tuple[RoleEntry, ...]:
    """Leave an entry out."""
    return tuple(entry for number, entry in enumerate(entries) if number != index)


def ranked(entries: Sequence[RoleEntry], role: str, priority: int) -> tuple[RoleEntry, ...]:
    """Give a role a priority, in all its entries."""
    return tuple(
        entry.model_copy(update={"priority": priority}) if entry.role == role else entry
        for entry in entries
    )


def _next(entries: Sequence[RoleEntry]) -> int:
    """Return a priority behind those of all roles."""
    return min(max((entry.priority for entry in entries), default=0) + _STEP, MAX_PRIORITY)


def _entry(document: Mapping[str, Any]) -> RoleEntry:
    try:
        return RoleEntry.model_validate(document)
    except ValidationError:
        raise EntryRefused("entry") from None


def _checked(entries: tuple[RoleEntry, ...]) -> tuple[RoleEntry, ...]:
    try:
        check_consistent(entries)
    except ValueError:
        raise EntryRefused("twice") from None
    return entries
