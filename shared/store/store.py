"""The store as the web layer uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.clock import Clock
from shared.store.active_users import ActiveUsers
from shared.store.collection import ChangedNames
from shared.store.custom import CustomResources, CustomType
from shared.store.deletions import Sweeper
from shared.store.deletions_row import HiddenResources
from shared.store.group_history import GroupHistory
from shared.store.groups import Groups
from shared.store.guard import Guard
from shared.store.history import History
from shared.store.memberships import Memberships
from shared.store.provisioning_log import ProvisioningLog
from shared.store.role_changes import RoleChanges
from shared.store.setup_links import SetupLinks
from shared.store.tenant_settings import TenantSettingsStore
from shared.store.traces import Traces
from shared.store.used_assertions import UsedAssertions
from shared.store.user_roles import UserRoles
from shared.store.users import Users
from shared.store.webhook_checkpoints import WebhookCheckpoints
from shared.store.webhook_deliveries import WebhookDeliveries
from shared.store.webhook_endpoints import WebhookEndpoints
from shared.tables.table import Table


@dataclass(frozen=True, slots=True)
class Store:
    """All resources on one table; custom resources by the name of their type.

    `guard` holds removals back from the feed. `sweeper`, `history`, `role_changes` and
    `active_users` are for work that no request asks for, and so is what `log` and `traces` write.
    """

    users: Users
    groups: Groups
    custom: Mapping[str, CustomResources]
    hidden: HiddenResources
    sweeper: Sweeper
    history: History
    settings: TenantSettingsStore
    roles: UserRoles
    role_changes: RoleChanges
    log: ProvisioningLog
    setup_links: SetupLinks
    assertions: UsedAssertions
    webhook_endpoints: WebhookEndpoints
    webhook_deliveries: WebhookDeliveries
    webhook_checkpoints: WebhookCheckpoints
    guard: Guard
    active_users: ActiveUsers
    group_history: GroupHistory
    traces: Traces
    table: Table

    async def close(self) -> None:
        """End what is read beside requests, and close the connections."""
        await self.webhook_endpoints.close()
        await self.roles.close()
        await self.settings.close()
        await self.table.close()


def open_store(  # noqa: PLR0913 - a store is put together from that many things
    table: Table,
    changed_names: ChangedNames,
    *,
    custom: Sequence[CustomType] = (),
    reject_unknown_members: bool = False,
    member_writes_per_second: int = 1_000,
    clock: Clock | None = None,
    beside: Table | None = None,
) -> Store:
    """Put the store together on a table.

    Args:
        table: where the rows lie.
        changed_names: names the attributes in which two documents differ, for change rows.
        custom: the custom resource types.
        reject_unknown_members: refuse a request that names a member who is no user, unless the
            settings of the tenant say otherwise.
        member_writes_per_second: entities that large changes of a tenant, the sweeps of large
            deletions and the expiry of its history write a second.
        clock: by which the lease on the deletions row runs, what is remembered grows old, and setup
            links and used assertions expire; that of the machine by default.
        beside: the table once more, for what is written when a request is answered and must not
            be in the way of another; by default `table` itself.
    """
    clock = clock or Clock()
    hidden = HiddenResources(table, clock)
    settings = TenantSettingsStore(table, clock)
    memberships = Memberships(
        table,
        hidden,
        settings,
        reject_unknown=reject_unknown_members,
        writes_per_second=member_writes_per_second,
    )
    sweeper = Sweeper(table, memberships)
    rate_limiter = memberships.rate_limiter
    groups = Groups(table, sweeper, hidden, settings, changed_names)
    roles = UserRoles(groups, hidden, settings, clock)
    users = Users(table, sweeper, hidden, changed_names)
    history = History(table, rate_limiter)
    return Store(
        users=users,
        groups=groups,
        custom={each.name: CustomResources(table, each, changed_names) for each in custom},
        hidden=hidden,
        sweeper=sweeper,
        history=history,
        settings=settings,
        roles=roles,
        role_changes=RoleChanges(table, settings, roles, rate_limiter, clock),
        log=ProvisioningLog(table, beside or table),
        setup_links=SetupLinks(table, clock),
        assertions=UsedAssertions(table, clock),
        webhook_endpoints=WebhookEndpoints(table, clock),
        webhook_deliveries=WebhookDeliveries(table, clock),
        webhook_checkpoints=WebhookCheckpoints(table),
        guard=Guard(table, settings, users, clock),
        active_users=ActiveUsers(table, rate_limiter),
        group_history=GroupHistory(table, hidden),
        traces=Traces(table, beside or table, settings, history, clock),
        table=table,
    )
