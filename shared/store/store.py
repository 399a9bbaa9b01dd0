"""The store as the web layer uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.clock import Clock
from shared.store.collection import ChangedNames
from shared.store.custom import CustomResources, CustomType
from shared.store.deletions import Sweeper
from shared.store.deletions_row import HiddenResources
from shared.store.groups import Groups
from shared.store.history import History
from shared.store.memberships import Memberships
from shared.store.setup_links import SetupLinks
from shared.store.users import Users
from shared.tables.table import Table


@dataclass(frozen=True, slots=True)
class Store:
    """All resources on one table; custom resources by the name of their type.

    `sweeper` and `history` are for work that no request asks for.
    """

    users: Users
    groups: Groups
    custom: Mapping[str, CustomResources]
    hidden: HiddenResources
    sweeper: Sweeper
    history: History
    setup_links: SetupLinks
    table: Table


def open_store(  # noqa: PLR0913 - a store is put together from that many things
    table: Table,
    changed_names: ChangedNames,
    *,
    custom: Sequence[CustomType] = (),
    reject_unknown_members: bool = False,
    member_writes_per_second: int = 1_000,
    clock: Clock | None = None,
) -> Store:
    """Put the store together on a table.

    Args:
        table: where the rows lie.
        changed_names: names the attributes in which two documents differ, for change rows.
        custom: the custom resource types.
        reject_unknown_members: refuse a request that names a member who is no user.
        member_writes_per_second: entities that large changes of a tenant, the sweeps of large
            deletions and the expiry of its history write a second.
        clock: by which the lease on the deletions row runs, and setup links expire; that of the
            machine by default.
    """
    clock = clock or Clock()
    hidden = HiddenResources(table, clock)
    memberships = Memberships(
        table,
        hidden,
        reject_unknown=reject_unknown_members,
        writes_per_second=member_writes_per_second,
    )
    sweeper = Sweeper(table, memberships)
    return Store(
        users=Users(table, sweeper, hidden, changed_names),
        groups=Groups(table, memberships, sweeper, hidden, changed_names),
        custom={each.name: CustomResources(table, each, changed_names) for each in custom},
        hidden=hidden,
        sweeper=sweeper,
        history=History(table, memberships.rate_limiter),
        setup_links=SetupLinks(table, clock),
        table=table,
    )
