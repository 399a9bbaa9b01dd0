"""Who is signed in, and what the sign-in opens: found out by the cheapest read of each place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared import tenants
from shared.store import layout
from tools.admin.errors import NoAccessError, NotThereError
from tools.admin.existence import require_table
from tools.admin.sign_in import Identity, SignIn
from tools.admin.storage import open_storage
from tools.admin.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tools.admin.places import Place

_ARM_SCOPE = "https://management.azure.com/.default"


class Answer(StrEnum):
    """What came of a read."""

    OPEN = "yes"
    REFUSED = "no"
    NOT_NAMED = "not named"


@dataclass(frozen=True, slots=True)
class Access:
    """A place and whether it can be read.

    Attributes:
        what: `vault` or `storage`.
        where: its address; None when none is named.
        answer: whether a read of it was answered.
        note: what is wrong and what to do, or what was not tried.
    """

    what: str
    where: str | None
    answer: Answer
    note: str


async def who(place: Place) -> Identity:
    """Find out who is signed in.

    Raises:
        NoAccessError: nobody is.
    """
    async with SignIn(place.settings) as sign_in:
        await sign_in.get_token(_ARM_SCOPE)
        return sign_in.identity


async def to_vault(place: Place) -> Access:
    """Try to list the secrets. One call, and one for each 25 of them."""
    if place.settings.key_vault_url is None:
        note = (
            f"tokens are in local.settings.json: of {', '.join(place.local_tenants) or 'nobody'}"
            if place.is_local
            else "give --vault https://<vault>.vault.azure.net"
        )
        return Access("vault", None, Answer.NOT_NAMED, note)

    async def read() -> str:
        async with open_vault(place) as vault:
            found = await vault.tenants()
        return (
            f"tenants: {len(found)}; to write (token new, rotate, revoke) was not tried, it needs"
            " the role Key Vault Secrets Officer"
        )

    return await _tried("vault", place.settings.key_vault_url, read())


async def to_storage(place: Place) -> Access:
    """Try to read one row. 2 calls."""
    if place.storage_name is None:
        note = "give --storage https://<account>.table.core.windows.net"
        return Access("storage", None, Answer.NOT_NAMED, note)

    async def read() -> str:
        async with open_storage(place) as storage:
            await storage.table.get(storage.context(tenants.DEFAULT), layout.DELETIONS_KEY)
            await require_table(place, storage)
        return f"table {place.settings.table_name}"

    return await _tried("storage", place.storage_name, read())


async def _tried(what: str, where: str, reading: Awaitable[str]) -> Access:
    try:
        return Access(what, where, Answer.OPEN, await reading)
    except (NoAccessError, NotThereError) as error:
        return Access(what, where, Answer.REFUSED, str(error))


def is_enough(accesses: list[Access]) -> bool:
    """Tell whether nothing that is named was refused, and anything is named at all."""
    answers = {access.answer for access in accesses}
    return Answer.REFUSED not in answers and Answer.OPEN in answers
