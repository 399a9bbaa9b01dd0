"""`tools.admin token`: what is drawn, what is written to the vault, and what opens the tenant."""

from __future__ import annotations

import random
import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared import tenants
from shared.auth import versions as judged
from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.errors import Unauthorized
from shared.identity import open_credential
from shared.settings import Settings
from tools.admin import console

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.ops.tools.conftest import Admin
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault, Version
    from tests.support.fixtures.key_vault import Certificates

    Opened = Callable[..., Awaitable[list[str]]]

DAY = 86_400
TOKENS = [f"token-number-{n}-of-a-tenant" for n in range(9)]


@pytest.fixture
def opened_by(vault: FakeKeyVault, identity: FakeIdentity, certificates: Certificates) -> Opened:
    """Tells which tokens open a tenant, as a service that has just started sees the vault."""
    settings = Settings.from_environment(
        {"KEY_VAULT_URL": vault.url, "TABLE_ENDPOINT": "https://contoso.table.core.windows.net"}
    )

    async def opened(*given: str, tenant: str = tenants.DEFAULT) -> list[str]:
        key_vault = KeyVault(
            vault.url,
            partial(open_credential, settings),
            connection_verify=str(certificates.authority),
            verify_challenge_resource=False,
        )
        service = VaultTokens(key_vault)
        found = []
        for token in given:
            try:
                await service.authenticate(tenant, f"Bearer {token}")
                found.append(token)
            except Unauthorized:
                pass
        await service.close()
        return found

    return opened


def states(vault: FakeKeyVault, name: str = "scim-token") -> list[bool]:
    """Which versions of a secret are enabled, oldest first."""
    return [version.enabled for version in vault.secrets[name]]


async def test_the_first_token_of_a_tenant_is_drawn_printed_once_and_opens_it(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    before = int(time.time())
    ended = await admin("token", "new", "--tenant", "acme")
    assert ended.status == 0, ended.err
    token = ended.out.removesuffix("\n")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)  # 256 bits in base64url
    assert token not in ended.err
    assert token not in caplog.text
    assert "https://<host>/tenants/acme/scim/v2" in ended.err
    assert await opened_by(token, tenant="acme") == [token]
    (version,) = vault.secrets["scim-token--acme"]
    assert version.expires is not None
    assert 0 <= version.expires - (before + 365 * DAY) <= 60
    assert vault.written[0]["contentType"] == "SCIM secret token"


async def test_every_token_is_another(admin: Admin) -> None:
    first = await admin("token", "new")
    second = await admin("token", "rotate")
    assert first.out != second.out


async def test_json_names_the_token_and_its_term(admin: Admin, vault: FakeKeyVault) -> None:
    term = ("--valid-days", "30", "--not-before", "2031-01-31T08:00+01:00")
    ended = await admin("token", "new", "--json", *term)
    (version,) = vault.secrets["scim-token"]
    assert ended.json == {
        "tenant": "default",
        "version": version.id,
        "not_before": "2031-01-31T07:00:00Z",
        "expires": "2031-03-02T07:00:00Z",
        "token": version.value,
    }


async def test_a_tenant_that_has_a_token_is_not_given_a_first_one(
    admin: Admin, vault: FakeKeyVault
) -> None:
    vault.put("scim-token--acme", TOKENS[0], enabled=False)
    ended = await admin("token", "new", "--tenant", "acme")
    assert (ended.status, ended.out, vault.written) == (1, "", [])
    assert "the tenant acme has a token already: `token rotate`" in ended.err


async def test_a_deleted_secret_is_said_to_be_recoverable(
    admin: Admin, vault: FakeKeyVault
) -> None:
    vault.deleted.add("scim-token--acme")
    ended = await admin("token", "new", "--tenant", "acme")
    assert (ended.status, ended.out) == (1, "")
    assert "az keyvault secret recover --vault-name 127 --name scim-token--acme" in ended.err


async def test_a_rotation_keeps_the_present_token_and_ends_the_one_before(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    vault.put("scim-token", TOKENS[0])
    vault.put("scim-token", TOKENS[1])
    present = vault.put("scim-token", TOKENS[2], expires=time.time() + 9 * DAY)
    ended = await admin("token", "rotate")
    assert ended.status == 0, ended.err
    token = ended.out.strip()
    assert await opened_by(*TOKENS, token) == [TOKENS[2], token]
    assert states(vault) == [False, False, True, True]
    until = console.time_of(present.expires)
    assert f"{present.id[:8]} stays valid until {until}, or until the next" in ended.err
    assert f"token revoke {present.id[:8]}\n" in ended.err


async def test_a_token_that_begins_later_ends_nothing_yet(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    vault.put("scim-token", TOKENS[0])
    vault.put("scim-token", TOKENS[1])
    ended = await admin("token", "rotate", "--not-before", "2090-01-01")
    assert await opened_by(*TOKENS, ended.out.strip()) == TOKENS[:2]
    assert states(vault) == [True, True, True]


async def test_a_closed_tenant_is_opened_to_the_new_token_alone(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    vault.put("scim-token", TOKENS[0])
    vault.put("scim-token", TOKENS[1], not_before=time.time() + DAY)
    vault.put("scim-token", TOKENS[2], enabled=False)
    assert await opened_by(*TOKENS) == []
    ended = await admin("token", "rotate")
    assert await opened_by(*TOKENS, ended.out.strip()) == [ended.out.strip()]
    assert states(vault) == [False, False, False, True]


async def test_a_tenant_that_does_not_exist_is_not_rotated(
    admin: Admin, vault: FakeKeyVault
) -> None:
    ended = await admin("token", "rotate", "--tenant", "acme")
    assert (ended.status, ended.out, vault.written) == (1, "", [])
    assert "the tenant acme has no secret" in ended.err


async def test_a_token_is_not_lost_when_the_rotation_cannot_be_finished(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    for token in TOKENS[:2]:
        vault.put("scim-token", token)
    first = f"/secrets/scim-token/{vault.secrets['scim-token'][0].id}"
    with vault.failing(500, only=first):
        ended = await admin("token", "rotate")
    assert ended.status == 3
    token = ended.out.strip()
    assert await opened_by(*TOKENS, token) == [TOKENS[1], token]


async def test_a_token_that_cannot_be_printed_is_said_to_be_lost(
    admin: Admin, vault: FakeKeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(console, "show_line", broken)
    ended = await admin("token", "new")
    assert ended.status == 3
    assert "could not be written out (Broken pipe)" in ended.err
    assert vault.secrets["scim-token"][0].value not in ended.err


async def test_the_old_token_is_revoked_and_no_older_one_comes_back(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    versions = [vault.put("scim-token", token) for token in TOKENS[:4]]
    assert await opened_by(*TOKENS) == TOKENS[2:4]
    ended = await admin("token", "revoke", f"scim-token/{versions[2].id[:8]}", "--json")
    assert ended.status == 0, ended.err
    assert await opened_by(*TOKENS) == [TOKENS[3]]
    assert set(ended.json["disabled"]) == {version.id for version in versions[:3]}
    assert "refused within a minute" in ended.err


@pytest.mark.parametrize("newest_is_enabled", [True, False])
async def test_the_newest_token_is_not_revoked_by_itself(
    admin: Admin, vault: FakeKeyVault, newest_is_enabled: bool
) -> None:
    vault.put("scim-token", TOKENS[0])
    newest = vault.put("scim-token", TOKENS[1], enabled=newest_is_enabled)
    ended = await admin("token", "revoke", newest.id)
    assert (ended.status, vault.written) == (1, [])
    expected = "`token rotate` first" if newest_is_enabled else "is disabled already"
    assert expected in ended.err


async def test_of_two_tokens_made_in_one_second_neither_is_taken_for_the_older(
    admin: Admin, vault: FakeKeyVault
) -> None:
    first, second = (vault.put("scim-token", token) for token in TOKENS[:2])
    second.created = first.created
    for version in (first, second):
        assert (await admin("token", "revoke", version.id)).status == 1
    assert states(vault) == [True, True]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("ffff0000", "no version begins so"),
        ("scim-token/", "is too short"),
        ("abc", "is too short"),
    ],
)
async def test_a_version_must_be_one_of_the_tenant(
    admin: Admin, vault: FakeKeyVault, given: str, line: str
) -> None:
    vault.put("scim-token", TOKENS[0])
    ended = await admin("token", "revoke", given)
    assert (ended.status, vault.written) == (1, [])
    assert line in ended.err


async def test_a_tenant_is_closed_when_that_is_confirmed(
    admin: Admin, vault: FakeKeyVault, opened_by: Opened
) -> None:
    for token in TOKENS[:3]:
        vault.put("scim-token", token)
    refused = await admin("token", "revoke", "--all", answer="n\n")
    assert (refused.status, vault.written) == (1, [])
    asked = await admin("token", "revoke", "--all", answer="")
    assert (asked.status, vault.written) == (1, [])
    closed = await admin("token", "revoke", "--all", answer="y\n")
    assert closed.status == 0, closed.err
    assert states(vault) == [False, False, False]
    assert await opened_by(*TOKENS) == []
    # The newest goes first: that alone closes the tenant, whatever becomes of the rest.
    writes = [path for path in vault.calls if path.count("/") == 3 and "versions" not in path]
    assert writes[0].endswith(vault.secrets["scim-token"][2].id)


@pytest.mark.parametrize("arguments", [(), ("abcd1234", "--all")])
async def test_revoke_is_told_what_to_revoke(admin: Admin, arguments: tuple[str, ...]) -> None:
    ended = await admin("token", "revoke", *arguments)
    assert ended.status == 2
    assert "give a VERSION" in ended.err


async def test_the_list_has_every_state_and_no_value(admin: Admin, vault: FakeKeyVault) -> None:
    now = time.time()
    for n, options in enumerate(
        [
            {},
            {"enabled": False},
            {"expires": now - 10},
            {},
            {},
            {"not_before": now + DAY, "expires": now + 2 * DAY},
        ]
    ):
        vault.put("scim-token", TOKENS[n], **options)  # type: ignore[arg-type] # a table of them
    ended = await admin("token", "list", "--json")
    assert [each["state"] for each in ended.json] == [
        "not yet",
        "valid",
        "valid",
        "expired",
        "disabled",
        "superseded",
    ]
    assert ended.json[0]["expires"] == console.time_of(now + 2 * DAY)
    table = await admin("token", "list")
    assert len([line for line in table.out.splitlines() if "2023-11" in line]) == 6
    assert not any(token in ended.out + table.out for token in TOKENS)


async def test_the_list_of_a_closed_tenant_says_that_it_is_closed(
    admin: Admin, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKENS[0])
    vault.put("scim-token", TOKENS[1], enabled=False)
    ended = await admin("token", "list", "--json")
    assert [each["state"] for each in ended.json] == ["disabled", "closed"]


@pytest.mark.parametrize("seed", range(12))
async def test_the_states_are_those_by_which_the_service_decides(
    vault: FakeKeyVault, opened_by: Opened, seed: int
) -> None:
    chance = random.Random(seed)
    now = time.time()
    for token in TOKENS[: chance.randint(1, 6)]:
        vault.put(
            "scim-token",
            token,
            enabled=chance.random() < 0.8,
            not_before=chance.choice([None, now - DAY, now + DAY]),
            expires=chance.choice([None, None, now - DAY, now + DAY]),
        )
    found = vault.secrets["scim-token"]
    tokens_of = {version.id: version.value for version in found}
    listed = judged.standings([version_of(each) for each in chance.sample(found, len(found))], now)
    valid = [tokens_of[each.id] for each in judged.having(judged.VersionState.VALID, listed)]
    assert await opened_by(*TOKENS) == sorted(valid)


def version_of(version: Version) -> judged.SecretVersion:
    return judged.SecretVersion(
        version.id, version.enabled, version.created, version.not_before, version.expires
    )


@pytest.mark.parametrize("name", ["", "a--b", "-a", "a" * 41, "ä", "a/b", "a b"])
@pytest.mark.parametrize("command", ["new", "rotate", "list"])
async def test_a_name_that_no_tenant_can_have_is_refused_before_anything_is_asked(
    admin: Admin, vault: FakeKeyVault, command: str, name: str
) -> None:
    ended = await admin("token", command, "--tenant", name)
    assert (ended.status, ended.out, vault.calls) == (2, "", [])
    assert "no tenant can have that name" in ended.err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--valid-days", "0"), "should be greater than or equal to 1"),
        (("--not-before", "soon"), "'soon' is no time"),
        (("--not-before", "2020-01-01"), "would have expired already"),
        (("--not-before", "9999-12-31"), "would expire after 2200"),
    ],
)
async def test_a_term_that_makes_no_sense_is_refused(
    admin: Admin, vault: FakeKeyVault, options: tuple[str, ...], line: str
) -> None:
    ended = await admin("token", "new", *options)
    assert (ended.status, vault.calls) == (2, [])
    assert line in ended.err


async def test_missing_rights_are_said_with_the_command_that_grants_them(
    admin: Admin, vault: FakeKeyVault
) -> None:
    with vault.failing(403, code="Forbidden", inner="ForbiddenByRbac"):
        ended = await admin("token", "list")
    assert (ended.status, ended.out) == (3, "")
    assert f"the vault {vault.url} refused: 403 Forbidden/ForbiddenByRbac" in ended.err
    assert 'az role assignment create --role "Key Vault Secrets Officer"' in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_a_firewall_is_named_as_the_reason(admin: Admin, vault: FakeKeyVault) -> None:
    with vault.failing(403, code="Forbidden", inner="ForbiddenByFirewall"):
        ended = await admin("token", "list")
    assert ended.status == 3
    assert "through the vault's firewall" in ended.err


async def test_who_is_not_signed_in_is_told_to_sign_in(
    admin: Admin, identity: FakeIdentity
) -> None:
    identity.status = 400
    ended = await admin("token", "list")
    assert (ended.status, ended.out) == (3, "")
    assert ended.err.startswith("error: nobody is signed in to Azure here: run `az login`")
    assert len(ended.err.splitlines()) == 1


async def test_a_vault_that_is_not_there_is_said_not_to_answer(admin: Admin) -> None:
    ended = await admin("token", "list", "--vault", "https://127.0.0.1:9")
    assert ended.status == 3
    assert "the vault https://127.0.0.1:9 did not answer" in ended.err


@pytest.mark.parametrize("url", ["contoso", "http://contoso.vault.azure.net", "https://a/b"])
async def test_what_is_no_vault_is_refused(admin: Admin, url: str) -> None:
    ended = await admin("token", "list", "--vault", url)
    assert ended.status == 2
    assert ended.err.startswith("error: KEY_VAULT_URL should ")
