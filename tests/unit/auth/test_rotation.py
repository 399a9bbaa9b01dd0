"""Whatever the versions of a secret are, no step of a rotation opens what was closed."""
# ruff: noqa: ARG002 - the parameters are those of the vault

from __future__ import annotations

import asyncio
import types
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.auth import rotation
from shared.auth.development_vault import DevelopmentVault
from shared.auth.rotation import (
    AlreadyDisabledError,
    Lifetime,
    ManagedSecret,
    NewestVersionError,
    NoSecretError,
    OvertakenError,
    SecretExistsError,
    UnknownOutcomeError,
)
from shared.auth.versions import SecretVersion, VersionState, having, standings
from shared.clients import CredentialKind
from shared.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Mapping

NOW = 1_000_000.0
DAY = 86_400.0
YEAR = Lifetime(None, NOW + 365 * DAY)
TENANT = ManagedSecret.of_tenant("acme")

times = st.sampled_from([None, NOW - DAY, NOW + DAY, NOW + 9 * DAY])
tried = settings(deadline=None, derandomize=True)
histories = st.lists(st.tuples(st.booleans(), times, times), min_size=1, max_size=7)


@dataclass
class Secret:
    """A secret in memory; a new version is newer than all others."""

    held: list[SecretVersion]
    allowed: frozenset[str] = frozenset()

    async def open_names(self) -> list[str]:
        return []

    async def versions(self, name: str) -> list[SecretVersion]:
        return list(self.held)

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        added = version(len(self.held), True, lifetime.not_before, lifetime.expires)
        self.held.append(replace(added, tags=tags))
        return self.held[-1]

    async def disable(self, name: str, disabled: str) -> None:
        self._replace(disabled, enabled=False)

    async def expire(self, name: str, expired: str, at: float) -> None:
        self._replace(expired, expires=at)

    async def tag(self, name: str, tagged: str, tags: Mapping[str, str]) -> None:
        self._replace(tagged, tags=tags)

    def _replace(self, named: str, **attributes: Any) -> None:
        at = next(n for n, each in enumerate(self.held) if each.id == named)
        self.held[at] = replace(self.held[at], **attributes)
        # Between two steps nothing is open that was not before.
        assert self.valid() <= self.allowed
        self.allowed = self.valid()

    def valid(self, now: float = NOW) -> frozenset[str]:
        return frozenset(each.id for each in having(VersionState.VALID, standings(self.held, now)))

    def pending(self) -> frozenset[str]:
        return frozenset(
            each.id for each in having(VersionState.NOT_YET, standings(self.held, NOW))
        )


class Stepwise(Secret):
    """A secret that is asked by several, whose steps come in an order that a test chooses."""

    async def versions(self, name: str) -> list[SecretVersion]:
        await step()
        return await super().versions(name)

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        await step()
        return await super().add(secret, value, lifetime, tags)

    async def disable(self, name: str, disabled: str) -> None:
        await step()
        self.allowed = frozenset(each.id for each in self.held)
        await super().disable(name, disabled)

    async def expire(self, name: str, expired: str, at: float) -> None:
        await step()
        self.allowed = frozenset(each.id for each in self.held)
        await super().expire(name, expired, at)

    async def tag(self, name: str, tagged: str, tags: Mapping[str, str]) -> None:
        await step()
        self.allowed = frozenset(each.id for each in self.held)
        await super().tag(name, tagged, tags)


@types.coroutine
def step() -> Generator[None]:
    yield


def in_turns(
    first: Coroutine[Any, Any, Any], second: Coroutine[Any, Any, Any], turns: list[bool]
) -> list[Any]:
    """Do the steps of both, the second one's where a turn says so; return what came of each."""
    outcomes: dict[int, Any] = {}
    both, order = (first, second), iter(turns)
    while len(outcomes) < len(both):
        number = int(next(order, False))
        number = number if number not in outcomes else 1 - number
        try:
            both[number].send(None)
        except StopIteration as done:
            outcomes[number] = done.value
        except rotation.RotationError as refused:
            outcomes[number] = refused
    return [outcomes[0], outcomes[1]]


def version(
    number: int, enabled: bool, not_before: float | None, expires: float | None
) -> SecretVersion:
    return SecretVersion(f"{number:032x}", enabled, NOW - DAY + number, not_before, expires)


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
        await rotation.revoke(secret, TENANT, named.id, NOW)
    except (AlreadyDisabledError, NewestVersionError):
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

    drawn = await rotation.rotate(secret, TENANT, Lifetime(begins, NOW + 99 * DAY), NOW)
    secret.allowed = secret.valid()
    await rotation.settle(secret, TENANT, drawn, NOW)

    new = drawn.version.id
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
    await rotation.close(secret, TENANT, NOW)
    for later in (NOW, NOW + 2 * DAY, NOW + 10 * DAY):
        assert secret.valid(later) == frozenset()


async def test_without_a_secret_there_is_nothing_to_do() -> None:
    secret = Secret([])
    for acting in (
        rotation.rotate(secret, TENANT, YEAR, NOW),
        rotation.revoke(secret, TENANT, "0" * 32, NOW),
        rotation.close(secret, TENANT, NOW),
    ):
        with pytest.raises(NoSecretError):
            await acting


async def rotated(secret: Secret) -> rotation.Drawn:
    """Rotate as the service and the command line do."""
    drawn = await rotation.rotate(secret, TENANT, YEAR, NOW)
    await rotation.settle(secret, TENANT, drawn, NOW)
    return drawn


@tried
@given(st.integers(1, 4), st.data())
async def test_of_draws_at_once_the_newest_two_stay_and_nothing_else(
    number: int, data: st.DataObject
) -> None:
    """In whatever order their steps are done."""
    secret = secret_of([(True, None, None)] * 3)
    draws = [await rotation.rotate(secret, TENANT, YEAR, NOW) for _ in range(number)]
    newest = [each.id for each in secret.held[-2:]]
    secret.allowed = secret.valid() | {each.version.id for each in draws}
    for drawn in data.draw(st.permutations(draws)):
        try:
            await rotation.settle(secret, TENANT, drawn, NOW)
        except OvertakenError:
            assert drawn.version.id not in newest
    assert secret.valid() == frozenset(newest)
    assert [each.id for each in secret.held if each.enabled and each.expires != NOW] == newest


async def test_of_three_draws_within_a_second_the_third_is_taken_back_and_closes_nothing() -> None:
    """The vault may take any of the three for the newest, so none of them is disabled."""
    secret = secret_of([(True, None, None)])
    draws = [await rotation.rotate(secret, TENANT, YEAR, NOW) for _ in range(3)]
    secret.held[1:] = [replace(each, created=NOW) for each in secret.held[1:]]
    secret.allowed = secret.valid()
    outcomes = await asyncio.gather(
        *(rotation.settle(secret, TENANT, drawn, NOW) for drawn in draws), return_exceptions=True
    )
    overtaken = [isinstance(each, OvertakenError) for each in outcomes]
    assert overtaken.count(True) == 1
    lost = draws[overtaken.index(True)].version.id
    assert all(each.enabled for each in secret.held[1:])
    assert secret.valid() == {each.id for each in secret.held[1:]} - {lost}


@tried
@given(st.lists(st.booleans(), max_size=30))
def test_what_is_closed_while_a_token_is_drawn_stays_closed(turns: list[bool]) -> None:
    """In whatever order their steps come. One that finds it closed opens it to its own alone."""
    secret = Stepwise(secret_of([(True, None, None)] * 3).held)
    drawn, closed = in_turns(rotated(secret), rotation.close(secret, TENANT, NOW), turns)
    assert not isinstance(closed, OvertakenError)
    if isinstance(drawn, OvertakenError) or drawn.was_open:
        assert secret.valid() == frozenset()
    else:
        assert secret.valid() <= {drawn.version.id}


async def test_a_closed_tenant_is_opened_by_draws_at_once_to_the_new_tokens_alone() -> None:
    secret = secret_of([(True, None, None), (False, None, None)])
    draws = [await rotation.rotate(secret, TENANT, YEAR, NOW) for _ in range(2)]
    for drawn in draws:
        await rotation.settle(secret, TENANT, drawn, NOW)
    assert secret.valid() == {drawn.version.id for drawn in draws}


@tried
@given(st.lists(st.booleans(), max_size=12))
def test_of_two_who_draw_a_first_token_at_once_one_succeeds(turns: list[bool]) -> None:
    """And the token of the other one, which nobody has seen, opens nothing."""
    secret = Stepwise([])
    outcomes = in_turns(
        rotation.draw_first(secret, TENANT, YEAR, NOW),
        rotation.draw_first(secret, TENANT, YEAR, NOW),
        turns,
    )
    (won,) = (each for each in outcomes if isinstance(each, rotation.Drawn))
    assert [type(each) for each in outcomes if each is not won] == [SecretExistsError]
    assert secret.valid() == {won.version.id}


@pytest.mark.parametrize("is_added", [True, False])
async def test_a_draw_whose_answer_is_lost_looks_for_its_version(is_added: bool) -> None:
    class Lossy(Secret):
        async def add(
            self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
        ) -> SecretVersion:
            if is_added:
                await Secret.add(self, secret, value, lifetime, tags)
            raise UnknownOutcomeError

    secret = Lossy(secret_of([(True, None, None)]).held)
    if is_added:
        assert (await rotation.rotate(secret, TENANT, YEAR, NOW)).version.id == secret.held[-1].id
    else:
        with pytest.raises(UnknownOutcomeError):
            await rotation.rotate(secret, TENANT, YEAR, NOW)
        assert len(secret.held) == 1


async def test_a_value_that_is_given_is_added_and_there_is_nothing_to_hand_over() -> None:
    """A key, or a trust, which nobody need be told."""
    added = []

    class Told(Secret):
        async def add(
            self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
        ) -> SecretVersion:
            added.append((secret.name, secret.content_type, value))
            return await Secret.add(self, secret, value, lifetime, tags)

    key = ManagedSecret.of_signing_keys("the-private-key")
    trust = ManagedSecret.of_client_with("acme", "entra", CredentialKind.TRUST, "{}")
    held = secret_of([(True, None, None)]).held
    first = await rotation.draw_first(Told([]), key, YEAR, NOW)
    second = await rotation.rotate(Told(held), trust, YEAR, NOW)
    assert (first.token, second.token) == ("", "")
    assert added == [
        ("scim-signing-key", "SCIM signing key", "the-private-key"),
        ("scim-client--acme--entra", "SCIM client trust", "{}"),
    ]
    assert "the-private-key" not in repr(key)


async def test_a_version_that_was_added_twice_is_one() -> None:
    """By an HTTP client that sends a PUT again: the present token stays valid."""

    class Twice(Secret):
        async def add(
            self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
        ) -> SecretVersion:
            await Secret.add(self, secret, value, lifetime, tags)
            return await Secret.add(self, secret, value, lifetime, tags)

    secret = Twice(secret_of([(True, None, None)]).held)
    secret.allowed = frozenset(f"{number:032x}" for number in range(3))
    drawn = await rotated(secret)
    assert secret.valid() == {secret.held[0].id, drawn.version.id}


async def test_the_receipt_of_a_draw_is_its_own_and_other_tags_are_kept() -> None:
    secret = secret_of([(True, None, None)])
    secret.held[0] = replace(secret.held[0], tags={"scopes": "events.read", "draw": "x"})
    secret.allowed = secret.valid() | {f"{number:032x}" for number in range(9)}
    await rotated(secret)
    await rotated(secret)
    tags = [each.tags for each in secret.held[1:]]
    assert [each["scopes"] for each in tags] == ["events.read"] * 2
    assert len({each["draw"] for each in tags} | {"x"}) == 3


@tried
@given(st.lists(st.booleans(), max_size=40), st.booleans(), st.integers(1, 3))
def test_a_tag_that_is_set_while_a_token_is_drawn_is_not_lost(
    turns: list[bool], is_on: bool, number: int
) -> None:
    """In whatever order their steps come: whoever switches tokens off has them off."""
    secret = Stepwise(secret_of([(True, None, None)] * number).held)
    before, wanted = ("off", None) if is_on else (None, "off")
    if before is not None:
        secret.held = [replace(each, tags={"token": before, "x": "y"}) for each in secret.held]
    switching = rotation.set_tag(secret, TENANT, "token", wanted)
    drawn, switched = in_turns(rotated(secret), switching, turns)
    assert not isinstance(drawn, Exception)
    assert switched is None
    newest = secret.held[-1]
    assert newest.id == drawn.version.id
    assert newest.tags.get("token") == wanted
    assert newest.tags["draw"] == drawn.receipt
    assert newest.tags.get("x") == (None if before is None else "y")


@tried
@given(st.lists(st.booleans(), max_size=40))
def test_what_a_rotation_was_told_to_set_is_set_whatever_is_tagged_beside_it(
    turns: list[bool],
) -> None:
    secret = Stepwise(secret_of([(True, None, None)]).held)

    async def rotated_with_scopes() -> rotation.Drawn:
        drawn = await rotation.rotate(secret, TENANT, YEAR, NOW, {"scopes": "events.read"})
        await rotation.settle(secret, TENANT, drawn, NOW)
        return drawn

    in_turns(rotated_with_scopes(), rotation.set_tag(secret, TENANT, "token", "off"), turns)
    assert secret.held[-1].tags["scopes"] == "events.read"
    assert secret.held[-1].tags["token"] == "off"


async def test_a_tag_is_set_on_what_is_there_and_on_nothing_else() -> None:
    secret = secret_of([(False, None, None), (True, None, None), (True, None, None)])
    await rotation.set_tag(secret, TENANT, "token", "off")
    assert [dict(each.tags) for each in secret.held] == [{}, {"token": "off"}, {"token": "off"}]
    await rotation.set_tag(secret, TENANT, "token", None)
    assert [dict(each.tags) for each in secret.held] == [{}] * 3
    with pytest.raises(NoSecretError):
        await rotation.set_tag(Secret([]), TENANT, "token", "off")


def vault_with_clients() -> DevelopmentVault:
    return DevelopmentVault(
        {
            "scim-token--acme": b"",
            "scim-token--other": b"",
            "scim-client--acme--entra": b"",
            "scim-client--acme--okta": b"",
            "scim-client--other--entra": b"",
            "scim-apikey--acme": b"",
        },
        Clock(),
    )


OTHERS = {"scim-token--other", "scim-client--other--entra", "scim-apikey--acme"}


async def test_the_clients_of_a_tenant_are_closed_with_it_and_those_of_no_other() -> None:
    vault = vault_with_clients()
    await rotation.close(vault, TENANT, NOW)
    assert set(await vault.open_names()) == OTHERS


async def test_a_closing_that_was_broken_off_is_finished_by_the_next() -> None:
    vault = vault_with_clients()
    for version in await vault.versions(TENANT.name):
        await vault.disable(TENANT.name, version.id)
    assert await rotation.close(vault, TENANT, NOW) == []
    assert set(await vault.open_names()) == OTHERS


async def test_who_opens_a_closed_tenant_opens_it_to_no_client_of_before() -> None:
    vault = vault_with_clients()
    for version in await vault.versions(TENANT.name):
        await vault.disable(TENANT.name, version.id)
    drawn = await rotation.rotate(vault, TENANT, YEAR, NOW)
    await rotation.settle(vault, TENANT, drawn, NOW)
    assert set(await vault.open_names()) == OTHERS | {TENANT.name}


async def test_a_tenant_that_is_created_again_has_no_client_of_before() -> None:
    """Whose secret was deleted, and those of its clients were not."""
    vault = DevelopmentVault({"scim-client--acme--entra": b"", "scim-apikey--acme": b""}, Clock())
    await rotation.draw_first(vault, TENANT, YEAR, NOW)
    assert set(await vault.open_names()) == {TENANT.name, "scim-apikey--acme"}


async def test_a_rotation_of_an_open_tenant_leaves_its_clients_alone() -> None:
    vault = vault_with_clients()
    drawn = await rotation.rotate(vault, TENANT, YEAR, NOW)
    await rotation.settle(vault, TENANT, drawn, NOW)
    assert set(await vault.open_names()) == set(vault_with_clients().names)
