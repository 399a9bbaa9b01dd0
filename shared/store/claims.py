"""The values by which a resource is found: claims on unique ones, one row per owner of shared ones.

`RowSet` is the complete set of such rows of a resource. A change of the resource writes the
difference of two sets, so a key that stays is left alone, and values that fold alike are one row.
"""

from dataclasses import dataclass

from shared.scim.errors import InvalidValue
from shared.scim.folding import fold
from shared.store import keys
from shared.store.operations import Delete, Insert, Operation
from shared.store.rows import Document, Value

MAX_VALUE_LENGTH = 1_024
"""Characters that a value may have by which a resource is found."""

MAX_EMAILS = 30
"""Different addresses of one user; all key rows of a user change in one transaction of 100."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """Key rows of one resource: key -> (properties, the unique attribute that the key claims)."""

    rows: dict[str, tuple[dict[str, Value], str | None]]

    def inserts(self) -> list[Operation]:
        """List the operations that write every row; claims come first."""
        return [Insert(key, values, unique) for key, (values, unique) in self.rows.items()]

    def deletes(self) -> list[Operation]:
        """List the operations that take every row away; the owner's CAS makes them safe."""
        return [Delete(key) for key in self.rows]

    def change_to(self, after: "RowSet") -> list[Operation]:
        """List the operations that turn this set into another: inserts, then deletes."""
        inserts = RowSet({key: row for key, row in after.rows.items() if key not in self.rows})
        deletes = RowSet({key: row for key, row in self.rows.items() if key not in after.rows})
        return [*inserts.inserts(), *deletes.deletes()]


def user_rows(uid: str, document: Document) -> RowSet:
    """Build the key rows of a user: the claim on userName, externalId, each e-mail address.

    Raises:
        InvalidValue: a value is too long, holds a control character, or there are too many.
    """
    name = folded_name(document, "userName")
    rows = {keys.claim("un", name): _claimed(uid, name, "userName")}
    rows |= _external_id_rows("ux", uid, document)
    addresses = {fold(address) for address in _email_addresses(document)}
    if len(addresses) > MAX_EMAILS:
        raise InvalidValue(
            f"A user may have {MAX_EMAILS} different e-mail addresses; {len(addresses)} were sent.",
            path="emails",
        )
    for address in sorted(addresses):
        _check("emails.value", address)
        rows[keys.owned("ue", address, uid)] = ({"o": uid, "x": address}, None)
    return RowSet(rows)


def group_rows(gid: str, document: Document) -> RowSet:
    """Build the key rows of a group: the claim on displayName, and externalId.

    Raises:
        InvalidValue: a value is too long or holds a control character.
    """
    name = folded_name(document, "displayName")
    claim = {keys.claim("gn", name): _claimed(gid, name, "displayName")}
    return RowSet(claim | _external_id_rows("gx", gid, document))


def folded_name(document: Document, attribute: str) -> str:
    """Fold the name of a resource for its claim.

    Raises:
        InvalidValue: the name is too long or holds a control character.
    """
    name = fold(document[attribute])
    _check(attribute, name)
    return name


def _external_id_rows(
    kind: str, owner: str, document: Document
) -> dict[str, tuple[dict[str, Value], str | None]]:
    """Build the row of the externalId: exact (RFC 7643 section 3.1) and not unique."""
    external_id = document.get("externalId")
    if external_id is None:
        return {}
    _check("externalId", external_id)
    return {keys.owned(kind, external_id, owner): ({"o": owner, "x": external_id}, None)}


def _email_addresses(document: Document) -> list[str]:
    return [email["value"] for email in document.get("emails", ()) if email.get("value")]


def _claimed(owner: str, name: str, attribute: str) -> tuple[dict[str, Value], str | None]:
    return {"o": owner, "x": name}, attribute


def _check(attribute: str, value: str) -> None:
    """Refuse a value that cannot lie in a property or could not be looked up again."""
    if len(value) > MAX_VALUE_LENGTH:
        raise InvalidValue(
            f"{attribute} has {len(value):,} characters; at most {MAX_VALUE_LENGTH:,} are allowed.",
            path=attribute,
        )
    if any(character < " " for character in value):
        raise InvalidValue(
            f"{attribute} holds a control character; send it without.", path=attribute
        )
