"""Secrets that sign webhooks, out of the vault: those that are valid, the newest first."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from shared import signing_secrets
from shared.auth.configured import authenticator, webhook_secrets
from shared.auth.secret_changes import Requester, SecretChanges
from shared.auth.webhook_secrets import VaultWebhookSecrets
from shared.errors import NotServed
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault

ENDPOINT = "0123456789abcdef" * 2
NAME = f"scim-webhook--{ENDPOINT}"


def secret(letter: str, length: int = 32) -> str:
    return f"whsec_{base64.b64encode(letter.encode() * length).decode()}"


@pytest.fixture
def signing(open_tokens: Callable[..., VaultTokens], clock: Time) -> VaultWebhookSecrets:
    tokens = open_tokens()
    changes = SecretChanges(tokens.vault, tokens.note_change, (), clock.clock())
    return VaultWebhookSecrets(tokens.vault, tokens, changes, clock.clock())


def by() -> Requester:
    return Requester("scim-apikey--crm/1a2b3c4d", "request", time.monotonic() + 60)


async def test_the_newest_two_sign(signing: VaultWebhookSecrets, vault: FakeKeyVault) -> None:
    for letter in "abc":
        vault.put(NAME, secret(letter))
    assert await signing.of(ENDPOINT) == (secret("c"), secret("b"))


async def test_one_that_has_expired_or_was_disabled_does_not(
    signing: VaultWebhookSecrets, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put(NAME, secret("a"), enabled=False)
    vault.put(NAME, secret("b"), expires=clock.wall + 30)
    vault.put(NAME, secret("c"))
    assert await signing.of(ENDPOINT) == (secret("c"), secret("b"))
    clock.advance(31)
    assert await signing.of(ENDPOINT) == (secret("c"),)


async def test_an_endpoint_whose_secret_is_closed_or_missing_has_none(
    signing: VaultWebhookSecrets, vault: FakeKeyVault
) -> None:
    vault.put(NAME, secret("a"))
    vault.put(NAME, secret("b"), enabled=False)
    assert await signing.of(ENDPOINT) == ()
    assert await signing.of("f" * 32) == ()


async def test_they_are_read_once_a_minute(
    signing: VaultWebhookSecrets, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put(NAME, secret("a"))
    await signing.of(ENDPOINT)
    calls = len(vault.calls)
    for _ in range(10):
        assert await signing.of(ENDPOINT) == (secret("a"),)
    assert len(vault.calls) == calls
    vault.put(NAME, secret("b"))
    clock.advance(61)
    assert await signing.of(ENDPOINT) == (secret("b"), secret("a"))


async def test_what_has_another_form_signs_nothing_and_is_told(
    signing: VaultWebhookSecrets, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    vault.put(NAME, "whsec_short")
    assert await signing.of(ENDPOINT) == ()
    assert "is no signing secret and signs nothing" in auth_log.text
    assert "whsec_short" not in auth_log.text


async def test_what_this_process_draws_and_ends_holds_at_once(
    signing: VaultWebhookSecrets, vault: FakeKeyVault
) -> None:
    first = await signing.create(ENDPOINT, by())
    assert await signing.of(ENDPOINT) == (first.drawn.token,)
    vault.secrets[NAME][0].created -= 60  # the vault counts in seconds
    second = await signing.rotate(ENDPOINT, 3_600, by())
    assert await signing.of(ENDPOINT) == (second.drawn.token, first.drawn.token)
    await signing.close(ENDPOINT, by())
    assert await signing.of(ENDPOINT) == ()
    await signing.close(ENDPOINT, by())
    other = "f" * 32
    drawn = await signing.rotate(other, 3_600, by())
    assert await signing.of(other) == (drawn.drawn.token,), "where none was left it is the first"


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (secret("a", 24), True),
        (secret("a", 64), True),
        (secret("a", 23), False),
        (secret("a", 65), False),
        (secret("a").removeprefix("whsec_"), False),
        (secret("a").rstrip("="), False),
        (f"{secret('a')}\n", False),
        ("whsec_" + "\u00e9" * 40, False),
        ("whsec_" + base64.urlsafe_b64encode(b"\xff" * 33).decode(), False),
    ],
)
def test_a_secret_is_base64_of_24_to_64_bytes(value: str, is_one: bool) -> None:
    assert signing_secrets.is_signing_secret(value) is is_one


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        (NAME, ENDPOINT),
        (NAME.upper(), ENDPOINT),
        (NAME[:-1], None),
        (f"{NAME}0", None),
        ("scim-webhook--x", None),
        ("scim-token--acme", None),
    ],
)
def test_a_name_in_the_vault_is_that_of_an_endpoint(name: str, endpoint: str | None) -> None:
    assert signing_secrets.of_secret(name) == endpoint


async def test_on_a_developers_machine_they_live_as_long_as_the_process() -> None:
    settings = Settings.from_environment(
        {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_SECRET_TOKEN": "a-token-of-16-letters"}
    )
    held = webhook_secrets(settings, authenticator(settings))
    first = await held.create(ENDPOINT, by())
    assert signing_secrets.is_signing_secret(first.drawn.token)
    assert await held.of(ENDPOINT) == (first.drawn.token,)
    second = await held.rotate(ENDPOINT, 0, by())
    assert await held.of(ENDPOINT) == (second.drawn.token,)
    await held.close(ENDPOINT, by())
    assert await held.of(ENDPOINT) == ()


async def test_without_a_vault_there_are_none_and_the_answer_says_what_to_set() -> None:
    settings = Settings.from_environment({"AZURE_FUNCTIONS_ENVIRONMENT": "Development"})
    held = webhook_secrets(settings, authenticator(settings))
    assert await held.of(ENDPOINT) == ()
    with pytest.raises(NotServed, match="KEY_VAULT_URL"):
        await held.create(ENDPOINT, by())
    with pytest.raises(NotServed, match="KEY_VAULT_URL"):
        await held.close(ENDPOINT, by())
