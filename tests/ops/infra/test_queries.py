"""The searches of alerts and dashboard: they parse, and look for what the service logs."""

from __future__ import annotations

import json
import logging
import re
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import azure.functions as func
import pytest

from shared.auth.cached import Cached, Waits
from shared.auth.key_vault import ListedSecret
from shared.auth.vault import VaultTokens
from shared.auth.versions import SecretVersion
from shared.clock import Clock
from shared.errors import InvalidValue
from shared.tables.request_context import Meter
from shared.telemetry.request_record import FACTS
from shared.web.respond import respond
from tests.ops.infra.bicep import INFRA, ROOT, of_kind, source
from tests.ops.infra.kql import problems

if TYPE_CHECKING:
    from pathlib import Path

    from shared.auth.key_vault import Vault
    from shared.telemetry.request_record import RequestRecord
    from shared.web.responses import ScimResponse

QUERIES = INFRA / "queries"
REQUESTS = QUERIES / "requests.kql"
ALERTS = INFRA / "modules" / "alerts.bicep"
DASHBOARD = INFRA / "modules" / "dashboard.bicep"
USERS = {"alerts": ALERTS, "dashboard": DASHBOARD}
SEARCHES = sorted(QUERIES.glob("*/*.kql"))
RULES = {each["name"]: each for each in of_kind(ALERTS, "variable")["searches"].body}

LOADED = re.compile(r"(\$\{requests\})?\$?\{?loadTextContent\('\.\./queries/([\w/-]+\.kql)'\)")


def loaded(module: Path) -> dict[str, str]:
    """Return the queries of a module as it puts them together, by path below `queries`."""
    requests = REQUESTS.read_text("utf-8")
    return {
        path: (requests if prefix else "") + (QUERIES / path).read_text("utf-8")
        for prefix, path in LOADED.findall(source(module))
        if path != REQUESTS.name
    }


def seconds(duration: str) -> int:
    """Return the length of an ISO 8601 duration of days, hours and minutes."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", duration)
    assert found, duration
    days, hours, minutes = (int(each or 0) for each in found.groups())
    return 86_400 * days + 3_600 * hours + 60 * minutes


def pattern_of(query: str) -> re.Pattern[str]:
    """Return the regular expression by which a query knows its messages."""
    (pattern,) = re.findall(r'Message matches regex @"([^"]+)"', (QUERIES / query).read_text())
    return re.compile(pattern)


def test_every_query_is_used_once() -> None:
    used = [path for module in USERS.values() for path in loaded(module)]
    assert sorted(used) == [str(file.relative_to(QUERIES)) for file in SEARCHES]
    assert source(ALERTS).count("queries/requests.kql") == 1
    assert source(DASHBOARD).count("queries/requests.kql") == 1


def test_every_query_parses_and_names_only_what_there_is() -> None:
    found = problems(loaded(ALERTS) | loaded(DASHBOARD))
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert len(found) == len(SEARCHES)


def test_a_query_that_is_wrong_is_found_out() -> None:
    requests = REQUESTS.read_text("utf-8")
    found = problems(
        {
            "column": f"{requests}requests | where statuss >= 500",
            "operator": f"{requests}requests | wher status >= 500",
            "table": "AppTracez | take 1",
            "reserved": "AppTraces | summarize last = max(TimeGenerated)",
            "right": f"{requests}requests | where status >= 500",
        }
    )
    assert {path for path, wrong in found.items() if wrong} == {
        "column",
        "operator",
        "table",
        "reserved",
    }


def test_a_query_says_what_it_finds() -> None:
    assert [
        file.name for file in [REQUESTS, *SEARCHES] if not file.read_text().startswith("// ")
    ] == []


# What the service logs


async def logged_request(caplog: pytest.LogCaptureFixture) -> str:
    """Return the line of a refused request of which everything is known."""

    async def refuse(_: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        record.tenant, record.token = "acme", "scim-token/1a2b"
        record.meter = Meter(3, 5)
        record.resource_id = "0123456789abcdef0123456789abcdef"
        raise InvalidValue("no boolean", operation=1, path="active")

    trace = SimpleNamespace(trace_parent="", trace_state="", attributes={})
    context = SimpleNamespace(invocation_id="the-id", trace_context=trace)
    request = func.HttpRequest("PATCH", "/", body=b"")
    with caplog.at_level(logging.INFO, logger="scim.requests"):
        # As a call of the product: one of an identity provider is kept by the services, too.
        template = "scim/v2/Users/{id}"
        await respond(refuse, request, cast("func.Context", context), template, problems=True)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "scim.requests"]
    caplog.clear()
    return line


async def test_requests_are_known_by_how_their_line_begins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = await logged_request(caplog)
    for file in [REQUESTS, QUERIES / "dashboard" / "warnings.kql"]:
        (beginning,) = re.findall(r"Message startswith '([^']+)'", file.read_text("utf-8"))
        assert line.startswith(beginning)


async def test_the_columns_are_fields_of_the_line(caplog: pytest.LogCaptureFixture) -> None:
    read = re.findall(r"(\w+) = \w+\(line\.(\w+)\)", REQUESTS.read_text("utf-8"))
    assert all(column == field for column, field in read)
    assert {field for _, field in read} <= {fact.field for fact in FACTS}
    assert json.loads(await logged_request(caplog)).keys() <= {fact.field for fact in FACTS}
    assert len(read) >= 10


async def test_a_failing_vault_is_found(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: object) -> str:
        raise OSError("no answer")

    for name in ["the tenants", "the tokens of acme"]:
        cached: Cached[str] = Cached(name, fail, Clock(), Waits())
        assert await cached.current() is None
    assert len(caplog.messages) == 2
    assert all(pattern_of("alerts/vault-failures.kql").search(line) for line in caplog.messages)
    assert all("no one can enter" in line for line in caplog.messages)


class ExpiringVault:
    """A vault whose one token ends in a week."""

    async def secrets(self) -> list[ListedSecret]:
        return [ListedSecret("scim-token--acme", enabled=True, created=0.0, updated=0.0)]

    async def versions(self, _: str) -> list[SecretVersion]:
        week = time.time() + 7 * 86_400
        return [SecretVersion("0123456789abcdef", True, 0.0, None, week)]

    async def value(self, _: str, __: str) -> str | None:
        return "the-token-of-a-tenant"

    async def close(self) -> None:
        pass


async def test_a_token_near_its_end_is_found(caplog: pytest.LogCaptureFixture) -> None:
    tokens = VaultTokens(cast("Vault", ExpiringVault()))
    await tokens.authenticate("acme", "Bearer the-token-of-a-tenant")
    await tokens.close()
    pattern = pattern_of("alerts/token-expiry.kql")
    (line,) = [message for message in caplog.messages if pattern.search(message)]
    assert re.fullmatch(r"The token scim-token--acme/01234567 expires on [0-9-]{10};.*", line)
    query = (QUERIES / "alerts" / "token-expiry.kql").read_text("utf-8")
    assert 'parse Message with "The token " token " expires on " expires: datetime ";" *' in query


# The rules


def test_there_is_an_alert_for_each_way_to_fail() -> None:
    assert RULES.keys() == {
        "server-errors",
        "unauthorized",
        "storage-throttling",
        "rate-limit",
        "refusals",
        "host-refusals",
        "vault-failures",
        "token-expiry",
        "guard",
        "silence",
        "log-cap",
    }


@pytest.mark.parametrize("name", RULES)
def test_a_rule_searches_with_the_query_of_its_name(name: str) -> None:
    assert f"queries/alerts/{name}.kql" in RULES[name]["query"].text


@pytest.mark.parametrize("name", RULES)
def test_a_rule_keeps_to_the_limits_of_log_search_alerts(name: str) -> None:
    window, every = seconds(RULES[name]["window"]), seconds(RULES[name]["every"])
    assert 300 <= every <= window <= 2 * 86_400
    assert RULES[name]["severity"] in (1, 2)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_looks_back_no_further_than_its_window(name: str) -> None:
    text = (QUERIES / "alerts" / f"{name}.kql").read_text("utf-8")
    days = [int(each) for each in re.findall(r"ago\((\d+)d\)", text)]
    assert all(each * 86_400 < seconds(RULES[name]["window"]) for each in days)


def test_a_rule_tells_alerts_apart_by_a_column_of_its_query() -> None:
    apart = {name: rule["dimension"] for name, rule in RULES.items() if rule["dimension"]}
    assert apart == {
        "rate-limit": "tenant",
        "refusals": "tenant",
        "token-expiry": "token",
        "guard": "tenant",
        "silence": "tenant",
    }
    queries = {
        name: f"{loaded(ALERTS)[f'alerts/{name}.kql']}\n| project {column}"
        for name, column in apart.items()
    }
    assert problems(queries) == {name: [] for name in apart}


@pytest.mark.parametrize("name", RULES)
def test_what_is_looked_up_far_back_is_mailed_once_a_day(name: str) -> None:
    assert RULES[name]["isStateful"] == (seconds(RULES[name]["window"]) < 86_400)


def test_alerts_go_out_by_mail() -> None:
    operators = of_kind(ALERTS, "resource")["operators"].body["properties"]
    (receiver,) = operators["emailReceivers"]
    assert receiver["emailAddress"].text == "email"
    assert "operators.id" in of_kind(ALERTS, "resource")["rules"].text


def test_alerts_are_posted_too_where_somebody_takes_them() -> None:
    """In the schema that all alerts of Azure share, which pagers and workflows of Teams read."""
    operators = of_kind(ALERTS, "resource")["operators"].body["properties"]
    assert operators["emailReceivers"][0]["useCommonAlertSchema"] is True
    receivers = operators["webhookReceivers"].text
    assert receivers.startswith("empty(webhook) ? [] : [")
    assert "useCommonAlertSchema: true" in receivers


@pytest.mark.parametrize("name", RULES)
def test_an_alert_links_to_its_part_of_the_runbook(name: str) -> None:
    assert f"\n### {name}\n" in (ROOT / "docs" / "operate.md").read_text("utf-8")
    rules = of_kind(ALERTS, "resource")["rules"].text
    assert "description: '${search.title}. Cause and remedy: ${runbook}#${search.name}'" in rules
    assert "runbook: '${runbook}#${search.name}'" in rules.partition("customProperties: {")[2]


def test_the_runbook_is_where_the_docs_of_the_deployment_are() -> None:
    runbook = of_kind(ALERTS, "variable")["runbook"].body.text
    assert runbook == "empty(docsUrl) ? 'docs/operate.md' : '${docsUrl}/operate.md'"


def test_refusals_are_alerted_when_they_rise_and_not_for_being_there() -> None:
    query = (QUERIES / "alerts" / "refusals.kql").read_text("utf-8")
    assert "status in (400, 409, 413)" in query
    assert "refused > 3 * an_hour_before" in query
    hours = seconds(RULES["refusals"]["window"]) // 3_600
    assert f"/ {hours - 1}.0" in query, "an hour of those before the last"


def test_what_is_not_wanted_or_cannot_happen_is_left_unalerted_and_nothing_else() -> None:
    enabled = {name: rule["enabled"] for name, rule in RULES.items()}
    assert enabled.pop("silence").text == "isSilenceAlerted"
    assert enabled.pop("log-cap").text == "isLogCapped"
    assert "isLogCapped: logDailyCapGB > 0\n" in source(INFRA / "main.bicep")
    assert all(each is True for each in enabled.values())


def test_the_documentation_describes_every_alert() -> None:
    text = (ROOT / "docs" / "infrastructure.md").read_text("utf-8")
    section = text.partition("\n## Alerts and the dashboard\n")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^\| `([\w-]+)` \|", section) == list(RULES)
