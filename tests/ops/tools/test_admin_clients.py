"""OAuth clients and signing keys from the command line, held against what the service accepts."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.errors import InvalidClient, Unavailable
from shared.identity import open_credential
from shared.oauth.authorization_server import AuthorizationServer
from shared.oauth.credentials import AssertionPresented, SecretPresented
from shared.oauth.trusts import parse_trust
from shared.settings import Settings
from tests.support.oauth import SIGNING_KEY, private_key, public_half, rsa_key, signed

if TYPE_CHECKING:
    from pathlib import Path

    from shared.oauth.credentials import ClientCredential
    from tests.ops.tools.conftest import Admin
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fixtures.key_vault import Certificates

DAY = 86_400
URL = "https://id.example.com/tenants/acme/scim/v2"
SECRET = "scim-client--acme--entra"
ACME = ("--tenant", "acme")


async def first_use(assertion: str, expires: float) -> bool:
    del assertion, expires
    return True


class Service:
    """What a service that has just started would do."""

    def __init__(self, vault: FakeKeyVault, certificates: Certificates) -> None:
        self._vault, self._certificates = vault, certificates

    async def takes(self, presented: ClientCredential) -> bool:
        settings = Settings.from_environment(
            {"KEY_VAULT_URL": self._vault.url, "TABLE_ENDPOINT": "https://a.table.core.windows.net"}
        )
        key_vault = KeyVault(
            self._vault.url,
            partial(open_credential, settings),
            connection_verify=str(self._certificates.authority),
            verify_challenge_resource=False,
        )
        tokens = VaultTokens(key_vault)
        try:
            await AuthorizationServer(tokens, 3_600).issue("acme", URL, presented, first_use)
        except (InvalidClient, Unavailable):
            return False
        finally:
            await tokens.close()
        return True


@pytest.fixture
def service_of(vault: FakeKeyVault, identity: FakeIdentity, certificates: Certificates) -> Service:
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    return Service(vault, certificates)


def by(secret: str) -> SecretPresented:
    return SecretPresented("entra", secret)


async def test_a_client_is_made_with_a_secret_that_is_printed_once(
    admin: Admin, vault: FakeKeyVault, service_of: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    assert (await admin("signing-key", "new")).status == 0
    before = int(time.time())
    ended = await admin("client", "new", "entra", *ACME, "--valid-days", "9")
    assert ended.status == 0, ended.err
    secret = ended.out.removesuffix("\n")
    assert re.fullmatch(r"scimsecret_[A-Za-z0-9_-]{43}", secret)  # 256 bits in base64url
    assert secret not in ended.err
    assert secret not in caplog.text
    assert "client id entra" in ended.err
    assert "https://<host>/tenants/acme/scim/v2/oauth2/token" in " ".join(ended.err.split())
    (version,) = vault.secrets[SECRET]
    assert version.expires is not None
    assert 0 <= version.expires - (before + 9 * DAY) <= 60
    assert version.content_type == "SCIM client secret"
    assert await service_of.takes(by(secret))


async def test_a_rotation_keeps_the_present_secret_and_a_revocation_ends_it(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    await admin("signing-key", "new")
    secrets = [(await admin("client", "new", "entra", *ACME)).out.strip()]
    secrets += [(await admin("client", "rotate", "entra", *ACME)).out.strip() for _ in range(2)]
    assert [await service_of.takes(by(secret)) for secret in secrets] == [False, True, True]
    present = vault.secrets[SECRET][1].id[:8]
    ended = await admin("client", "revoke", "entra", present, *ACME)
    assert ended.status == 0, ended.err
    assert [await service_of.takes(by(secret)) for secret in secrets] == [False, False, True]
    closed = await admin("client", "revoke", "entra", "--all", *ACME, answer="yes\n")
    assert closed.status == 0, closed.err
    assert not await service_of.takes(by(secrets[2]))


async def test_the_hint_of_a_rotation_is_a_command_that_works(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    await admin("client", "new", "entra", *ACME)
    ended = await admin("client", "rotate", "entra", *ACME)
    hint = re.search(r"To end it: (client revoke [^\n]+)", ended.err)
    assert hint is not None
    assert (await admin(*hint[1].split())).status == 0


async def test_a_client_has_a_key_of_its_own(
    admin: Admin, vault: FakeKeyVault, service_of: Service, tmp_path: Path
) -> None:
    await admin("signing-key", "new")
    key, file = private_key(), tmp_path / "key.pem"
    file.write_text(public_half(key))
    ended = await admin("client", "new", "entra", *ACME, "--public-key", str(file))
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert "of the client entra of the tenant acme is valid until" in " ".join(ended.err.split())
    now = int(time.time())
    claims = {"iss": "entra", "sub": "entra", "aud": URL, "exp": now + 60, "jti": "1"}
    assert await service_of.takes(AssertionPresented("entra", signed(claims, key)))
    listed = await admin("client", "list", "--json")
    assert [(row["client"], row["known by"]) for row in listed.json] == [("entra", "public key")]


TRUST = {
    "--issuer": "https://login.microsoftonline.com/4f1e/v2.0",
    "--jwks": "https://login.microsoftonline.com/4f1e/discovery/v2.0/keys",
    "--audience": "api://b5ba",
    "--subject": "d2f8",
}


async def test_a_client_is_known_by_the_tokens_of_another_issuer(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    options = [part for option in TRUST.items() for part in option]
    more = ("--audience", "api://b5ba/id.example.com", "--bearer")
    ended = await admin("client", "new", "entra", *ACME, *options, *more)
    assert (ended.status, ended.out) == (0, ""), ended.err
    trust = parse_trust(vault.secrets[SECRET][0].value)
    assert trust is not None
    assert (trust.issuer, trust.subject, trust.bearer) == (TRUST["--issuer"], "d2f8", True)
    assert trust.audiences == ("api://b5ba", "api://b5ba/id.example.com")
    listed = await admin("client", "list", "--json")
    assert [(row["client"], row["known by"]) for row in listed.json] == [("entra", "trust")]


@pytest.mark.parametrize("left_out", TRUST)
async def test_a_trust_that_the_service_would_not_take_is_refused(
    admin: Admin, vault: FakeKeyVault, service_of: Service, left_out: str
) -> None:
    options = [part for name, text in TRUST.items() if name != left_out for part in (name, text)]
    ended = await admin("client", "new", "entra", *ACME, *options)
    assert (ended.status, vault.written) == (1, [])
    assert "--issuer, --jwks" in " ".join(ended.err.split())


@pytest.mark.parametrize("content", ["", "none", "private", "short"])
async def test_a_file_that_holds_no_usable_key_is_refused(
    admin: Admin, vault: FakeKeyVault, service_of: Service, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "key.pem"
    made = {"private": private_key, "short": lambda: public_half(rsa_key(1_024))}
    if content:
        file.write_text(made[content]() if content in made else content)
    ended = await admin("client", "new", "entra", *ACME, "--public-key", str(file))
    assert (ended.status, vault.written) == (1, [])
    assert str(file) in "".join(ended.err.split())


async def test_a_client_needs_a_tenant_and_a_name_of_its_own(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    ended = await admin("client", "new", "entra", "--tenant", "nobody")
    assert (ended.status, vault.written) == (1, [])
    assert "the tenant nobody has no secret" in ended.err
    assert (await admin("client", "new", "a--b", *ACME)).status == 2
    assert (await admin("client", "new", "entra", *ACME)).status == 0
    again = await admin("client", "new", "entra", *ACME)
    assert again.status == 1
    assert "has a credential already: `client rotate`" in again.err


async def test_clients_are_listed_by_tenant_and_never_their_secrets(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    secret = (await admin("client", "new", "entra", *ACME)).out.strip()
    vault.put("scim-client--beta--okta", "scimsecret_x", enabled=False)
    ended = await admin("client", "list", "--json")
    rows = [(row["tenant"], row["client"], row["open"]) for row in ended.json]
    assert rows == [("acme", "entra", True), ("beta", "okta", False)]
    of_acme = await admin("client", "list", *ACME, "--json")
    assert [row["client"] for row in of_acme.json] == ["entra"]
    versions = await admin("client", "list", "entra", *ACME, "--json")
    assert [row["state"] for row in versions.json] == ["valid"]
    assert secret not in ended.out + of_acme.out + versions.out
    tenants = await admin("tenant", "list", "--json")
    assert [row["tenant"] for row in tenants.json] == ["acme"]


async def test_a_signing_key_is_shown_nowhere_and_its_successor_waits_for_every_instance(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    first = await admin("signing-key", "new")
    second = await admin("signing-key", "rotate")
    kept = [version.value for version in vault.secrets[SIGNING_KEY]]
    assert all(value.startswith("-----BEGIN PRIVATE KEY-----") for value in kept)
    for ended in (first, second):
        assert (ended.status, ended.out) == (0, ""), ended.err
        assert "PRIVATE KEY" not in ended.err
    begins = vault.secrets[SIGNING_KEY][1].not_before
    assert begins is not None
    assert 100 <= begins - time.time() <= 121
    listed = await admin("signing-key", "list", "--json")
    assert [row["state"] for row in listed.json] == ["not yet", "valid"]
    assert (await admin("signing-key", "new")).status == 1


async def test_closing_the_tenant_closes_its_clients_and_no_token_brings_them_back(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    await admin("signing-key", "new")
    secret = (await admin("client", "new", "entra", *ACME)).out.strip()
    assert await service_of.takes(by(secret))
    closed = await admin("token", "revoke", "--all", "--yes", *ACME)
    assert closed.status == 0, closed.err
    assert "its OAuth clients are closed with it" in closed.err
    assert not await service_of.takes(by(secret))
    assert not vault.secrets[SECRET][-1].enabled
    assert (await admin("token", "rotate", *ACME)).status == 0
    assert not await service_of.takes(by(secret))
    again = (await admin("client", "rotate", "entra", *ACME)).out.strip()
    assert await service_of.takes(by(again))


async def test_the_tokens_of_a_tenant_are_switched_off_when_a_client_is_there(
    admin: Admin, vault: FakeKeyVault, service_of: Service
) -> None:
    refused = await admin("token", "off", *ACME)
    assert (refused.status, vault.written) == (1, [])
    assert "has no open client" in refused.err
    await admin("client", "new", "entra", *ACME)
    newest = vault.secrets["scim-token--acme"][-1]
    newest.tags = {"team": "sales"}
    assert (await admin("token", "off", *ACME)).status == 0
    assert newest.tags == {"team": "sales", "token": "off"}
    assert (await admin("token", "rotate", *ACME)).status == 0
    tags = vault.secrets["scim-token--acme"][-1].tags
    assert tags == {"team": "sales", "token": "off", "draw": tags["draw"]}
    assert (await admin("token", "on", *ACME)).status == 0
    assert vault.secrets["scim-token--acme"][-1].tags == {"team": "sales", "draw": tags["draw"]}
