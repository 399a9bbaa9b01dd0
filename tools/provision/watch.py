"""Work on many objects at once, under the eyes of someone who waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tools.provision.results import ServiceError

_Item = TypeVar("_Item")


class Watch(Protocol):
    """Sees the progress of a run."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Callable[[], None]]:
        """Begin a stage of so many objects (None: unknown); call what it returns after each."""
        ...

    def say(self, line: str) -> None:
        """Say why there is no progress."""
        ...


@dataclass(frozen=True, slots=True)
class Prefixed:
    """Hands stages on to another watch under a longer name."""

    watch: Watch
    prefix: str

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Callable[[], None]]:
        """Begin a stage."""
        return self.watch.stage(self.prefix + name, total)

    def say(self, line: str) -> None:
        """Say why there is no progress."""
        self.watch.say(line)


async def for_each(
    items: Sequence[_Item],
    work: Callable[[_Item], Awaitable[None]],
    refused: Callable[[_Item, ServiceError], None],
    advance: Callable[[], None],
    concurrency: int,
) -> None:
    """Work through items with at most so many tasks; one that is refused stops no other."""
    pending = iter(items)

    async def worker() -> None:
        for item in pending:
            try:
                await work(item)
            except ServiceError as error:
                refused(item, error)
            advance()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(concurrency, len(items))):
            tasks.create_task(worker())
