"""Roles: which names the product gives to those who are in certain groups of the customer's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr
from pydantic import model_validator as validating

from shared.scim.folding import fold
from shared.validation import Omittable

MAX_ENTRIES = 1_000
"""Entries of a role map. Each is looked up once a minute by every instance that is asked."""

MAX_ROLE_LENGTH = 64
MAX_PRIORITY = 1_000_000
_MAX_NAME_LENGTH = 1_024


def _plain(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError("should have no blank at its ends, and no control character in it")
    return value


def left_out(schema: dict[str, Any]) -> None:
    """Describe a member that is left out where it has no value, and is never null."""
    schema.pop("default", None)


def _exactly_one(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [name]} for name in schema["properties"]]


_Name = Annotated[
    StrictStr, Field(min_length=1, max_length=_MAX_NAME_LENGTH), AfterValidator(_plain)
]
_Role = Annotated[
    StrictStr, Field(min_length=1, max_length=MAX_ROLE_LENGTH), AfterValidator(_plain)
]


class GroupReference(BaseModel):
    """A group of the customer's, by exactly one of its two names."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_exactly_one)

    external_id: Omittable[_Name] = Field(
        None,
        alias="externalId",
        json_schema_extra=left_out,
        description="Compared exactly. It stays when the group is renamed.",
    )
    display_name: Omittable[_Name] = Field(
        None,
        alias="displayName",
        json_schema_extra=left_out,
        description="Compared in any letter case, as SCIM compares it.",
    )

    @validating(mode="after")
    def _name_one(self) -> Self:
        names = [each for each in (self.external_id, self.display_name) if each is not None]
        if not len(names) == len(self.model_fields_set) == 1:
            raise ValueError("should name the group by one of externalId and displayName")
        return self

    @property
    def folded_display_name(self) -> str | None:
        """The displayName in the form in which it is compared."""
        return None if self.display_name is None else fold(self.display_name)


class RoleEntry(BaseModel):
    """Who is in the group has the role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: GroupReference = Field(description="It need not be there yet.")
    role: _Role = Field(description="As the product calls it; letter case counts.")
    priority: StrictInt = Field(
        ge=0,
        le=MAX_PRIORITY,
        description="By which the roles of a user are sorted, the smallest first. All entries of a"
        " role have the same.",
    )


def check_consistent(entries: Sequence[RoleEntry]) -> Sequence[RoleEntry]:
    """Refuse entries that say a thing twice, or two things of one role.

    Raises:
        ValueError: there are such; the text names them by their index.
    """
    said: dict[tuple[str | None, str | None, str], int] = {}
    priorities: dict[str, tuple[int, int]] = {}
    for index, entry in enumerate(entries):
        first, priority = priorities.setdefault(entry.role, (index, entry.priority))
        if priority != entry.priority:
            raise ValueError(
                f"gives one role two priorities in the entries {first} and {index}; give it one"
            )
        group = entry.group
        what = (group.external_id, group.folded_display_name, entry.role)
        first = said.setdefault(what, index)
        if first != index:
            raise ValueError(
                f"says the same in the entries {first} and {index}; leave one of them out"
            )
    return entries


class RankedRole(NamedTuple):
    """A role with the place that it has among others."""

    priority: int
    name: str


@dataclass(frozen=True, slots=True)
class RoleMap:
    """A role map with the groups that its entries name at present.

    Attributes:
        by_group: the roles that a group gives, by its id.
    """

    by_group: Mapping[str, frozenset[RankedRole]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[tuple[RoleEntry, Iterable[str]]]) -> Self:
        """Make the map of entries and of the ids of the groups that each names."""
        by_group: dict[str, frozenset[RankedRole]] = {}
        for entry, group_ids in found:
            role = RankedRole(entry.priority, entry.role)
            for gid in group_ids:
                by_group[gid] = by_group.get(gid, frozenset()) | {role}
        return cls(by_group)

    def roles_of(self, group_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the roles of who is in some groups: each once, by priority, then by name."""
        found: set[RankedRole] = set()
        for gid in group_ids:
            found |= self.by_group.get(gid, frozenset())
        return tuple(role.name for role in sorted(found))
