"""Every setting: what is taken, what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.api_keys import Grant, Scope
from shared.settings import Settings, SettingsError, describe

ROOT = Path(__file__).parents[2]
PRODUCTION = {"TABLE_ENDPOINT": "https://account.table.core.windows.net"}
DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
SECRET = "a-very-secret-value"
NO_TOKEN = (
    "should be 16 to 4096 visible ASCII characters without spaces; put 32 random bytes in base64url"
)
KEY = f"scimkey_my-crm_{'k' * 43}"
NO_KEY = (
    "should begin with scimkey_<name>_ and 32 random characters of base64url or more; put such a"
    " key, and behind it scopes=identities.read,events.read,tenants.manage"
)
NO_GRANT = (
    "should hold behind the key nothing but scopes=<scope>,<scope> and tenants=<tenant>,<tenant>;"
    " the scopes are identities.read, events.read, tenants.manage"
)
NO_TENANT = (
    "names no tenant; put up to 40 letters, digits and single _ (which stand for -),"
    " and SCIM_SECRET_TOKEN for the tenant default"
)


def read(environ: dict[str, str]) -> Settings:
    return Settings.from_environment(environ)


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        read(environ)
    assert str(refusal.value) == "\n".join(refusal.value.problems)
    return refusal.value.problems


def connection(settings: Settings) -> dict[str, str]:
    assert settings.table_connection_string is not None
    text = settings.table_connection_string.get_secret_value()
    return dict(part.split("=", 1) for part in text.split(";"))


def test_production_needs_no_more_than_the_address_of_its_table() -> None:
    settings = read(PRODUCTION)
    assert not settings.is_development
    assert settings.table_endpoint == "https://account.table.core.windows.net"
    assert settings.table_connection_string is None
    assert settings.development_tokens == {}
    assert (settings.table_name, settings.max_body_bytes) == ("scim", 1_048_576)
    assert (settings.request_deadline_seconds, settings.unknown_members) == (25.0, "skip")
    assert settings.member_writes_per_second == 1_000
    assert (settings.scan_max_rows, settings.scan_max_seconds) == (10_000, 10.0)
    assert settings.history_days == 400
    assert settings.telemetry == "off"


def test_an_environment_that_is_not_named_is_production() -> None:
    assert problems({}) == (
        "TABLE_ENDPOINT is not set; put https://<account>.table.core.windows.net",
    )


@pytest.mark.parametrize("name", ["Development", "development", "DEVELOPMENT"])
def test_development_is_named_in_any_case(name: str) -> None:
    assert read({"AZURE_FUNCTIONS_ENVIRONMENT": name}).is_development


@pytest.mark.parametrize("name", ["Production", "Staging", "Dev", "Development2"])
def test_every_other_environment_is_production(name: str) -> None:
    assert not read(PRODUCTION | {"AZURE_FUNCTIONS_ENVIRONMENT": name}).is_development


def test_variables_of_others_are_left_alone() -> None:
    assert read(PRODUCTION | {"PATH": "/bin", "SCIM_SOMETHING": "x"}) == read(PRODUCTION)


def test_the_table_may_bear_another_name() -> None:
    assert read(PRODUCTION | {"TABLE_NAME": "Directory2"}).table_name == "Directory2"


def test_an_empty_setting_is_not_set() -> None:
    assert read(PRODUCTION | {"TABLE_NAME": " ", "KEY_VAULT_URL": ""}) == read(PRODUCTION)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        read(PRODUCTION).table_name = "other"  # type: ignore[misc]  # as a careless caller would


def test_development_stores_in_azurite_unless_told_otherwise() -> None:
    settings = read(DEVELOPMENT)
    assert connection(settings)["TableEndpoint"] == "http://127.0.0.1:10002/devstoreaccount1"
    assert connection(settings)["AccountName"] == "devstoreaccount1"


def test_use_development_storage_is_written_out_and_takes_another_port() -> None:
    text = "UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:11002/devstoreaccount1"
    settings = read(DEVELOPMENT | {"TABLE_CONNECTION_STRING": text})
    assert "UseDevelopmentStorage" not in connection(settings)
    assert connection(settings)["TableEndpoint"] == "http://127.0.0.1:11002/devstoreaccount1"
    assert connection(settings)["AccountKey"].endswith("==")


def test_a_full_connection_string_stays_as_it_is() -> None:
    text = "AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:1/a"
    settings = read(DEVELOPMENT | {"TABLE_CONNECTION_STRING": text})
    assert settings.table_connection_string is not None
    assert settings.table_connection_string.get_secret_value() == text


def test_development_may_use_a_table_in_azure() -> None:
    settings = read(DEVELOPMENT | PRODUCTION)
    assert settings.table_endpoint is not None
    assert settings.table_connection_string is None


def test_two_places_for_the_table_are_one_too_many() -> None:
    both = DEVELOPMENT | PRODUCTION | {"TABLE_CONNECTION_STRING": "UseDevelopmentStorage=true"}
    assert problems(both) == ("TABLE_ENDPOINT and TABLE_CONNECTION_STRING are both set; keep one",)


def test_production_takes_no_key_and_no_token_from_its_settings() -> None:
    lines = problems(
        PRODUCTION
        | {
            "TABLE_CONNECTION_STRING": SECRET,
            "SCIM_SECRET_TOKEN": SECRET,
            "SCIM_SECRET_TOKEN__ACME": SECRET,
        }
    )
    assert [line.split(" is for development only")[0] for line in lines] == [
        "TABLE_CONNECTION_STRING",
        "SCIM_SECRET_TOKEN",
        "SCIM_SECRET_TOKEN__ACME",
    ]
    assert "shared keys are switched off" in lines[0]
    assert "keep the token in Key Vault" in lines[1]


def test_the_tokens_of_a_developer_are_kept_by_tenant() -> None:
    settings = read(
        DEVELOPMENT | {"SCIM_SECRET_TOKEN": "o" * 16, "SCIM_SECRET_TOKEN__AB_CD": "t" * 4096}
    )
    tokens = {tenant: t.get_secret_value() for tenant, t in settings.development_tokens.items()}
    assert tokens == {"default": "o" * 16, "ab-cd": "t" * 4096}


def test_a_tenant_has_one_setting() -> None:
    twice = {"SCIM_SECRET_TOKEN__AB_CD": SECRET, "SCIM_SECRET_TOKEN__ab-cd": SECRET}
    assert problems(DEVELOPMENT | twice) == (
        "SCIM_SECRET_TOKEN__<TENANT> is set 2 times for the tenant ab-cd; keep one",
    )


def test_the_keys_of_a_developer_are_kept_by_name_with_what_they_allow() -> None:
    value = f"{KEY} scopes=identities.read,events.read tenants=acme,default"
    [(name, kept)] = read(DEVELOPMENT | {"SCIM_API_KEY__MY_CRM": value}).api_keys.items()
    assert (name, kept.value.get_secret_value()) == ("my-crm", KEY)
    assert kept.grant.scopes == {Scope.IDENTITIES_READ, Scope.EVENTS_READ}
    assert kept.grant.tenants == frozenset({"acme", "default"})


def test_a_key_of_a_developer_without_scopes_allows_nothing_and_without_tenants_opens_all() -> None:
    kept = read(DEVELOPMENT | {"SCIM_API_KEY__MY_CRM": KEY}).api_keys["my-crm"]
    assert kept.grant == Grant(frozenset(), None)


def test_production_takes_no_api_key_from_its_settings() -> None:
    [line] = problems(PRODUCTION | {"SCIM_API_KEY__MY_CRM": KEY})
    assert line.startswith("SCIM_API_KEY__MY_CRM is for development only")
    assert line.endswith("remove it and keep the key in Key Vault")


def test_an_api_key_has_one_setting() -> None:
    twice = {"SCIM_API_KEY__MY_CRM": KEY, "SCIM_API_KEY__my-crm": KEY}
    assert problems(DEVELOPMENT | twice) == (
        "SCIM_API_KEY__<NAME> is set 2 times for the API key my-crm; keep one",
    )


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SCIM_API_KEY__MY_CRM", "scimkey_my-crm_short", NO_KEY),
        ("SCIM_API_KEY__MY_CRM", f"scopes=identities.read {KEY}", NO_KEY),
        ("SCIM_API_KEY__MY_CRM", f"{KEY} identities.read", NO_GRANT),
        ("SCIM_API_KEY__MY_CRM", f"{KEY} scopes=identities", NO_GRANT),
        ("SCIM_API_KEY__MY_CRM", f"{KEY} scopes=identities.read, events.read", NO_GRANT),
        ("SCIM_API_KEY__MY_CRM", f"{KEY} tenants=a--b", NO_GRANT),
        ("SCIM_API_KEY__MY_CRM", f"{KEY} tenant=acme", NO_GRANT),
        (
            "SCIM_API_KEY__A__B",
            KEY,
            "names no API key; put up to 40 letters, digits and single _ (which stand for -)",
        ),
        (
            "SCIM_SECRET_TOKEN",
            KEY,
            "should not begin with scimkey_, as API keys do; put another",
        ),
    ],
)
def test_a_wrong_api_key_is_refused_with_what_to_put(name: str, value: str, line: str) -> None:
    assert problems(DEVELOPMENT | {name: value}) == (f"{name} {line}",)


def test_an_api_key_under_another_name_would_never_be_found() -> None:
    assert problems(DEVELOPMENT | {"SCIM_API_KEY__ERP": KEY}) == (
        "SCIM_API_KEY__<NAME> holds a key of another name than erp; name both alike",
    )


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("KEY_VAULT_URL", "http://v.vault.azure.net", "should be an https URL; put https://<host>"),
        ("KEY_VAULT_URL", "v.vault.azure.net", "should be an https URL; put https://<host>"),
        (
            "KEY_VAULT_URL",
            "https://v.vault.azure.net/secrets/x",
            "should end after the host name; put https://<vault>.vault.azure.net",
        ),
        (
            "KEY_VAULT_URL",
            "https://me:pass@v.vault.azure.net",
            "should hold no credentials, query, fragment or spaces; put https://<host>",
        ),
        ("TABLE_ENDPOINT", "https://[::1", "should be an absolute URL; put https://<host>"),
        ("TABLE_ENDPOINT", "https://host:99999", "should be an absolute URL; put https://<host>"),
        (
            "TABLE_ENDPOINT",
            "https://a.table.core.windows.net?sv=1",
            "should hold no credentials, query, fragment or spaces; put https://<host>",
        ),
        (
            "TABLE_CONNECTION_STRING",
            "nonsense",
            "should be Name=value pairs separated by ';'",
        ),
        (
            "TABLE_CONNECTION_STRING",
            "UseDevelopmentStorage=false",
            "should name AccountName and AccountKey; put UseDevelopmentStorage=true for Azurite",
        ),
        (
            "TABLE_NAME",
            "my-table",
            "should be 3 to 63 letters and digits, a letter first; put scim",
        ),
        (
            "TABLE_NAME",
            "Tables",
            "should be 3 to 63 letters and digits, a letter first; put scim",
        ),
        ("SCIM_BASE_URL", "id.example.com", "should be an https or http URL; put https://<host>"),
        ("SCIM_MAX_BODY_BYTES", "0", "should be greater than or equal to 4096"),
        ("SCIM_MAX_BODY_BYTES", "99999999", "should be less than or equal to 16777216"),
        (
            "SCIM_MAX_BODY_BYTES",
            "1 MiB",
            "should be a valid integer, unable to parse string as an integer",
        ),
        ("SCIM_REQUEST_DEADLINE_SECONDS", "nan", "should be less than or equal to 55"),
        ("SCIM_REQUEST_DEADLINE_SECONDS", "inf", "should be less than or equal to 55"),
        ("SCIM_UNKNOWN_MEMBERS", "drop", "should be 'skip' or 'reject'"),
        ("SCIM_MEMBER_WRITES_PER_SECOND", "2001", "should be less than or equal to 2000"),
        ("SCIM_SCAN_MAX_ROWS", "-1", "should be greater than or equal to 1"),
        ("SCIM_SCAN_MAX_SECONDS", "0", "should be greater than or equal to 0.1"),
        ("SCIM_HISTORY_DAYS", "29", "should be greater than or equal to 30"),
        ("SCIM_TELEMETRY", "yes", "should be 'off' or 'on'"),
        (
            "SCIM_SECRET_TOKEN",
            "too short",
            NO_TOKEN,
        ),
        (
            "SCIM_SECRET_TOKEN__ACME",
            "señor señor señor",
            NO_TOKEN,
        ),
        (
            "SCIM_SECRET_TOKEN__DEFAULT",
            SECRET,
            NO_TENANT,
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wrong_and_what_to_put(
    name: str, value: str, line: str
) -> None:
    assert problems(DEVELOPMENT | {name: value}) == (f"{name} {line}",)


def test_a_gateway_in_production_speaks_https() -> None:
    assert read(PRODUCTION | {"SCIM_BASE_URL": "https://id.example.com/directory/"}).base_url == (
        "https://id.example.com/directory"
    )
    assert problems(PRODUCTION | {"SCIM_BASE_URL": "http://id.example.com"}) == (
        "SCIM_BASE_URL should be an https URL; put https://<host>",
    )


def test_all_wrong_settings_are_reported_at_once_and_no_secret_is_shown() -> None:
    environ = DEVELOPMENT | {
        "SCIM_SECRET_TOKEN": f"{SECRET} with spaces",
        "SCIM_SECRET_TOKEN__A__B": f"{SECRET} with spaces",
        "TABLE_CONNECTION_STRING": f"AccountKey={SECRET}",
        "SCIM_SCAN_MAX_ROWS": "many",
    }
    with pytest.raises(SettingsError) as refusal:
        read(environ)
    assert [line.split()[0] for line in refusal.value.problems] == [
        "SCIM_SECRET_TOKEN",
        "SCIM_SECRET_TOKEN__A__B",
        "TABLE_CONNECTION_STRING",
        "SCIM_SCAN_MAX_ROWS",
    ]
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_secrets_do_not_show_in_the_settings_own_text() -> None:
    settings = read(
        DEVELOPMENT
        | {
            "SCIM_SECRET_TOKEN": SECRET,
            "SCIM_SECRET_TOKEN__ACME": SECRET,
            "SCIM_API_KEY__CRM": f"scimkey_crm_{SECRET}-and-more-of-it",
            "TABLE_CONNECTION_STRING": f"AccountName=a;AccountKey={SECRET}",
        }
    )
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"
    assert SECRET not in settings.model_dump_json()


def test_every_setting_is_described_for_the_documentation() -> None:
    described = {setting.name: setting for setting in describe()}
    assert len(described) == len(Settings.model_fields)
    assert described["SCIM_MAX_BODY_BYTES"].default == "1048576"
    assert described["KEY_VAULT_URL"].default is None
    assert described["SCIM_SECRET_TOKEN__<TENANT>"].default is None
    assert all(setting.description.endswith(".") for setting in described.values())


def test_the_sample_for_developers_holds_no_token_and_is_read_without_complaint() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())
    assert sample["IsEncrypted"] is False
    of_the_host = {
        "FUNCTIONS_WORKER_RUNTIME",
        "AzureWebJobsStorage",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    }
    assert set(sample["Values"]) <= of_the_host | {setting.name for setting in describe()}
    assert "AZURE_FUNCTIONS_ENVIRONMENT" not in sample["Values"], "Core Tools set it themselves"
    settings = read({**sample["Values"], "AZURE_FUNCTIONS_ENVIRONMENT": "Development"})
    assert settings.is_development
    assert settings.development_tokens == {}


def test_webhooks_need_to_know_where_the_queues_are() -> None:
    on = {**PRODUCTION, "SCIM_WEBHOOKS": "on"}
    [problem] = problems(on)
    assert problem == (
        "AzureWebJobsStorage__queueServiceUri is not set, and SCIM_WEBHOOKS is on; put"
        " https://<account>.queue.core.windows.net"
    )
    there = "https://account.queue.core.windows.net"
    settings = read({**on, "AzureWebJobsStorage__queueServiceUri": there})
    assert settings.queue_endpoint == there


def test_a_developer_has_the_queues_of_azurite() -> None:
    settings = read({**DEVELOPMENT, "SCIM_WEBHOOKS": "on"})
    assert settings.queue_connection_string is not None
    text = settings.queue_connection_string.get_secret_value()
    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1" in text


@pytest.mark.parametrize("environ", [PRODUCTION, DEVELOPMENT])
def test_without_webhooks_the_storage_of_the_host_is_none_of_ours(environ: dict[str, str]) -> None:
    of_the_host = {
        "AzureWebJobsStorage": "whatever the host takes",
        "AzureWebJobsStorage__queueServiceUri": "ftp://x",
    }
    assert read({**environ, **of_the_host}).queue_endpoint is None
