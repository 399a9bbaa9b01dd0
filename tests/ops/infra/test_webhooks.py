"""What webhooks need of the deployment, and only where they are on: queues, a role, an address."""

from __future__ import annotations

import json

import pytest

from local import host_json
from shared.queues.names import CHANGE_HINTS
from tests.ops.infra.bicep import INFRA, ROOT, Expression, of_kind, source
from tests.ops.infra.test_roles import APP_ITSELF, assignments, granted

MAIN = INFRA / "main.bicep"
STORAGE = INFRA / "modules" / "host-storage.bicep"
ENDPOINTS = INFRA / "modules" / "private-endpoints.bicep"
CONDITIONED = ["hostStorage", "roles", "privateEndpoints"]
"""Modules that deploy more where webhooks are on."""


def test_the_setting_of_the_service_is_the_one_switch() -> None:
    switch = of_kind(MAIN, "variable")["hasWebhooks"].body
    assert switch == Expression("(settings.?SCIM_WEBHOOKS ?? 'off') == 'on'")
    modules = of_kind(MAIN, "module")
    for name in CONDITIONED:
        assert modules[name].body["params"]["hasWebhooks"] == Expression("hasWebhooks")


def test_the_queue_of_hints_is_made_under_the_name_that_it_has_on_this_machine() -> None:
    assert of_kind(MAIN, "variable")["hintsQueueName"].body == CHANGE_HINTS
    queues = {
        name: each.body["name"]
        for name, each in of_kind(STORAGE, "resource").items()
        if "/queueServices/queues@" in each.target
    }
    assert queues == {
        "hints": Expression("hintsQueueName"),
        "poison": Expression("'${hintsQueueName}-poison'"),
    }


@pytest.mark.parametrize("name", ["queues", "hints", "poison"])
def test_without_webhooks_there_is_no_queue(name: str) -> None:
    assert " = if (hasWebhooks) {\n" in of_kind(STORAGE, "resource")[name].text


def test_the_role_ends_at_the_two_queues() -> None:
    scopes = [granted(each) for each in assignments().values()]
    assert [scope for who, role, scope in scopes if "Queue" in role and who == APP_ITSELF] == [
        "hints",
        "poison",
    ]


def test_the_host_is_told_where_its_queues_are_and_only_then() -> None:
    told = of_kind(INFRA / "modules" / "app.bicep", "variable")["queueSettings"].body.text
    assert told.startswith("empty(hostQueueEndpoint) ? {} : {")
    assert "AzureWebJobsStorage__queueServiceUri: hostQueueEndpoint" in told
    given = of_kind(MAIN, "module")["app"].body["params"]["hostQueueEndpoint"]
    assert given == Expression("hasWebhooks ? hostStorage.outputs.queueEndpoint : ''")
    outputs = of_kind(STORAGE, "output")
    assert outputs["queueEndpoint"].body.text == "account.properties.primaryEndpoints.queue"


def test_a_private_network_has_a_way_to_the_queues_and_keeps_the_names_of_the_others() -> None:
    variables = of_kind(ENDPOINTS, "variable")
    (target,) = variables["targetsOfWebhooks"].body
    assert (target["name"], target["groupId"]) == (Expression("hostStorageName"), "queue")
    assert target["zone"] == Expression("'privatelink.queue.${storageSuffix}'")
    assert target["endpoint"] == Expression("'pe-${hostStorageName}-queue'")
    wanted = "concat(targetsOfAll, hasWebhooks ? targetsOfWebhooks : [])"
    assert variables["targets"].body == Expression(wanted)


def test_the_host_has_queue_triggers_by_its_extension_bundle() -> None:
    bundle = json.loads((ROOT / "host.json").read_text("utf-8"))["extensionBundle"]
    assert bundle == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    }


def test_a_hint_waits_for_no_longer_than_docs_cost_says_where_an_instance_runs() -> None:
    assert host_json.read(ROOT / "host.json").queues.max_polling_interval == 1.25
    assert "asks every 1.25 s at the latest" in (ROOT / "docs" / "cost.md").read_text("utf-8")


def test_no_instance_is_always_ready_for_webhooks() -> None:
    assert "function:" not in source(INFRA / "modules" / "app.bicep")
