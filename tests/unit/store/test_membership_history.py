"""Groups as they were, computed backwards, against a model that replays the history forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.store.changes import Change, RecordedChange
from shared.store.membership_history import (
    Unswept,
    existed_at,
    membership_events,
    memberships_at,
    memberships_between,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUPS, USERS = ("g0", "g1"), ("u0", "u1", "u2", "u3")


class Model:
    """A tenant that is replayed forward: its change rows, and who was visible where after each."""

    def __init__(self) -> None:
        self.changes: list[RecordedChange] = []
        self.groups: set[str] = set()
        self.users = dict.fromkeys(USERS, 1)
        self.members: set[tuple[str, str]] = set()
        self.unswept: set[tuple[str, str]] = set()
        self.history: list[tuple[int, frozenset[str], frozenset[tuple[str, str]]]] = []
        self.note(0)

    @property
    def now(self) -> int:
        return 10 * len(self.history)

    def note(self, time: int) -> None:
        self.history.append((time, frozenset(self.groups), frozenset(self.members)))

    def record(self, change: Change) -> None:
        time = self.now
        self.changes.append(RecordedChange(f"l-{time:012x}", time, "t", "r", change))
        self.note(time)

    def step(self, kind: str, group: str, users: Iterable[str]) -> None:
        getattr(self, kind)(group, [each for each in users if each in self.users])

    def create(self, group: str, users: list[str]) -> None:
        if not any(change.change.id == group for change in self.changes):
            self.groups.add(group)
            self._edit("create", group, users, [])

    def add(self, group: str, users: list[str]) -> None:
        self._edit("members", group, users, [])

    def remove(self, group: str, users: list[str]) -> None:
        self._edit("members", group, [], users)

    def replace(self, group: str, users: list[str]) -> None:
        gone = [user for each, user in self.members if each == group and user not in users]
        self._edit("update", group, users, gone)

    def delete_group(self, group: str, _: list[str]) -> None:
        if group in self.groups:
            self.groups.discard(group)
            self._hide(lambda pair: pair[0] == group)
            self.record(Change("Group", group, "delete"))

    def delete_user(self, _: str, users: list[str]) -> None:
        """A user in few groups leaves them in the row of its deletion."""
        for user in users[:1]:
            left = tuple(group for group, each in self.members | self.unswept if each == user)
            self.members = {pair for pair in self.members if pair[1] != user}
            self.unswept = {pair for pair in self.unswept if pair[1] != user}
            self.record(Change("User", user, "delete", version=self.users.pop(user) + 1, left=left))

    def hide_user(self, _: str, users: list[str]) -> None:
        """A user in many groups leaves them in rows that come later."""
        if users:
            user = users[0]
            self._hide(lambda pair: pair[1] == user)
            self.record(Change("User", user, "delete", version=self.users.pop(user) + 1))

    def sweep_user(self, group: str, _: list[str]) -> None:
        for pair in sorted(self.unswept):
            if pair[0] == group and pair[1] not in self.users:
                self.unswept.discard(pair)
                self.record(Change("User", pair[1], "sweep", left=(group,)))

    def sweep_group(self, group: str, users: list[str]) -> None:
        for user in users:
            if (group, user) in self.unswept and group not in self.groups:
                self.unswept.discard((group, user))
                self.users[user] += 1
                removed = ((user, self.users[user]),)
                self.record(Change("Group", group, "sweep", removed=removed))

    def void(self, group: str, users: list[str]) -> None:
        versions = tuple((user, 99) for user in users)
        self.record(Change("Group", group, "void", added=versions, removed=versions))

    def double(self, _: str, __: list[str]) -> None:
        if self.changes:
            self.changes.append(self.changes[-1])

    def _hide(self, is_hidden: object) -> None:
        assert callable(is_hidden)
        hidden = {pair for pair in self.members if is_hidden(pair)}
        self.members -= hidden
        self.unswept |= hidden

    def _edit(self, verb: str, group: str, joining: list[str], leaving: list[str]) -> None:
        if group not in self.groups:
            return
        added = [user for user in joining if (group, user) not in self.members]
        removed = [user for user in leaving if (group, user) in self.members]
        for user in (*added, *removed):
            self.users[user] += 1
        self.members |= {(group, user) for user in added}
        self.members -= {(group, user) for user in removed}
        changed = [tuple((each, self.users[each]) for each in some) for some in (added, removed)]
        self.record(Change("Group", group, verb, added=changed[0], removed=changed[1]))  # type: ignore[arg-type] # a verb

    def unswept_of(self, group: str) -> list[Unswept]:
        deleted = frozenset({*GROUPS, *USERS} - self.groups - self.users.keys())
        members = (user for each, user in sorted(self.unswept) if each == group)
        return [Unswept(user, False, deleted & {group, user}) for user in members]

    def at(self, time: int) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        return next(known[1:] for known in reversed(self.history) if known[0] <= time)


KINDS = [
    "create", "create", "add", "add", "add", "remove", "replace", "delete_group", "delete_user",
    "hide_user", "sweep_user", "sweep_group", "void", "double",
]  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.sampled_from(GROUPS), st.permutations(USERS).map(lambda p: p[:2])
    ),
    max_size=25,
)


def replayed(steps: list[tuple[str, str, list[str]]]) -> Model:
    model = Model()
    for step in steps:
        model.step(*step)
    return model


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_every_group_is_at_every_time_as_it_was(steps: list[tuple[str, str, list[str]]]) -> None:
    model = replayed(steps)
    for at in range(-5, model.now + 5, 5):
        changes = [each for each in model.changes if each.time > at]
        groups, members = model.at(max(at, 0))
        for group in GROUPS:
            existed = existed_at(changes, group, at, exists_now=group in model.groups)
            assert existed == (group in groups)
            events = membership_events(group, changes, model.unswept_of(group))
            first = memberships_at(events, at)
            present = {user for each, user in model.members if each == group}
            found = {user for user in present if user not in first}
            found |= {user for user, event in first.items() if not event.joins}
            assert not existed or found == {user for each, user in members if each == group}


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(0, 250), st.integers(0, 250))
def test_what_changed_between_two_times_is_the_difference(
    steps: list[tuple[str, str, list[str]]], one: int, other: int
) -> None:
    model, (since, until) = replayed(steps), sorted((one, other))
    changes = [each for each in model.changes if each.time > since]
    for group in GROUPS:
        before, after = (
            {user for each, user in model.at(time)[1] if each == group} for time in (since, until)
        )
        events = membership_events(group, changes, model.unswept_of(group))
        changed = memberships_between(events, since, until)
        assert {user for user, event in changed.items() if event.joins} == after - before
        assert {user for user, event in changed.items() if not event.joins} == before - after


def test_versions_decide_where_the_clocks_of_two_instances_differ() -> None:
    joined = Change("Group", "g", "members", added=(("u", 2),))
    left = Change("Group", "g", "members", removed=(("u", 3),))
    changes = [
        RecordedChange("l-1", 10, "t", "r", left),
        RecordedChange("l-2", 11, "t", "r", joined),
    ]
    assert memberships_at(membership_events("g", changes), 5)["u"].joins
