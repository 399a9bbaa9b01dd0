"""The app settings of the template are the settings of the service: none missing, none unknown."""

from __future__ import annotations

import json
import math
import re
from typing import Any, get_args

import pytest

from shared.settings import _DEVELOPMENT_ONLY, Settings, describe
from tests.ops.infra.bicep import INFRA, ROOT, Declaration, Expression, fields, of_kind, source

APP = INFRA / "modules" / "app.bicep"
VARIABLES = of_kind(APP, "variable")
DEPLOYED: dict[str, Any] = VARIABLES["deployedSettings"].body
CHOSEN = fields(of_kind(INFRA / "settings.bicep", "type")["serviceSettings"])

OF_THE_PLATFORM = {
    "AzureWebJobsStorage__blobServiceUri": "storage of the host: its blobs, and no more",
    "AzureWebJobsStorage__queueServiceUri": "and its queues, where webhooks are on",
    "AzureWebJobsStorage__credential": "opened with a managed identity",
    "AzureWebJobsStorage__clientId": "namely this one",
    "AzureWebJobsDisableHomepage": "no page at / that tells what runs here",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "no memory for bodies that the service would refuse",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "proves the app registration without a secret",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "where telemetry goes",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "sent with the identity, as no key is accepted",
}
"""Settings of the host and its telemetry, and why; the service reads the address of queues too."""

REFUSED_BY_FLEX = [
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENT",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "linuxFxVersion",
    "netFrameworkVersion",
    "alwaysOn",
    "ftpsState",
    "use32BitWorkerProcess",
    "functionsRuntimeScaleMonitoringEnabled",
    "vnetRouteAllEnabled",
]


def field_of(setting: str) -> Any:
    (field,) = (each for each in Settings.model_fields.values() if each.alias == setting)
    return field


def bounds_of(field: Any) -> tuple[int | None, int | None]:
    """Return the least and the greatest whole number that the model takes."""
    least = next((each.ge for each in field.metadata if hasattr(each, "ge")), None)
    most = next((each.le for each in field.metadata if hasattr(each, "le")), None)
    return (
        None if least is None else math.ceil(least),
        None if most is None else math.floor(most),
    )


def bounds_in_bicep(setting: Declaration) -> tuple[int | None, int | None]:
    decorators = setting.decorators
    return decorators.get("minValue", [None])[0], decorators.get("maxValue", [None])[0]


def choices_in_bicep(setting: Declaration) -> set[str]:
    return set(re.findall(r"'([^']+)'", setting.body.text))


def test_every_setting_is_deployed_or_may_be_chosen() -> None:
    production = {setting.name for setting in describe()} - _DEVELOPMENT_ONLY
    missing = production - DEPLOYED.keys() - CHOSEN.keys() - OF_THE_PLATFORM.keys()
    assert not missing, f"add to infra/settings.bicep, a field each: {sorted(missing)}"


def test_no_setting_is_deployed_that_the_service_does_not_know() -> None:
    production = {setting.name for setting in describe()} - _DEVELOPMENT_ONLY
    unknown = {*DEPLOYED, *CHOSEN} - production
    assert not unknown, f"not in shared/settings.py, or for development only: {sorted(unknown)}"


def test_what_the_template_derives_nobody_may_choose() -> None:
    assert not DEPLOYED.keys() & CHOSEN.keys()


def test_the_platform_gets_what_is_listed_here_with_a_reason() -> None:
    telemetry = {each["name"] for each in VARIABLES["telemetrySettings"].body}
    queues = set(re.findall(r"\b(AzureWebJobs\w+):", VARIABLES["queueSettings"].body.text))
    found = telemetry | VARIABLES["hostSettings"].body.keys() | queues
    assert found == OF_THE_PLATFORM.keys()


def test_the_app_gets_these_settings_and_no_others() -> None:
    assert "union(hostSettings, queueSettings, deployedSettings, serviceSettings)" in source(APP)
    assert source(APP).count("appSettings:") == 1
    assert "appSettings: concat(givenSettings, telemetrySettings)" in source(APP)
    assert not re.search(r"sites/config@", source(APP))


def test_the_host_takes_all_that_the_service_takes_and_little_more() -> None:
    """So the service answers 413 in SCIM, and a caller without a token fills no memory."""
    written = of_kind(INFRA / "main.bicep", "variable")["requestBodyLimit"].body.text
    form = r"max\((\d+), \(settings\.\?SCIM_MAX_BODY_BYTES \?\? 0\) \+ (\d+)\)"
    found = re.fullmatch(form, written)
    assert found, written
    least, more = map(int, found.groups())
    default = field_of("SCIM_MAX_BODY_BYTES").default
    assert default < least == 4 * default
    assert more > 0  # than what is chosen
    limit = VARIABLES["hostSettings"].body["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"].text
    assert limit == "string(requestBodyLimit)"
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    assert sample["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] == str(least)


def test_the_host_finds_its_blobs_by_their_address_in_any_cloud() -> None:
    """By the name of its account it would ask for tables too, and in the public cloud alone."""
    assert VARIABLES["hostSettings"].body["AzureWebJobsStorage__blobServiceUri"].text == (
        "hostBlobEndpoint"
    )
    outputs = of_kind(INFRA / "modules" / "host-storage.bicep", "output")
    assert outputs["blobEndpoint"].body.text == "account.properties.primaryEndpoints.blob"
    assert "hostBlobEndpoint: hostStorage.outputs.blobEndpoint\n" in source(INFRA / "main.bicep")


@pytest.mark.parametrize("name", REFUSED_BY_FLEX)
def test_what_flex_consumption_refuses_is_not_set(name: str) -> None:
    assert not re.search(rf"(?m)^ *{name}\w*:", source(APP))


def test_what_is_deployed_is_accepted_by_the_service() -> None:
    values = {
        "clientId": "3f0b5c1e-0000-4000-8000-000000000000",
        "vaultUrl": "https://kv-scim-abc.vault.azure.net/",
        "tableEndpoint": "https://stscimabc.table.core.windows.net/",
        "portalStaff": "entra",
        "tableName": of_kind(INFRA / "main.bicep", "variable")["tableName"].body,
    }
    environ = {
        name: values[value.text] if isinstance(value, Expression) else value
        for name, value in DEPLOYED.items()
    }
    settings = Settings.from_environment(environ)
    assert not settings.is_development
    assert settings.key_vault_url == "https://kv-scim-abc.vault.azure.net"
    assert settings.table_endpoint == "https://stscimabc.table.core.windows.net"


@pytest.mark.parametrize("name", CHOSEN)
def test_a_setting_has_the_type_of_the_model(name: str) -> None:
    field = field_of(name)
    written = CHOSEN[name].body.text
    assert written.endswith("?"), "a setting that is left out keeps its default"
    choices = set(get_args(field.annotation))
    if field.annotation in (int, float):
        assert written == "int?"
    elif choices and all(isinstance(each, str) for each in choices):
        assert choices_in_bicep(CHOSEN[name]) == choices
    else:
        assert written in ("string?", "bool?")


@pytest.mark.parametrize("name", CHOSEN)
def test_a_setting_has_the_bounds_of_the_model(name: str) -> None:
    assert bounds_in_bicep(CHOSEN[name]) == bounds_of(field_of(name))
    (description,) = CHOSEN[name].decorators["description"]
    assert description.endswith(".")
    if CHOSEN[name].body.text == "string?":
        assert CHOSEN[name].decorators.keys() >= {"minLength", "maxLength"}


def test_a_name_that_is_no_setting_is_refused_by_the_template() -> None:
    settings = of_kind(INFRA / "settings.bicep", "type")["serviceSettings"]
    assert settings.decorators.keys() >= {"export", "sealed", "description"}
    assert "param settings serviceSettings = {}" in source(INFRA / "main.bicep")


def test_the_bounds_of_the_model_are_found() -> None:
    assert bounds_of(field_of("SCIM_SCAN_MAX_SECONDS")) == (1, 55)
    assert bounds_of(field_of("SCIM_MAX_BODY_BYTES")) == (4_096, 16_777_216)
    assert bounds_of(field_of("SCIM_BASE_URL")) == (None, None)
