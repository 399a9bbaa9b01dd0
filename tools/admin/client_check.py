"""Holding the clients of Table Storage to their contract on the account that serves.

What is written lies in a partition that no tenant can have, under keys that begin with the time of
the run, and is removed at its end, however it ends. What a run that was killed has left is removed
by the next one.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import tenants
from shared.tables.client import StorageError
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, Delete, OperationRejected
from shared.tables.rows import Span
from tools.admin.client_contract import RULES, BrokenRuleError, Scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.tables.azure_table import ClientName
    from shared.tables.client import StorageClient
    from tools.admin.client_contract import Rule

PARTITION: Final = tenants.scratch("verify")

RUN_SECONDS: Final = 300
"""How long a run may take. Rows of an older one were left behind."""

_RULE_SECONDS = 30
_REMOVAL_SECONDS = 30
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a client does not keep.

    Attributes:
        rule: what it should do.
        why: what it did instead.
    """

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a client did.

    Attributes:
        client: which one.
        broken: the rules that it does not keep.
    """

    client: ClientName
    broken: tuple[Broken, ...]

    @property
    def passed(self) -> bool:
        """Whether it keeps every rule."""
        return not self.broken


async def check(
    clients: Mapping[ClientName, StorageClient], now: int, rules: Sequence[Rule] = RULES
) -> list[Verdict]:
    """Hold each client to the contract. Some 90 calls a client.

    Args:
        clients: the clients of one table, by name.
        now: POSIX milliseconds.
        rules: the contract.

    Raises:
        StorageError: the storage answers no client, or refuses what only a right gives.
            Also where a run takes longer than `RUN_SECONDS`.
    """
    await _reach(list(clients.values()))
    run = f"{now:012x}{secrets.token_hex(6)}"
    try:
        async with asyncio.timeout(RUN_SECONDS):
            await _remove_by_any(clients, Span("0", f"{now - RUN_SECONDS * 1_000:012x}"))
            return [
                Verdict(name, await _broken_rules(client, f"{run}{number:x}", rules))
                for number, (name, client) in enumerate(clients.items())
            ]
    except TimeoutError as error:
        raise StorageError(None, reason=f"not done in {RUN_SECONDS} s") from error
    finally:
        await _remove_by_any(clients, Span(run, f"{run}g"))


async def _reach(clients: list[StorageClient]) -> None:
    """Refuse a storage that no client can read.

    Raises:
        StorageError: what the first client met.
    """
    errors = [await _error_of_read(client) for client in clients]
    if errors[0] is not None and None not in errors:
        raise errors[0]


async def _error_of_read(client: StorageClient) -> StorageError | None:
    try:
        async with asyncio.timeout(_RULE_SECONDS):
            await client.get(PARTITION, "0")
    except TimeoutError:
        return StorageError(None, reason="no answer in time")
    except StorageError as error:
        return error
    return None


async def _broken_rules(
    client: StorageClient, run: str, rules: Sequence[Rule]
) -> tuple[Broken, ...]:
    """Hold one client to the contract.

    Raises:
        StorageError: the storage refuses it, because a right is missing.
    """
    broken = []
    for number, rule in enumerate(rules):
        scratch = Scratch(client, PARTITION, f"{run}{number:02x}")
        # A client may raise whatever it likes: that is what is looked for.
        (raised,) = await asyncio.gather(_check_in_time(rule, scratch), return_exceptions=True)
        if isinstance(raised, StorageError) and raised.status in _REFUSED:
            raise raised
        if raised is not None:
            broken.append(Broken(rule.name, _why(raised)))
    return tuple(broken)


async def _check_in_time(rule: Rule, scratch: Scratch) -> None:
    async with asyncio.timeout(_RULE_SECONDS):
        await rule.check(scratch)


def _why(raised: BaseException) -> str:
    if isinstance(raised, BrokenRuleError):
        return str(raised)
    return f"raises {type(raised).__name__}: {raised}".removesuffix(": ")


async def _remove_by_any(clients: Mapping[ClientName, StorageClient], span: Span) -> None:
    """Remove the rows of a span, by the first client that is able to.

    Raises:
        StorageError: none is.
    """
    errors: list[Exception] = []
    for client in clients.values():
        try:
            async with asyncio.timeout(_REMOVAL_SECONDS):
                await _remove(client, span)
        except (StorageError, OperationRejected, TimeoutError) as error:
            errors.append(error)
        else:
            return
    raise StorageError(None, reason=f"rows remain in the partition {PARTITION}: {errors[0]}")


async def _remove(client: StorageClient, span: Span) -> None:
    """Remove the rows of a span. 2 calls for each 100, and one to see that none is left."""
    while True:
        page = await client.query(PARTITION, span, MAX_TRANSACTION_OPERATIONS, None)
        if page.rows:
            await client.submit(PARTITION, [Delete(row.key) for row in page.rows])
        elif page.token is None:
            return
