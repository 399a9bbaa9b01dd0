"""What an identity provider asks of a tenant: at first, in an idle month, and in a busy one."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.cost.assumptions import Assumptions
from benchmarks.cost.measured import Measured
from benchmarks.cost.requests import COSTS, Request

ROWS_OF_A_USER = ("u", "un", "ux", "ue")
ROWS_OF_A_GROUP = ("g", "gn", "gx")
GB = 1_000_000_000


class Period(StrEnum):
    """What is looked at."""

    INITIAL = "initial cycle"
    IDLE = "idle month"
    BUSY = "busy month"


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of a period.

    Attributes:
        requests: how many of each kind.
    """

    requests: Counter[Request]

    @property
    def total(self) -> int:
        """All requests."""
        return self.requests.total()

    @property
    def calls(self) -> int:
        """Storage calls, which are transactions when a transaction is billed as one."""
        return sum(COSTS[kind].calls * number for kind, number in self.requests.items())

    @property
    def per_entity(self) -> int:
        """Transactions when each entity of a transaction is billed."""
        return sum(COSTS[kind].per_entity * number for kind, number in self.requests.items())

    @property
    def entities(self) -> int:
        """Entities written."""
        return sum(COSTS[kind].entities * number for kind, number in self.requests.items())

    @property
    def changes(self) -> int:
        """Requests that write, each of which leaves a change row."""
        return sum(number for kind, number in self.requests.items() if COSTS[kind].entities)

    def cpu_seconds(self, measured: Measured) -> float:
        """CPU of all requests."""
        cpu = measured.cpu_microseconds
        return sum(cpu[kind] * number for kind, number in self.requests.items()) / 1e6


def workload(period: Period, users: int, assumed: Assumptions) -> Workload:
    """List the requests of a period of a tenant."""
    match period:
        case Period.INITIAL:
            return Workload(_initial(users, assumed))
        case Period.IDLE:
            return Workload(_probes(assumed.cycles_in_month))
        case Period.BUSY:
            return Workload(_probes(assumed.cycles_in_month) + _changes(users, assumed))


def stored_gb(users: int, changes: int, measured: Measured, assumed: Assumptions) -> float:
    """Size a tenant: its users, groups and memberships, and the change rows of so many changes."""
    size = measured.row_bytes
    groups = users // assumed.directory.users_of_a_group
    memberships = users * assumed.directory.groups_of_a_user
    return (
        users * sum(size[kind] for kind in ROWS_OF_A_USER)
        + groups * sum(size[kind] for kind in ROWS_OF_A_GROUP)
        + memberships * size["m"]
        + changes * size["l"]
    ) / GB


def _probes(cycles: int) -> Counter[Request]:
    return Counter({Request.PROBE_USER: cycles, Request.PROBE_GROUP: cycles})


def _initial(users: int, assumed: Assumptions) -> Counter[Request]:
    groups = users // assumed.directory.users_of_a_group
    memberships = users * assumed.directory.groups_of_a_user
    return _probes(1) + Counter(
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
    busy = assumed.busy

    def part(fraction: float) -> int:
        return round(users * fraction)

    joined, managed = part(busy.joined), part(busy.managed)
    updated = part(busy.changed) + part(busy.disabled) + managed
    members = part(busy.members_added) + part(busy.members_removed)
    return Counter(
        {
            Request.MATCH_USER: joined,
            Request.CREATE_USER: joined,
            Request.CHECK_MANAGER: managed,
            Request.FIND_USER: updated,
            Request.UPDATE_USER: updated,
            Request.FIND_GROUP: members,
            Request.CHECK_MEMBER: members,
            Request.ADD_MEMBER: part(busy.members_added),
            Request.REMOVE_MEMBER: part(busy.members_removed),
            Request.DELETE_USER: part(busy.deleted),
        }
    )
