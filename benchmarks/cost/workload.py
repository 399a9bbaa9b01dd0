"""What an identity provider asks of a tenant: at first, in an idle month, and in a busy one."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.cost.operations import Cost
from benchmarks.cost.parameters import Assumptions, Measured
from benchmarks.cost.requests import Request

GB = 1_000_000_000


class Period(StrEnum):
    """What is looked at."""

    INITIAL = "initial cycle"
    IDLE = "idle month"
    BUSY = "busy month"


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of a period, by kind."""

    requests: Counter[Request]

    @property
    def total(self) -> int:
        """All requests."""
        return self.requests.total()

    @property
    def calls(self) -> int:
        """Storage calls, which are transactions when a transaction is billed as one."""
        return self._sum(lambda cost: cost.calls)

    @property
    def per_entity(self) -> int:
        """Transactions when each entity of a transaction is billed."""
        return self._sum(lambda cost: cost.per_entity)

    @property
    def entities(self) -> int:
        """Entities written."""
        return self._sum(lambda cost: cost.entities)

    @property
    def reads(self) -> int:
        """Storage calls that only read. A request that writes does so by one transaction."""
        return self.calls - self.changes

    @property
    def changes(self) -> int:
        """Requests that write, each of which leaves a change row."""
        return self._sum(lambda cost: min(cost.entities, 1))

    def cpu_seconds(self, measured: Measured) -> float:
        """CPU of all requests."""
        cpu = measured.cpu_microseconds
        return sum(cpu[kind] * number for kind, number in self.requests.items()) / 1e6

    def _sum(self, of: Callable[[Cost], int]) -> int:
        return sum(of(kind.cost) * number for kind, number in self.requests.items())


def workload(period: Period, users: int, assumed: Assumptions) -> Workload:
    """List the requests of a period of a tenant."""
    cycles = 1 if period is Period.INITIAL else assumed.cycles_in_month
    requests = Counter({Request.PROBE_USER: cycles, Request.PROBE_GROUP: cycles})
    if period is Period.INITIAL:
        requests += _initial(users, assumed)
    elif period is Period.BUSY:
        requests += _changes(users, assumed)
    return Workload(requests)


def stored_gb(users: int, changes: int, measured: Measured, assumed: Assumptions) -> float:
    """Size a tenant: its users, groups and memberships, and the change rows of so many changes."""
    size = measured.row_bytes
    user = (
        sum(size[kind] for kind in ("u", "un", "ux", "ue")) + size["m"] * assumed.groups_of_a_user
    )
    group = sum(size[kind] for kind in ("g", "gn", "gx"))
    return (users * user + users // assumed.users_of_a_group * group + changes * size["l"]) / GB


def _initial(users: int, assumed: Assumptions) -> Counter[Request]:
    groups, memberships = users // assumed.users_of_a_group, users * assumed.groups_of_a_user
    return Counter(
        {
            Request.MATCH_USER: users,
            Request.CREATE_USER: users,
            Request.CHECK_MANAGER: users,
            Request.SET_MANAGER: users,
            Request.MATCH_GROUP: groups,
            Request.CREATE_GROUP: groups,
            Request.CHECK_MEMBER: memberships,
            Request.ADD_MEMBER: memberships,
        }
    )


def _changes(users: int, assumed: Assumptions) -> Counter[Request]:
    def part(fraction: float) -> int:
        return round(users * fraction)

    joined, managed = part(assumed.joined), part(assumed.managed)
    updated = part(assumed.changed) + part(assumed.disabled) + managed
    added, removed = part(assumed.members_added), part(assumed.members_removed)
    return Counter(
        {
            Request.MATCH_USER: joined,
            Request.CREATE_USER: joined,
            Request.CHECK_MANAGER: managed,
            Request.FIND_USER: updated,
            Request.UPDATE_USER: updated,
            Request.FIND_GROUP: added + removed,
            Request.CHECK_MEMBER: added + removed,
            Request.ADD_MEMBER: added,
            Request.REMOVE_MEMBER: removed,
            Request.DELETE_USER: part(assumed.deleted),
        }
    )
