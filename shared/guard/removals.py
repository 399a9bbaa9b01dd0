"""Removals: users who are disabled, deleted or taken out of a group; and when these are too many.

A removal has a subject: all who may not come in any more are one, and each group that users are
taken out of is one of its own. The thresholds are held against each subject by itself.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LEAVERS = ""
"""The subject of those who are disabled or deleted; that of a group is its id."""

WINDOW_MS = 3_600_000
"""The time in which removals are counted together: an hour, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Users whom one transaction has removed.

    Attributes:
        number: the end of the key of its change row.
        time: when, in POSIX milliseconds.
        subject: `LEAVERS`, or the id of the group.
        users: who.
        is_deletion: whether they are there no more.
    """

    number: str
    time: int
    subject: str
    users: tuple[str, ...]
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """More than these within an hour is a mass removal; both have to be passed.

    Attributes:
        users: a number of users.
        percent: of the active users.
    """

    users: int
    percent: int

    def are_passed(self, removed: int, active: int) -> bool:
        """Tell whether so many are too many of so many active users."""
        return removed > self.users and removed * 100 > self.percent * active


@dataclass(frozen=True, slots=True)
class MassRemoval:
    """Removals that have passed the thresholds.

    Attributes:
        numbers: of their change rows.
        removed: the most users within an hour, by the subject that they are removed from.
    """

    numbers: frozenset[str] = frozenset()
    removed: dict[str, int] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """The number of users of the largest of them; 0 where there is no mass removal."""
        return max(self.removed.values(), default=0)


def find_mass(removals: Iterable[Removal], thresholds: Thresholds, active: int) -> MassRemoval:
    """Find the removals that lie within an hour in which the thresholds are passed.

    A user who is removed twice within the hour counts once.

    Args:
        removals: in any order.
        thresholds: what is too many.
        active: how many users were active before.
    """
    of_subjects: dict[str, list[Removal]] = defaultdict(list)
    for each in removals:
        of_subjects[each.subject].append(each)
    numbers: set[str] = set()
    removed: dict[str, int] = {}
    for subject, those in of_subjects.items():
        found, most = _find_of_subject(sorted(those, key=_number), thresholds, active)
        if found:
            numbers |= found
            removed[subject] = most
    return MassRemoval(frozenset(numbers), removed)


def most_within_an_hour(removals: Iterable[Removal]) -> int:
    """Count the users of the subject from which the most were removed, all within an hour."""
    found = find_mass(removals, Thresholds(users=0, percent=0), active=0)
    return found.most


def _find_of_subject(
    removals: Sequence[Removal], thresholds: Thresholds, active: int
) -> tuple[set[str], int]:
    window: deque[Removal] = deque()
    times: Counter[str] = Counter()
    found: set[str] = set()
    most = 0
    for each in removals:
        window.append(each)
        times.update(each.users)
        while window[0].time < each.time - WINDOW_MS:
            times.subtract(window.popleft().users)
            times = +times
        if not thresholds.are_passed(len(times), active):
            continue
        most = max(most, len(times))
        # What an earlier step has found needs no second look.
        for one in reversed(window):
            if one.number in found:
                break
            found.add(one.number)
    return found, most


def _number(removal: Removal) -> str:
    return removal.number
