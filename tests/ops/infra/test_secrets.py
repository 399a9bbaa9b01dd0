"""No secret in the template: one may go in, none comes out, none is asked of Azure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.ops.infra.bicep import FILES, INFRA, PARAMETER_FILES, of_kind, source

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = [*FILES, *PARAMETER_FILES]
NAMES_OF_SECRETS = re.compile(r"(?i)secret|password|token|key(?!vault)|credential|connectionstring")
HARMLESS = {
    "tokenOfficerId": "the object id of a person or group",
    "tokensByApi": "whether the app has a role",
}
TELLING = [r"\blist\w+\(", r"(?i)accountkey=", r"(?i)sharedaccess", r"(?i)sig="]
"""What hands out keys, or carries one."""
SECURE = {"main.bicep": ["alertWebhook"], "alerts.bicep": ["webhook"]}
"""Parameters that Azure keeps out of its history: the address of a webhook may hold a secret."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_parameter_or_output_is_named_like_a_secret(file: Path) -> None:
    named = [n for n in of_kind(file, "parameter", "output") if NAMES_OF_SECRETS.search(n)]
    assert set(named) <= HARMLESS.keys()


@pytest.mark.parametrize("name", ["adminPassword", "storageKey", "scimToken", "apiSecret"])
def test_names_of_secrets_are_known_as_such(name: str) -> None:
    assert NAMES_OF_SECRETS.search(name)


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: file.name)
@pytest.mark.parametrize("pattern", TELLING)
def test_no_key_is_asked_for_or_passed_on(file: Path, pattern: str) -> None:
    assert re.findall(pattern, source(file)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_one_secret_that_goes_in_is_where_alerts_are_posted_to(file: Path) -> None:
    parameters = of_kind(file, "parameter")
    secure = [name for name, each in parameters.items() if "secure" in each.decorators]
    assert secure == SECURE.get(file.name, [])
    for name in secure:
        assert name not in "".join(each.text for each in of_kind(file, "output").values())


def test_it_goes_from_the_environment_to_the_receiver_and_nowhere_else() -> None:
    group = of_kind(INFRA / "modules" / "alerts.bicep", "resource")["operators"].text
    text = source(INFRA / "modules" / "alerts.bicep")
    assert len(re.findall(r"\bwebhook\b(?!')", text)) == 3  # declared, looked at, and sent
    assert "webhookReceivers: empty(webhook) ? [] : [" in group
    assert "serviceUri: webhook\n" in group
    assert len(re.findall(r"\balertWebhook\b", source(INFRA / "main.bicep"))) == 2
    for file in PARAMETER_FILES:
        assert "alertWebhook = readEnvironmentVariable('SCIM_ALERT_WEBHOOK', '')" in source(file)


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: file.name)
def test_no_literal_looks_drawn_at_random(file: Path) -> None:
    strings = re.findall(r"'([A-Za-z0-9+/=_-]{24,})'", source(file))
    guids = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert [s for s in strings if re.search(r"\d", s) and not guids.fullmatch(s)] == []


def test_the_template_writes_no_secret_into_the_vault() -> None:
    types = [each.target for file in FILES for each in of_kind(file, "resource").values()]
    assert not [each for each in types if each.startswith("Microsoft.KeyVault/vaults/")]


def test_the_connection_string_of_telemetry_stays_in_the_module_of_the_app() -> None:
    # With local auth off it is an address; but outputs of a deployment are there for all to read.
    users = {file.name for file in FILES if ".properties.ConnectionString" in source(file)}
    assert users == {"app.bicep"}
    assert "DisableLocalAuth: true" in source(INFRA / "modules" / "monitoring.bicep")
