"""Attributes of a user by which accounts are matched and compared, and how values are equal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from tools.provision.mapping import COLUMNS, TARGETS, values_at
from tools.provision.tenant_url import UsageError

ROLES: Final = "roles"
"""The attribute that holds the roles which the tenant's role map gives."""

ROLES_SCHEMA: Final = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"

_EMAILS: Final = "emails"
_OF_COMPARISON: Final = (*sorted({*COLUMNS, ROLES, "externalId"} - {"id"}),)


class Match(StrEnum):
    """An attribute that says which account and which user are the same person."""

    USER_NAME = "userName"
    EXTERNAL_ID = "externalId"
    ID = "id"
    EMAIL = "email"

    @property
    def attribute(self) -> str:
        """The SCIM attribute that has the value."""
        return _EMAILS if self is Match.EMAIL else self.value

    def normalized(self, value: str) -> str:
        """Return what equal values have in common: ids are compared exactly, names without case."""
        return value if self in {Match.ID, Match.EXTERNAL_ID} else value.casefold()

    def values_of(self, user: Mapping[str, Any]) -> set[str]:
        """Return the values by which a user can be matched, normalized; all e-mail addresses."""
        if self is Match.EMAIL:
            found = [each.get("value") for each in _elements(user.get(_EMAILS))]
        else:
            found = [user.get(self.value)]
        return {self.normalized(each) for each in found if isinstance(each, str) and each}


@dataclass(frozen=True, slots=True)
class Chosen:
    """An attribute, and the column of the export that has it."""

    attribute: str
    column: str

    @classmethod
    def of(cls, option: str) -> Self:
        """Read `attribute=column`; without a column it is named as the attribute."""
        attribute, separator, column = option.partition("=")
        return cls(attribute, column if separator else attribute)


def chosen_match(option: str) -> tuple[Match, str]:
    """Read the option that says how accounts are matched: the attribute, and its column.

    Raises:
        UsageError: accounts cannot be matched by it.
    """
    chosen = Chosen.of(option)
    if chosen.attribute not in {*Match} or not chosen.column:
        raise UsageError(f"--match {option!r}: expected {', '.join(Match)}, or one with =column")
    return Match(chosen.attribute), chosen.column


def chosen_comparison(option: str) -> Chosen:
    """Read an option that says what else is compared.

    Raises:
        UsageError: it cannot be compared.
    """
    chosen = Chosen.of(option)
    if chosen.attribute not in _OF_COMPARISON or not chosen.column:
        known = ", ".join(_OF_COMPARISON)
        raise UsageError(f"--compare {option!r}: expected one of {known}, or one with =column")
    return chosen


def requested(match: Match, compared: tuple[Chosen, ...]) -> list[str]:
    """List the SCIM attributes that the comparison reads."""
    read = ["userName", "active", match.attribute, *(_root_of(each.attribute) for each in compared)]
    return list(dict.fromkeys(read))


def value_of(user: Mapping[str, Any], attribute: str) -> str:
    """Return what a user has at an attribute as text; "" where there is none."""
    if attribute == ROLES:
        extension = user.get(ROLES_SCHEMA)
        roles = extension.get(ROLES) if isinstance(extension, dict) else None
        return joined(map(str, roles if isinstance(roles, list) else ()))
    found = values_at(user, TARGETS[_path_of(attribute)])
    return str(found[0]) if found else ""


def is_same(attribute: str, account: str, user: str) -> bool:
    """Tell whether two values are equal: names and addresses without case, roles in any order."""
    if attribute == ROLES:
        return joined(account.split(";")) == joined(user.split(";"))
    if attribute in {"userName", "email"}:
        return account.casefold() == user.casefold()
    return account == user


def joined(roles: Iterable[str]) -> str:
    """Write roles as a cell of the export has them: in order, by semicolons."""
    return ";".join(sorted({each.strip() for each in roles if each.strip()}))


def _path_of(attribute: str) -> str:
    return COLUMNS["id" if attribute == "externalId" else attribute]


def _root_of(attribute: str) -> str:
    if attribute == ROLES:
        return f"{ROLES_SCHEMA}:{ROLES}"
    target = TARGETS[_path_of(attribute)]
    return f"{target.extension}:{target.attribute}" if target.extension else target.attribute


def _elements(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
