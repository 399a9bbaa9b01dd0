"""The source directory: users and groups as the client knows them before it provisions them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A person of the source.

    Attributes:
        id: the source's id, stable when everything else changes; sent as externalId.
        values: text by SCIM path (see mapping.COLUMNS); a value that is not there has no key.
        active: False when disabled, soft-deleted or unassigned.
        manager: id of the manager's User, or None.
    """

    id: str
    values: Mapping[str, str]
    active: bool = True
    manager: str | None = None

    @property
    def user_name(self) -> str:
        """The name that users are matched by."""
        return self.values["userName"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the source.

    Attributes:
        id: the source's id, stable when the name changes; sent as externalId.
        display_name: the name that groups are matched by.
        members: ids of Users, each once.
        groups: ids of Groups that are members, each once.
    """

    id: str
    display_name: str
    members: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """One state of the source; a later state of the same directory keeps the ids."""

    users: tuple[User, ...]
    groups: tuple[Group, ...]

    def memberships(self) -> int:
        """Count the memberships of all groups."""
        return sum(len(group.members) + len(group.groups) for group in self.groups)
