"""Where `tools.admin` works: options, environment, and the service on this machine."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from local.run_record import RunRecord, recorded
from tests.ops.tools.conftest import Admin, admin_with
from tools.admin import places
from tools.admin.errors import WrongSettingError
from tools.admin.places import Given, find
from tools.admin.sign_in import Identity, identity_of

if TYPE_CHECKING:
    from pathlib import Path

    from local.azurite import Azurite
    from tests.support.fakes.key_vault import FakeKeyVault

VAULT = "https://contoso.vault.azure.net"
TABLES = "https://contoso.table.core.windows.net"
LOCAL = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "TABLE_CONNECTION_STRING": "UseDevelopmentStorage=true",
    "SCIM_SECRET_TOKEN": "the-token-of-this-machine",
    "SCIM_SECRET_TOKEN__ACME": "the-token-of-acme-here",
}


@pytest.fixture
def local_settings(operator: None) -> None:
    """The settings file of a developer who has run `make run`."""
    file = places.ROOT / "local.settings.json"
    file.write_text(json.dumps({"IsEncrypted": False, "Values": LOCAL}))


def test_an_option_goes_before_the_environment(operator: None) -> None:
    found = find(Given(vault=VAULT), {"KEY_VAULT_URL": "https://other.vault.azure.net"})
    assert found.vault_url == VAULT
    assert not found.is_local


def test_a_place_in_azure_never_falls_back_to_this_machine(local_settings: None) -> None:
    found = find(Given(vault=VAULT), {})
    assert found.local_tenants == ()
    with pytest.raises(WrongSettingError, match="TABLE_ENDPOINT is not set"):
        _ = found.storage
    with pytest.raises(WrongSettingError, match="KEY_VAULT_URL is not set"):
        _ = find(Given(storage=TABLES), {}).vault_url


def test_without_a_place_it_is_the_service_on_this_machine(local_settings: None) -> None:
    found = find(Given(), {})
    assert found.is_local
    assert found.storage == "http://127.0.0.1:10002/devstoreaccount1"
    assert found.local_tenants == ("acme", "default")
    elsewhere = "UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:1/devstoreaccount1"
    assert find(Given(), {"TABLE_CONNECTION_STRING": elsewhere}).storage.startswith(
        "http://127.0.0.1:1/"
    )


RUN = RunRecord(
    pid=12,
    tenant_url="http://127.0.0.1:7072/scim/v2",
    storage="UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:4/devstoreaccount1",
    is_ephemeral=True,
    table="other",
    tenants=("contoso",),
)


def test_without_a_place_it_is_the_storage_of_the_run_of_this_folder(local_settings: None) -> None:
    with recorded(places.ROOT, RUN):
        found = find(Given(), {})
        assert found.storage == "http://127.0.0.1:4/devstoreaccount1"
        assert (found.settings.table_name, found.names_table) == ("other", False)
        assert found.local_tenants == ("contoso",)
        named = find(Given(), {"TABLE_CONNECTION_STRING": "UseDevelopmentStorage=true"})
        assert named.storage == "http://127.0.0.1:10002/devstoreaccount1"
        assert find(Given(table="scim"), {}).settings.table_name == "scim"
        assert find(Given(vault=VAULT), {}).run is None
    assert find(Given(), {}).storage == "http://127.0.0.1:10002/devstoreaccount1"


def test_a_run_whose_settings_name_a_storage_has_that_one(local_settings: None) -> None:
    with recorded(places.ROOT, replace(RUN, storage=None)):
        assert find(Given(), {}).storage == "http://127.0.0.1:10002/devstoreaccount1"


def test_of_two_runs_none_is_chosen(local_settings: None) -> None:
    other = replace(RUN, pid=13, tenant_url="http://127.0.0.1:7073/scim/v2", storage=None)
    with recorded(places.ROOT, RUN), recorded(places.ROOT, other):
        with pytest.raises(WrongSettingError) as caught:
            find(Given(), {})
        said = str(caught.value)
        assert said.startswith("2 services run in this folder")
        assert f"{RUN.tenant_url}: TABLE_CONNECTION_STRING='{RUN.storage}'" in said
        assert find(Given(), {"TABLE_CONNECTION_STRING": RUN.storage or ""}).run is None


async def test_which_storage_is_read_is_said(local_settings: None) -> None:
    admin = admin_with({})
    alone = await admin("tenant", "list", "--json")
    assert alone.err == (
        "(the service on this machine: http://127.0.0.1:10002/devstoreaccount1;"
        " no `make run` runs in this folder)\n"
    )
    with recorded(places.ROOT, RUN):
        ended = await admin("tenant", "list", "--json")
    assert [each["tenant"] for each in ended.json] == ["contoso"]
    assert ended.err == (
        "(the service on this machine: http://127.0.0.1:4/devstoreaccount1, in memory,"
        " of the run at http://127.0.0.1:7072/scim/v2)\n"
    )


def test_without_a_place_and_a_service_on_this_machine_it_says_what_to_give(
    operator: None, tmp_path: Path
) -> None:
    with pytest.raises(WrongSettingError, match=r"give --vault and --storage .* or run `make run`"):
        find(Given(), {})


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        (Given(vault="contoso"), "KEY_VAULT_URL"),
        (Given(storage="http://contoso"), "TABLE_ENDPOINT"),
        (Given(vault=VAULT, table="a-b"), "TABLE_NAME"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(operator: None, given: Given, setting: str) -> None:
    with pytest.raises(WrongSettingError, match=f"^{setting} should"):
        find(given, {})


@pytest.mark.parametrize("command", ["new", "rotate", "list"])
async def test_tokens_of_this_machine_are_in_its_settings(
    local_settings: None, command: str
) -> None:
    ended = await admin_with({})("token", command)
    assert (ended.status, ended.out) == (2, "")
    assert "takes its tokens from local.settings.json" in ended.err
    assert "`make token`" in ended.err
    assert "the-token" not in ended.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("apikey list", "SCIM_API_KEY__<NAME>"),
        ("apikey revoke bi --all", "SCIM_API_KEY__<NAME>"),
        ("client list", "SCIM_CLIENT_SECRET"),
        ("client revoke crm --all", "SCIM_CLIENT_SECRET"),
        ("signing-key new", "draws a signing key of its own"),
        ("signing-key list", "draws a signing key of its own"),
        (f"webhook rotate {'0' * 32}", "/api/v1/webhooks"),
        (f"webhook delete {'0' * 32}", "/api/v1/webhooks"),
        ("trace on", "keeps no traces"),
        ("trace show", "keeps no traces"),
    ],
)
async def test_what_lies_in_no_vault_on_this_machine_is_named_with_its_remedy(
    local_settings: None, command: str, said: str
) -> None:
    ended = await admin_with({})(*command.split())
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert "make token" not in ended.err


async def test_the_tenants_of_this_machine_are_listed_without_their_tokens(
    local_settings: None,
) -> None:
    ended = await admin_with({})("tenant", "list", "--json")
    assert ended.status == 0
    assert [each["tenant"] for each in ended.json] == ["acme", "default"]
    assert "the-token" not in ended.out


async def test_whoami_on_this_machine(local_settings: None, storage: Azurite) -> None:
    admin = admin_with({"TABLE_CONNECTION_STRING": storage.connection_string})
    ended = await admin("whoami", "--json")
    assert ended.status == 0, ended.err
    assert ended.json["signed_in"] is None
    vault, table = ended.json["access"]
    assert (vault["answer"], table["answer"]) == ("not named", "yes")
    assert vault["note"] == "tokens are in local.settings.json: of acme, default"
    shown = await admin("whoami")
    assert "not needed for the service on this machine" in shown.out


async def test_storage_that_does_not_answer(local_settings: None) -> None:
    nowhere = "UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:9/devstoreaccount1"
    ended = await admin_with({"TABLE_CONNECTION_STRING": nowhere})("tenant", "stats")
    assert (ended.status, ended.out) == (3, "")
    *_, line = ended.err.splitlines()
    assert line.startswith("error: the storage http://127.0.0.1:9/devstoreaccount1 did not answer")
    assert line.endswith("is `make run` running?")


async def test_whoami_without_a_sign_in(admin: Admin, identity: Any) -> None:
    identity.status = 400
    ended = await admin("whoami")
    assert ended.status == 1
    assert "no: nobody is signed in to Azure here: run `az login`" in ended.out


async def test_whoami_names_what_was_not_given(admin: Admin, vault: FakeKeyVault) -> None:
    vault.put("scim-token", "a-token-of-the-default-tenant")
    ended = await admin("whoami", "--json")
    assert ended.status == 0, ended.err
    of_vault, of_storage = ended.json["access"]
    assert of_vault["note"].startswith("tenants: 1; to write")
    assert (of_storage["answer"], of_storage["where"]) == ("not named", None)
    assert not vault.written


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.signature"


@pytest.mark.parametrize(
    ("token", "identity"),
    [
        (jwt(upn="ana@contoso.test", oid="1"), Identity("ana@contoso.test", "1", False)),
        (jwt(appid="app", oid="2", idtyp="app"), Identity("app", "2", True)),
        (jwt(appid="app", oid="2"), Identity("app", "2", True)),
        ("opaque", Identity()),
        ("a.b.c", Identity()),
        (f"e30.{base64.urlsafe_b64encode(b'[]').decode()}.", Identity()),
    ],
)
def test_the_sign_in_is_read_out_of_its_token(token: str, identity: Identity) -> None:
    assert identity_of(token) == identity
