"""The values by which a resource is found: claims on unique ones, one row per owner of shared ones.

`IndexRows` is the complete set of such rows of a resource. A change of the resource writes the
difference of two sets, so a key that stays is left alone, and values that fold alike are one row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from shared.errors import InvalidValue
from shared.scim.folding import fold
from shared.scim.schema import Document
from shared.store import layout
from shared.store.layout import GROUP_KINDS, USER_EMAIL, USER_KINDS, Column
from shared.tables.operations import Delete, Insert, RowOperation

MAX_VALUE_LENGTH = 1_024
"""Characters that a value may have by which a resource is found."""

MAX_EMAILS = 30
"""Different addresses of one user; all index rows of a user change in one transaction of 100."""


@dataclass(frozen=True, slots=True)
class UniqueAttribute:
    """A string attribute, at the top of a document, of which no two resources have one value."""

    name: str
    case_exact: bool

    def comparable(self, value: str) -> str:
        """Return the form in which values are compared."""
        return value if self.case_exact else fold(value)


@dataclass(frozen=True, slots=True)
class IndexRows:
    """The index rows of one resource: the insert of each by its key."""

    rows: dict[str, Insert]

    @classmethod
    def of(cls, inserts: Iterable[Insert]) -> Self:
        """Make the set of the rows that these operations write."""
        return cls({insert.key: insert for insert in inserts})

    def inserts(self) -> list[RowOperation]:
        """List the operations that write every row; claims come first."""
        return list(self.rows.values())

    def deletes(self) -> list[RowOperation]:
        """List the operations that take every row away; the owner's CAS makes them safe."""
        return [Delete(key) for key in self.rows]

    def change_to(self, after: "IndexRows") -> list[RowOperation]:
        """List the operations that turn this set into another: inserts, then deletes."""
        inserts = IndexRows({key: row for key, row in after.rows.items() if key not in self.rows})
        deletes = IndexRows({key: row for key, row in self.rows.items() if key not in after.rows})
        return [*inserts.inserts(), *deletes.deletes()]


INDEXED_OF_USERS = ("userName", "externalId", "emails")
"""Attributes that `user_rows` makes rows of."""


def user_rows(uid: str, document: Document) -> IndexRows:
    """Build the index rows of a user: the claim on userName, externalId, each e-mail address.

    Raises:
        InvalidValue: a value is too long, holds a control character, or there are too many.
    """
    name = folded_name(document, "userName")
    addresses = {fold(address) for address in _email_addresses(document)}
    if len(addresses) > MAX_EMAILS:
        raise InvalidValue(
            f"A user may have {MAX_EMAILS} different e-mail addresses; {len(addresses)} were sent.",
            path="emails",
        )
    for address in addresses:
        _check_value("emails.value", address)
    emails = (_owned(USER_EMAIL, address, uid) for address in sorted(addresses))
    claim = _claim(USER_KINDS.claim, uid, name, "userName")
    return IndexRows.of([claim, *external_id_rows(USER_KINDS.external_id, uid, document), *emails])


def group_rows(gid: str, document: Document, *, may_repeat: bool = False) -> IndexRows:
    """Build the index rows of a group: the one of its displayName, and externalId.

    Args:
        gid: id of the group.
        document: the group.
        may_repeat: whether others may have its displayName: then it claims none, and is one of the
            owners.

    Raises:
        InvalidValue: a value is too long or holds a control character.
    """
    kind, name = GROUP_KINDS.claim, folded_name(document, "displayName")
    named = _owned(kind, name, gid) if may_repeat else _claim(kind, gid, name, "displayName")
    return IndexRows.of([named, *external_id_rows(GROUP_KINDS.external_id, gid, document)])


def unique_row(
    kind: str, owner: str, document: Document, attribute: UniqueAttribute
) -> Iterator[Insert]:
    """Build the claim of a custom resource on a value, if it has one.

    Raises:
        InvalidValue: the value is too long or holds a control character.
    """
    value = document.get(attribute.name)
    # What was written when the attribute had another type claims nothing.
    if isinstance(value, str):
        comparable = attribute.comparable(value)
        _check_value(attribute.name, comparable)
        yield Insert(
            layout.custom_claim_key(kind, attribute.name, comparable),
            {Column.OWNER: owner, Column.VALUE: comparable},
            attribute.name,
            attribute.case_exact,
        )


def folded_name(document: Document, attribute: str) -> str:
    """Fold the name of a resource for its claim.

    Raises:
        InvalidValue: the name is too long or holds a control character.
    """
    name = fold(document[attribute])
    _check_value(attribute, name)
    return name


def external_id_rows(kind: str, owner: str, document: Document) -> list[Insert]:
    """Build the row of the externalId: exact (RFC 7643 section 3.1) and not unique.

    Raises:
        InvalidValue: the value is too long or holds a control character.
    """
    external_id = document.get("externalId")
    if external_id is None:
        return []
    _check_value("externalId", external_id)
    return [_owned(kind, external_id, owner)]


def _email_addresses(document: Document) -> list[str]:
    return [email["value"] for email in document.get("emails", ()) if email.get("value")]


def _claim(kind: str, owner: str, name: str, attribute: str) -> Insert:
    return Insert(
        layout.claim_key(kind, name), {Column.OWNER: owner, Column.VALUE: name}, attribute
    )


def _owned(kind: str, value: str, owner: str) -> Insert:
    return Insert(layout.owner_key(kind, value, owner), {Column.OWNER: owner, Column.VALUE: value})


def _check_value(attribute: str, value: str) -> None:
    """Refuse a value that cannot lie in a property or could not be looked up again."""
    if len(value) > MAX_VALUE_LENGTH:
        raise InvalidValue(
            f"{attribute} has {len(value):,} characters; at most {MAX_VALUE_LENGTH:,} are allowed.",
            path=attribute,
        )
    if value and min(value) < " ":
        raise InvalidValue(
            f"{attribute} holds a control character; send it without.", path=attribute
        )
