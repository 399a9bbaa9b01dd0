"""The directory of a service while it is measured."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Self

from benchmarks.client import Request
from benchmarks.people import person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

OTHERS = 200
"""Users besides the members of the group, to be added to it and removed."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of the users who are in the group of everyone, by number, and of the group.

    Attributes:
        users: Id of `person(n)` at n.
        group: Id of the group.
    """

    users: tuple[str, ...]
    group: str


@dataclass(slots=True)
class Directory:
    """What a service holds, and what operations have left there.

    Attributes:
        ids: The group and its members.
        fresh: Numbers of people who have not been created yet.
        others: Ids of users who are not in the group.
        added: Those of them that a measurement has added to it.
        chance: Chooses whom an operation is about, in the same way for each service.
    """

    ids: Ids
    fresh: Iterator[int]
    others: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311

    @classmethod
    async def open(
        cls, ids: Ids, create: Callable[[Request], Awaitable[str]], first: int | None = None
    ) -> Self:
        """Begin with the members of a group, and create users who are not in it.

        Args:
            ids: The group and its members.
            create: Sends a creation; returns the id of what was created.
            first: Number of the first person who is not there yet; the next one by default.
        """
        directory = cls(ids, count(len(ids.users) if first is None else first))
        directory.others = [await create(directory.creation()) for _ in range(OTHERS)]
        return directory

    def creation(self) -> Request:
        """Write the request that creates another person."""
        return Request("POST", "/Users", json.dumps(person(next(self.fresh))).encode())

    def number(self) -> int:
        """Return the number of some member."""
        return self.chance.randrange(len(self.ids.users))

    def member(self) -> str:
        """Return the id of some member."""
        return self.ids.users[self.number()]
