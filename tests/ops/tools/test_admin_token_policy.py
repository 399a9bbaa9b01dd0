"""Whatever the versions of a secret are, no step of `tools.admin.tokens` opens what was closed."""
# ruff: noqa: ARG002 - the parameters are those of the vault

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.admin import tokens
from tools.admin.errors import NotDoneError
from tools.admin.holders import Holder
from tools.admin.tokens import Term
from tools.admin.versions import State, Version, having, standings

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_000_000.0
DAY = 86_400.0
TENANT = Holder.tenant("acme")

times = st.sampled_from([None, NOW - DAY, NOW + DAY, NOW + 9 * DAY])
tried = settings(deadline=None, derandomize=True)
histories = st.lists(st.tuples(st.booleans(), times, times), min_size=1, max_size=7)


@dataclass
class Secret:
    """A secret in memory; a new version is newer than all others."""

    held: list[Version]
    allowed: frozenset[str] = frozenset()

    async def versions(self, holder: Holder) -> list[Version]:
        return list(self.held)

    async def add(self, holder: Holder, value: str, term: Term, tags: Mapping[str, str]) -> Version:
        self.held.append(version(len(self.held), True, term.not_before, term.expires))
        return self.held[-1]

    async def disable(self, holder: Holder, disabled: Version) -> None:
        at = next(n for n, each in enumerate(self.held) if each.id == disabled.id)
        self.held[at] = replace(self.held[at], enabled=False)
        # Between two steps nothing is open that was not before.
        assert self.valid() <= self.allowed
        self.allowed = self.valid()

    def valid(self, now: float = NOW) -> frozenset[str]:
        return frozenset(each.id for each in having(State.VALID, standings(self.held, now)))

    def pending(self) -> frozenset[str]:
        return frozenset(each.id for each in having(State.NOT_YET, standings(self.held, NOW)))


def version(number: int, enabled: bool, not_before: float | None, expires: float | None) -> Version:
    return Version(f"{number:032x}", enabled, NOW - DAY + number, not_before, expires)


def secret_of(history: list[tuple[bool, float | None, float | None]]) -> Secret:
    secret = Secret([version(n, *each) for n, each in enumerate(history)])
    secret.allowed = secret.valid()
    return secret


@tried
@given(histories, st.data())
async def test_a_revocation_closes_what_it_names_and_opens_nothing_ever(
    history: list[tuple[bool, float | None, float | None]], data: st.DataObject
) -> None:
    secret = secret_of(history)
    before, pending = secret.valid(), secret.pending()
    was_open = secret.held[-1].enabled
    named = data.draw(st.sampled_from(secret.held))
    try:
        await tokens.revoke(secret, TENANT, named.id, NOW)
    except NotDoneError:
        assert named.id == secret.held[-1].id or not named.enabled
        assert secret.valid() == before
        return
    assert secret.valid() == before - {named.id}
    assert secret.held[-1].enabled is was_open
    for later in (NOW + 2 * DAY, NOW + 10 * DAY):
        assert secret.valid(later) <= (before | pending) - {named.id}


@tried
@given(histories, st.sampled_from([None, NOW + DAY / 2]))
async def test_a_rotation_opens_the_tenant_to_the_new_token_alone(
    history: list[tuple[bool, float | None, float | None]], begins: float | None
) -> None:
    secret = secret_of(history)
    before, pending = secret.valid(), secret.pending()
    was_open = secret.held[-1].enabled
    newest_valid = max(before, default=None)

    issued = await tokens.rotate(secret, TENANT, Term(begins, NOW + 99 * DAY), NOW)
    secret.allowed = secret.valid()
    await tokens.retire(secret, TENANT, NOW, keep=issued.version.id)

    new = issued.version.id
    expected = before if begins is not None else {new, newest_valid} - {None}
    assert secret.valid() == expected
    for later in (NOW + 2 * DAY, NOW + 10 * DAY):
        came_back = secret.valid(later) - before - {new}
        assert came_back <= (pending if was_open else frozenset())
        assert new in secret.valid(later)


@tried
@given(histories)
async def test_a_closed_tenant_stays_closed(
    history: list[tuple[bool, float | None, float | None]],
) -> None:
    secret = secret_of(history)
    await tokens.close(secret, TENANT, NOW)
    for later in (NOW, NOW + 2 * DAY, NOW + 10 * DAY):
        assert secret.valid(later) == frozenset()


@pytest.mark.parametrize("act", [tokens.close, tokens.retire])
async def test_without_a_secret_there_is_nothing_to_do(act: object) -> None:
    secret = Secret([])
    if act is tokens.close:
        with pytest.raises(NotDoneError):
            await tokens.close(secret, TENANT, NOW)
    else:
        assert await tokens.retire(secret, TENANT, NOW) == []
