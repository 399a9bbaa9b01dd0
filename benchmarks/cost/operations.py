"""What each operation on users and groups costs: storage calls, and entities written.

The only source of these numbers. `tests/unit/store/test_costs.py` counts the calls of the
real store against them, with 10 and with 5,000 users; the documents are computed from them.
"""

from math import ceil
from typing import NamedTuple

PAGE_ROWS = 1_000
"""Rows of one answer of Table Storage."""

RANGES, PLANNED_ROWS = 8, 950
"""Ranges of a long list of members that are read side by side, and rows planned for each page."""

TRANSACTION_ROWS = 100
"""Operations of one transaction."""


class Cost(NamedTuple):
    """What an operation costs.

    Attributes:
        calls: requests to Table Storage.
        entities: entities written, the change row among them.
    """

    calls: int
    entities: int = 0

    @property
    def per_entity(self) -> int:
        """Transactions when each entity of an entity group transaction is billed.

        For operations that write by one transaction, or do not write.
        """
        return self.calls - 1 + self.entities if self.entities else self.calls


def create_user(*, external_ids: int = 0, emails: int = 0) -> Cost:
    """Create a user: the counter is read, then change row, user, name, counter, a row a key."""
    return Cost(2, 4 + external_ids + emails)


def delete_user(*, external_ids: int = 0, emails: int = 0, groups: int = 0) -> Cost:
    """Delete a user who is in up to about 90 groups; a row a key tells afterwards that it was."""
    return Cost(3, 5 + 2 * external_ids + 2 * emails + groups)


def add_members(members: int, *, steps: int = 1) -> Cost:
    """Add or remove members: a read each; a transaction for each step of up to 40."""
    return Cost(members + steps, 2 * members + 2 * steps)


def member_pages(members: int) -> int:
    """Count the pages of a list of members: the first, then those of each range beside it.

    Ids are random, so a range may take one more.
    """
    rest = members - PAGE_ROWS
    if rest < PAGE_ROWS:
        return ceil(members / PAGE_ROWS)
    pages = ceil(rest / (RANGES * PLANNED_ROWS))
    ranges = ceil(rest / (pages * PLANNED_ROWS))
    return 1 + ranges * ceil(rest / ranges / PAGE_ROWS)


def sweep(*, expired: int = 0) -> Cost:
    """Sweep a tenant of which nothing is left but change rows that have expired.

    The leftovers are listed, a page of change rows, and a page of the provisioning log; a
    transaction for each 100 change rows.
    """
    pages = max(1, ceil(expired / PAGE_ROWS))
    return Cost(2 + pages + ceil(expired / TRANSACTION_ROWS), expired)


def sweep_once_a_day() -> Cost:
    """Look what else there is once a day: the setup links, and the counters of users."""
    return Cost(2)


def read_feed(*, rows: int = 0, recent: int = 0) -> Cost:
    """Read change rows as events; at the end of the feed those of the last 2 minutes once more."""
    return Cost(max(1, ceil(rows / PAGE_ROWS)) + ceil(recent / PAGE_ROWS))


def give_access_token(*, by_assertion: bool = False) -> Cost:
    """Give an access token; an assertion with an id is noted as used.

    Once in an hour and process 1 call more, which looks for those that have expired.
    """
    return Cost(1, 1) if by_assertion else Cost(0)


def dispatch(*, events: int = 0) -> Cost:
    """Send the events of a tenant to an endpoint, up to as many as lie between two checkpoints.

    Checkpoint, recent rows, feed; with some to send the settings of the guard are read, the
    checkpoint is taken, then written with what became of each, and the feed is read once more.
    """
    return Cost(8, 2 + events) if events else Cost(3)


def expected_costs(members: int) -> dict[str, Cost]:
    """Return the costs by design; `members` is the size of the group that all users are in.

    The deletions row is read each time, as it is where requests are further apart than its lease
    of 2 seconds.
    """
    pages = member_pages(members)
    return {
        "create user": create_user(),
        "create user with externalId and 2 e-mails": create_user(external_ids=1, emails=2),
        "get user": Cost(1),
        "get user in a group": Cost(2),
        "get user in a group, without groups": Cost(1),
        "userName eq": Cost(2),
        "userName eq, in a group": Cost(3),
        "userName eq, miss": Cost(1),
        "externalId eq": Cost(2),
        "externalId eq, in a group": Cost(3),
        "externalId eq, miss": Cost(1),
        "emails.value eq": Cost(2),
        "emails.value eq, in a group": Cost(3),
        "emails.value eq, miss": Cost(1),
        "PATCH user": Cost(2, 2),
        "PATCH user in a group": Cost(3, 2),
        "PATCH that changes nothing": Cost(1),
        "disable user": Cost(3, 3),
        "rename user": Cost(2, 2 + 2),
        "rename user in letter case only": Cost(2, 2),
        "change externalId": Cost(2, 2 + 2),
        "change an e-mail": Cost(2, 2 + 2),
        "rename and change all keys": Cost(2, 2 + 2 + 2 + 2),
        "delete user": delete_user(),
        "delete user with externalId and 2 e-mails": delete_user(external_ids=1, emails=2),
        "delete user in 3 groups": delete_user(groups=3),
        "create group": Cost(2, 4),
        "create group with externalId": Cost(2, 5),
        "create group with 3 members": Cost(2 + 3, 4 + 2 * 3),
        "displayName eq": Cost(2),
        "displayName eq, miss": Cost(1),
        "get group without members": Cost(1),
        "get group with members": Cost(1 + pages + 1),
        "rename group": Cost(2, 2 + 2),
        "rename group in letter case only": Cost(2, 2),
        "rename group and add a member": Cost(2 + 1, 2 + 2 + 2),
        "add a member": add_members(1),
        "add a member who is one": Cost(2),
        "remove a member": add_members(1),
        "remove a member with If-Match": Cost(3, 4),
        "add a member with If-Match": Cost(3, 4),
        "add 5 members": add_members(5),
        "remove 5 members": add_members(5),
        "replace a list by one that differs in 2": Cost(1 + pages + 2 + 1, 2 * 2 + 2),
        "replace a list by the same": Cost(1 + pages),
        "membership check": Cost(2),
        "count users": Cost(1),
        "count groups": Cost(1),
        "first page of users": Cost(2 + 1),
        "last page of users": Cost(2 + 1),
        "page of 0 users": Cost(1),
        "page past the end": Cost(1),
        "page of groups": Cost(2),
        "delete group without members": Cost(3 + 1 + 1, 6 + 3),
        "delete group with externalId": Cost(3 + 1 + 1, 6 + 1 + 3),
        "delete group with 3 members": Cost(3 + 1 + 3 + 1, 6 + 3 + 2 * 3),
        "delete group, none there": Cost(2),
    }
