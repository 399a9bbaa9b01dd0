"""Adopting accounts: each is looked for first, then created where it is missing.

What the service has is left as it is. An account whose externalId or e-mail address belongs to
another one of the service is not created: that would be the double that adoption is to prevent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from tools.adopt.accounts import Account, Entry, Rejected, without_duplicates
from tools.provision import wire
from tools.provision.answers import find, identifier_of
from tools.provision.client import ScimClient
from tools.provision.cycle import Match
from tools.provision.mapping import COLUMNS, read_values
from tools.provision.results import Operation, ServiceError
from tools.provision.watch import Watch, for_each

_COLUMN_OF: Final = {path: column for column, path in COLUMNS.items()}
_NAME: Final = "userName"
_ID: Final = "externalId"
_FILTER_PATH: Final = {Match.EMAIL.path: "emails.value"}
"""An address is looked for whatever type the service gives it: a private one is a double too."""


class Outcome(StrEnum):
    """What became of a line of the file, or would become of it."""

    CREATED = "created"
    TO_CREATE = "to be created"
    FILLED = "externalId filled in"
    TO_FILL = "externalId to be filled in"
    PRESENT = "already there"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A line of the file and what became of it.

    Attributes:
        line: from 1.
        outcome: what became of it.
        user_name: of the account; None when the line is no account.
        id: that the service gave, where it is known.
        reason: why it was skipped or failed.
        differences: columns in which the service says otherwise than the file.
    """

    line: int
    outcome: Outcome
    user_name: str | None = None
    id: str | None = None
    reason: str | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How to adopt.

    Attributes:
        match: how accounts are looked for; by userName in any case, and first.
        applies: whether to write; otherwise it is only said what would be written.
        fills_external_id: give the externalId of the file to accounts that have none.
    """

    match: tuple[Match, ...] = (Match.USER_NAME, Match.EXTERNAL_ID, Match.EMAIL)
    applies: bool = False
    fills_external_id: bool = False

    @property
    def other_paths(self) -> list[str]:
        """The paths that may show that an account is there under another userName."""
        return [each.path for each in self.match if each is not Match.USER_NAME]


async def adopt(
    client: ScimClient, entries: list[Entry], plan: Plan, watch: Watch
) -> list[Adopted]:
    """Adopt the accounts of a file, several at once; one that is refused stops no other.

    It can be repeated: what was created is found then.

    Returns:
        What became of each line, in the order of the file.
    """
    unique = without_duplicates(entries, [_NAME, *plan.other_paths])
    accounts = [entry for entry in unique if isinstance(entry, Account)]
    adopted = [_rejected(entry) for entry in unique if isinstance(entry, Rejected)]

    async def work(account: Account) -> None:
        adopted.append(await _adopt_one(client, account, plan))

    def refused(account: Account, error: ServiceError) -> None:
        adopted.append(Adopted(account.line, Outcome.FAILED, account.user_name, reason=str(error)))

    with watch.stage("accounts", len(accounts)) as advance:
        await for_each(accounts, work, refused, advance, client.limits.connections)
    return sorted(adopted, key=lambda each: each.line)


async def _adopt_one(client: ScimClient, account: Account, plan: Plan) -> Adopted:
    found = await _found(client, _NAME, account.user_name)
    if len(found) > 1:
        return _skipped(account, f"userName belongs to {len(found)} accounts of the service")
    if found:
        return await _meet(client, account, found[0], plan)
    for path in plan.other_paths:
        if path in account.values:
            owners = await _found(client, path, account.values[path])
            if owners:
                return _skipped(account, _belongs(path, owners))
    if not plan.applies:
        return Adopted(account.line, Outcome.TO_CREATE, account.user_name)
    return await _create(client, account)


async def _create(client: ScimClient, account: Account) -> Adopted:
    """Create an account; one that is inactive is never active, not for a moment."""
    body = {**wire.new_user(account.values), "active": account.active}
    try:
        created = await client.call(Operation.CREATE_USER, "POST", "/Users", body)
    except ServiceError as error:
        if error.status == 409:
            return _skipped(account, f"the service has one like it: {error.detail}")
        raise
    identifier = identifier_of(Operation.CREATE_USER, created)
    return Adopted(account.line, Outcome.CREATED, account.user_name, identifier)


async def _meet(
    client: ScimClient, account: Account, resource: dict[str, Any], plan: Plan
) -> Adopted:
    """Leave an account that is there as it is, but for an externalId that it lacks."""
    identifier = identifier_of(Operation.MATCH_USER, resource)
    differences = _differences(account, resource)
    outcome = Outcome.PRESENT
    if plan.fills_external_id and _ID in account.values and not resource.get(_ID):
        owners = await _found(client, _ID, account.values[_ID])
        if owners:
            return _skipped(account, _belongs(_ID, owners), identifier)
        outcome = Outcome.FILLED if plan.applies else Outcome.TO_FILL
        differences = tuple(each for each in differences if each != _COLUMN_OF[_ID])
        if plan.applies:
            change = wire.Change(_ID, account.values[_ID], added=True)
            body = wire.patch(wire.update(wire.Dialect.FLAG, [change]))
            path = f"/Users/{quote(identifier, safe='')}"
            await client.call(Operation.UPDATE_USER, "PATCH", path, body)
    return Adopted(account.line, outcome, account.user_name, identifier, differences=differences)


async def _found(client: ScimClient, path: str, value: str) -> list[dict[str, Any]]:
    query = wire.query(filter=wire.equals(_FILTER_PATH.get(path, path), value))
    return await find(client, Operation.MATCH_USER, f"/Users?{query}")


def _differences(account: Account, resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the columns in which the service says otherwise; a name is compared without case."""
    held = read_values(resource)
    differing = [
        _COLUMN_OF[path]
        for path, value in account.values.items()
        if path != _NAME and held.get(path) != value
    ]
    is_same = (resource.get("active") is not False) is account.active
    return tuple(differing if is_same else [*differing, "active"])


def _belongs(path: str, owners: list[dict[str, Any]]) -> str:
    """Say to whom a value of an account belongs that is not there under its userName."""
    names = ", ".join(f"{owner.get('userName')!r} ({owner.get('id')})" for owner in owners[:3])
    return f"{_COLUMN_OF[path]} belongs to another account of the service: {names}"


def _skipped(account: Account, reason: str, identifier: str | None = None) -> Adopted:
    return Adopted(account.line, Outcome.SKIPPED, account.user_name, identifier, reason)


def _rejected(entry: Rejected) -> Adopted:
    return Adopted(entry.line, Outcome.SKIPPED, reason=entry.reason)
