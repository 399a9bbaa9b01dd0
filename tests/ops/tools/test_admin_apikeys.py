"""`tools.admin apikey`: what is drawn, what is written to the vault, what the service allows."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared.api_keys import Grant, Scope
from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.errors import Unauthorized
from shared.identity import open_credential
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.ops.tools.conftest import Admin
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fixtures.key_vault import Certificates

    Granted = Callable[..., Awaitable[Grant | None]]

DAY = 86_400
SECRET = "scim-apikey--crm"
READS = ("--scopes", "identities.read")
KEYS = [f"scimkey_crm_{str(number) * 43}" for number in range(9)]


@pytest.fixture
def granted(vault: FakeKeyVault, identity: FakeIdentity, certificates: Certificates) -> Granted:
    """Tells what a key allows, as a service that has just started sees the vault; None: refused."""
    settings = Settings.from_environment(
        {"KEY_VAULT_URL": vault.url, "TABLE_ENDPOINT": "https://contoso.table.core.windows.net"}
    )

    async def ask(key: str) -> Grant | None:
        key_vault = KeyVault(
            vault.url,
            partial(open_credential, settings),
            connection_verify=str(certificates.authority),
            verify_challenge_resource=False,
        )
        service = VaultTokens(key_vault)
        try:
            return (await service.identify(f"Bearer {key}")).grant
        except Unauthorized:
            return None
        finally:
            await service.close()

    return ask


async def test_a_new_key_is_drawn_printed_once_and_allows_what_it_was_drawn_for(
    admin: Admin, vault: FakeKeyVault, granted: Granted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    before = int(time.time())
    scopes = ("--scopes", "identities.read, events.read")
    ended = await admin("apikey", "new", "crm", *scopes, "--tenants", "acme,Default", "--days", "9")
    assert ended.status == 0, ended.err
    key = ended.out.removesuffix("\n")
    assert re.fullmatch(r"scimkey_crm_[A-Za-z0-9_-]{43}", key)  # 256 bits in base64url
    assert key not in ended.err
    assert key not in caplog.text
    assert "This is the API key crm. It is not shown again." in ended.err
    (version,) = vault.secrets[SECRET]
    tags = {"scopes": "identities.read,events.read", "tenants": "acme,Default"}
    assert version.tags == {**tags, "draw": version.tags["draw"]}
    assert version.expires is not None
    assert 0 <= version.expires - (before + 9 * DAY) <= 60
    assert vault.written[0]["contentType"] == "SCIM API key"
    allowed = frozenset({Scope.IDENTITIES_READ, Scope.EVENTS_READ})
    assert await granted(key) == Grant(allowed, frozenset({"acme", "default"}))


async def test_without_tenants_a_key_opens_all_of_them(admin: Admin, granted: Granted) -> None:
    ended = await admin("apikey", "new", "crm", *READS)
    assert await granted(ended.out.strip()) == Grant(frozenset({Scope.IDENTITIES_READ}), None)


async def test_json_names_the_key_and_its_term(admin: Admin, vault: FakeKeyVault) -> None:
    ended = await admin("apikey", "new", "CRM", *READS, "--json")
    (version,) = vault.secrets[SECRET]
    assert ended.json.keys() == {"apikey", "version", "not_before", "expires", "key"}
    assert (ended.json["apikey"], ended.json["key"]) == ("crm", version.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a--b", *READS), "no API key can have that name"),
        (("crm", "--scopes", "everything"), "is none of the scopes"),
        (("crm", "--scopes", ""), "put 1 or more"),
        (("crm", *READS, "--tenants", ""), "put 1 or more"),
        (("crm", *READS, "--tenants", "a--b"), "is none of the tenants"),
        (("crm", *READS, "--tenants", ",".join(f"tenant-{n}" for n in range(99))), "256"),
        (("crm",), "--scopes"),
    ],
)
async def test_what_would_allow_nothing_or_something_else_is_refused(
    admin: Admin, vault: FakeKeyVault, arguments: tuple[str, ...], said: str
) -> None:
    ended = await admin("apikey", "new", *arguments)
    assert (ended.status, ended.out, vault.written) == (2, "", [])
    assert said in " ".join(ended.err.replace("│", " ").split())


async def test_a_name_that_is_taken_is_refused(admin: Admin, vault: FakeKeyVault) -> None:
    vault.put(SECRET, KEYS[0], enabled=False)
    ended = await admin("apikey", "new", "crm", *READS)
    assert (ended.status, vault.written) == (1, [])
    assert "the API key crm has a version already: `apikey rotate`" in ended.err


async def test_a_rotation_keeps_the_present_version_and_what_the_key_allows(
    admin: Admin, vault: FakeKeyVault, granted: Granted
) -> None:
    tags = {"scopes": "events.read", "tenants": "acme", "team": "sales"}
    for key in KEYS[:3]:
        vault.put(SECRET, key, tags=tags)
    ended = await admin("apikey", "rotate", "crm")
    assert ended.status == 0, ended.err
    drawn = vault.secrets[SECRET][-1].tags
    assert drawn == {**tags, "draw": drawn["draw"]}
    valid = [key for key in (*KEYS[:3], ended.out.strip()) if await granted(key)]
    assert valid == [KEYS[2], ended.out.strip()]
    assert [version.enabled for version in vault.secrets[SECRET]] == [False, False, True, True]
    present = vault.secrets[SECRET][2].id[:8]
    assert f"To end it: apikey revoke crm {present}\n" in ended.err


async def test_a_rotation_may_change_what_the_key_allows(
    admin: Admin, vault: FakeKeyVault, granted: Granted
) -> None:
    vault.put(SECRET, KEYS[0], tags={"scopes": "events.read", "tenants": "acme"})
    ended = await admin("apikey", "rotate", "crm", *READS)
    expected = Grant(frozenset({Scope.IDENTITIES_READ}), frozenset({"acme"}))
    assert await granted(ended.out.strip()) == await granted(KEYS[0]) == expected


async def test_a_revocation_ends_an_older_version_and_not_the_newest(
    admin: Admin, vault: FakeKeyVault, granted: Granted
) -> None:
    old, newest = (vault.put(SECRET, key, tags={"scopes": "events.read"}) for key in KEYS[:2])
    refused = await admin("apikey", "revoke", "crm", newest.id[:8])
    assert refused.status == 1
    assert "closes the key to every version" in refused.err
    ended = await admin("apikey", "revoke", "crm", f"{SECRET}/{old.id[:8]}")
    assert ended.status == 0, ended.err
    assert await granted(KEYS[0]) is None
    assert await granted(KEYS[1]) is not None


async def test_a_key_is_closed_when_it_is_confirmed_and_opened_by_a_rotation(
    admin: Admin, vault: FakeKeyVault, granted: Granted
) -> None:
    vault.put(SECRET, KEYS[0], tags={"scopes": "events.read"})
    assert (await admin("apikey", "revoke", "crm", "--all", answer="no\n")).status == 1
    assert await granted(KEYS[0]) is not None
    closed = await admin("apikey", "revoke", "crm", "--all", answer="yes\n")
    assert closed.status == 0, closed.err
    assert "The API key crm is closed: 1 versions were disabled. `apikey rotate crm`" in closed.err
    assert await granted(KEYS[0]) is None
    opened = await admin("apikey", "rotate", "crm")
    assert await granted(opened.out.strip()) is not None
    assert await granted(KEYS[0]) is None


async def test_keys_are_listed_with_what_they_allow_and_never_their_values(
    admin: Admin, vault: FakeKeyVault
) -> None:
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    vault.put(SECRET, KEYS[0], tags={"scopes": "events.read", "tenants": "acme"})
    vault.put("scim-apikey--erp", KEYS[1], enabled=False, tags={"scopes": "tenants.manage"})
    ended = await admin("apikey", "list", "--json")
    shown = [(row["key"], row["open"], row["scopes"], row["tenants"]) for row in ended.json]
    assert shown == [
        ("crm", True, "events.read", "acme"),
        ("erp", False, "tenants.manage", "all of them"),
    ]
    versions = await admin("apikey", "list", "crm", "--json")
    assert [row["state"] for row in versions.json] == ["valid"]
    assert KEYS[0] not in ended.out + versions.out
    tenants = await admin("tenant", "list", "--json")
    assert [row["tenant"] for row in tenants.json] == ["acme"]


@pytest.mark.parametrize(
    "arguments", [("rotate", "erp"), ("revoke", "erp", "1234"), ("list", "erp")]
)
async def test_a_key_that_does_not_exist_is_said_so(
    admin: Admin, vault: FakeKeyVault, arguments: tuple[str, ...]
) -> None:
    ended = await admin("apikey", *arguments)
    assert (ended.status, ended.out, vault.written) == (1, "", [])
    assert "the API key erp has no secret, so it does not exist: `apikey new`" in ended.err
