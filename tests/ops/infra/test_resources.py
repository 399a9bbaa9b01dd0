"""What the resources must be, besides what checkov knows to ask."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Any

import pytest

from tests.ops.infra.bicep import INFRA, MODULES, ROOT, Expression, of_kind, source

ACCOUNTS = ["host-storage", "identity-storage"]
HARDENED = {
    "allowSharedKeyAccess": False,
    "defaultToOAuthAuthentication": True,
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "isLocalUserEnabled": False,
    "supportsHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_2",
    "encryption": {
        "keySource": "Microsoft.Storage",
        "requireInfrastructureEncryption": Expression("infrastructureEncryption"),
    },
    "publicNetworkAccess": Expression("isPrivate ? 'Disabled' : 'Enabled'"),
    "networkAcls": {
        "bypass": "None",
        "defaultAction": Expression("isPrivate ? 'Deny' : 'Allow'"),
    },
}


def body(module: str, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(INFRA / "modules" / f"{module}.bicep", "resource")[
        resource
    ].body
    return found


@pytest.mark.parametrize("module", ACCOUNTS)
def test_no_key_opens_storage(module: str) -> None:
    assert body(module, "account")["properties"] == HARDENED


def test_identities_lie_in_an_account_of_their_own() -> None:
    types = {
        module: {
            each.target.partition("@")[0].removeprefix("Microsoft.Storage/storageAccounts")
            for each in of_kind(INFRA / "modules" / f"{module}.bicep", "resource").values()
            if each.target.startswith("Microsoft.Storage/")
        }
        for module in ACCOUNTS
    }
    assert types["host-storage"] == {
        "",
        "/blobServices",
        "/blobServices/containers",
        "/queueServices",
        "/queueServices/queues",
    }
    assert types["identity-storage"] == {"", "/tableServices", "/tableServices/tables"}


def test_the_account_of_the_identities_can_be_locked() -> None:
    lock = of_kind(INFRA / "modules" / "identity-storage.bicep", "resource")["lock"].text
    assert "= if (isLocked) {" in lock
    assert "scope: account" in lock
    assert "level: 'CanNotDelete'" in lock


@pytest.mark.parametrize(("module", "scope"), [("identity-storage", "tables"), ("vault", "vault")])
def test_who_touched_identities_and_secrets_is_kept(module: str, scope: str) -> None:
    audit = body(module, "audit")
    assert audit["scope"] == Expression(scope)
    assert audit["properties"]["workspaceId"] == Expression("workspaceId")
    assert audit["properties"]["logs"]


def test_every_use_of_a_secret_is_kept() -> None:
    assert body("vault", "audit")["properties"]["logs"] == [
        {"categoryGroup": "audit", "enabled": True}
    ]


def test_calls_of_the_table_are_kept_as_far_as_is_wanted() -> None:
    categories = of_kind(INFRA / "modules" / "identity-storage.bicep", "variable")
    assert categories["loggedCategories"].body == {
        "all": ["StorageRead", "StorageWrite", "StorageDelete"],
        "changes": ["StorageWrite", "StorageDelete"],
        "none": [],
    }
    # Each is named whatever is wanted: one that is left out of a setting stays as it was.
    logs = body("identity-storage", "audit")["properties"]["logs"].text
    assert logs.startswith("[for category in loggedCategories.all: {")
    assert "enabled: contains(loggedCategories[loggedCalls], category)" in logs
    wanted = of_kind(INFRA / "main.bicep", "parameter")["storageLogs"]
    assert wanted.decorators["allowed"] == [list(categories["loggedCategories"].body)]
    assert wanted.body == "all"


def test_the_log_takes_no_more_in_a_day_than_its_cap() -> None:
    workspace = body("monitoring", "workspace")["properties"]
    assert workspace["workspaceCapping"] == {
        "dailyQuotaGb": Expression("dailyCapGB == 0 ? -1 : dailyCapGB")
    }
    assert of_kind(INFRA / "main.bicep", "parameter")["logDailyCapGB"].body == 0


def test_the_vault_knows_roles_alone_and_cannot_be_emptied() -> None:
    vault = body("vault", "vault")["properties"]
    assert vault["enableRbacAuthorization"] is True
    assert vault["enablePurgeProtection"] is True
    assert vault["softDeleteRetentionInDays"] == Expression("retentionDays")
    assert "accessPolicies" not in vault


@pytest.mark.parametrize("resource", ["workspace", "applicationInsights"])
def test_no_key_opens_monitoring(resource: str) -> None:
    text = of_kind(INFRA / "modules" / "monitoring.bicep", "resource")[resource].text
    assert re.search(r"(?i)disableLocalAuth: true", text)


def test_the_plan_is_flex_consumption() -> None:
    plan = body("app", "plan")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert plan["properties"] == {"reserved": True, "zoneRedundant": Expression("zoneRedundant")}


def test_what_instances_of_several_zones_need_is_in_several_zones() -> None:
    main = of_kind(INFRA / "main.bicep", "module")
    host = main["hostStorage"].body["params"]["redundancy"].text
    assert host.startswith("zoneRedundant || endsWith(storageRedundancy, 'ZRS') ? 'Standard_ZRS'")
    assert of_kind(INFRA / "main.bicep", "parameter")["zoneRedundant"].body is False


UNTAGGED = ("/lock", "/roleAssignments", "/diagnosticSettings", "/subnets", "/privateDnsZoneGroups")
"""Types that take no tags, besides the parts of a storage account and of a site."""


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_everything_that_takes_tags_has_those_of_the_deployment(file: Any) -> None:
    for each in of_kind(file, "resource").values():
        type_ = each.target.partition("@")[0]
        is_part = type_.startswith(("Microsoft.Storage/", "Microsoft.Web/")) and "parent: " in (
            each.text
        )
        if each.is_existing or is_part or any(part in type_ for part in UNTAGGED):
            continue
        assert re.search(r"(?m)^  tags: (tags|union\(tags, \{)$", each.text), each.name


def test_the_app_runs_the_python_that_is_tested() -> None:
    config = body("app", "app")["properties"]["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    assert "3.13 is what Azure runs" in " ".join((ROOT / "README.md").read_text("utf-8").split())


def test_the_app_reads_its_package_with_its_identity() -> None:
    storage = body("app", "app")["properties"]["functionAppConfig"]["deployment"]["storage"]
    assert storage["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": Expression("identityId"),
    }


def test_the_scale_is_that_of_the_parameters() -> None:
    scale = body("app", "app")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scale["instanceMemoryMB"] == Expression("instanceMemoryMB")
    assert scale["maximumInstanceCount"] == Expression("maximumInstanceCount")
    assert scale["triggers"] == {
        "http": {"perInstanceConcurrency": Expression("perInstanceConcurrency")}
    }
    assert "instanceCount: alwaysReadyInstances" in scale["alwaysReady"].text


def test_the_app_speaks_tls_and_takes_no_password() -> None:
    app = body("app", "app")["properties"]
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["minTlsVersion"] == app["siteConfig"]["scmMinTlsVersion"] == "1.2"
    for site in ("ftp", "scm"):
        assert body("app", site)["properties"] == {"allow": False}


def test_callers_can_be_restricted_to_microsoft_entra_id() -> None:
    site = body("app", "app")["properties"]["siteConfig"]
    (rule,) = of_kind(INFRA / "modules" / "app.bicep", "variable")["entraOnly"].body
    assert (rule["tag"], rule["ipAddress"]) == ("ServiceTag", "AzureActiveDirectory")
    assert site["ipSecurityRestrictions"] == Expression("onlyFromEntra ? entraOnly : []")
    assert site["ipSecurityRestrictionsDefaultAction"] == Expression(
        "onlyFromEntra ? 'Deny' : 'Allow'"
    )


SUBNETS = {"app": "appSubnet", "endpoints": "endpointsSubnet", "operators": "operatorsSubnet"}


def test_the_subnet_of_the_app_is_one_of_flex_consumption() -> None:
    subnets = {name: body("network", symbol) for name, symbol in SUBNETS.items()}
    assert {name: each["name"] for name, each in subnets.items()} == {
        each: each for each in SUBNETS
    }
    delegations = subnets["app"]["properties"]["delegations"]
    assert delegations[0]["properties"]["serviceName"] == "Microsoft.App/environments"
    assert "delegations" not in subnets["endpoints"]["properties"]
    outputs = of_kind(INFRA / "modules" / "network.bicep", "output")
    assert outputs["appSubnetId"].body.text == "appSubnet.id"


def test_a_subnet_that_a_deployer_has_added_stays() -> None:
    """A list of subnets in the network would take away those that it does not name."""
    assert body("network", "network")["properties"].keys() == {"addressSpace"}


def test_subnets_are_changed_one_after_the_other() -> None:
    before = {
        name: body("network", symbol).get("dependsOn", []) for name, symbol in SUBNETS.items()
    }
    assert {name: [each.text for each in found] for name, found in before.items()} == {
        "app": [],
        "endpoints": ["appSubnet"],
        "operators": ["endpointsSubnet"],
    }


def test_subnets_do_not_overlap_in_the_smallest_network_that_is_taken() -> None:
    network = ipaddress.IPv4Network("10.60.0.0/25")
    variables = of_kind(INFRA / "main.bicep", "variable")
    cut = []
    for name in ("appPrefix", "endpointPrefix", "operatorsSubnetPrefix"):
        form = r"cidrSubnet\(privateNetwork, (\d+), (\d+)\)"
        ((length, index),) = re.findall(form, variables[name].body.text)
        cut.append(list(network.subnets(new_prefix=int(length)))[int(index)])
    assert not any(one.overlaps(other) for one, other in itertools.combinations(cut, 2))


def test_operators_reach_storage_and_vault_from_where_the_parameters_say_and_nobody_else() -> None:
    variables = of_kind(INFRA / "modules" / "network.bicep", "variable")
    rules = body("network", "endpointRules")["properties"]["securityRules"].text
    assert rules == (
        "concat([appOverHttps], empty(operatorsPrefixes) ? [] : [operatorsOverHttps], [nobodyElse])"
    )
    app, operators, nobody = (
        variables[name].body["properties"]
        for name in ("appOverHttps", "operatorsOverHttps", "nobodyElse")
    )
    assert operators["sourceAddressPrefixes"] == Expression("operatorsPrefixes")
    assert app.keys() - {"sourceAddressPrefix"} == operators.keys() - {"sourceAddressPrefixes"}
    assert app["destinationPortRange"] == operators["destinationPortRange"] == "443"
    assert app["priority"] < operators["priority"] < nobody["priority"]
    assert nobody["access"] == "Deny"
    prefixes = variables["operatorsPrefixes"].body.text
    assert prefixes.startswith("filter([operatorsSubnetPrefix, operatorsAddresses], ")


def test_there_is_a_subnet_for_operators_where_it_is_asked_for() -> None:
    for symbol in ("operatorsSubnet", "operatorsRules"):
        text = of_kind(INFRA / "modules" / "network.bicep", "resource")[symbol].text
        assert "= if (!empty(operatorsSubnetPrefix)) {" in text
    properties = body("network", "operatorsSubnet")["properties"]
    assert properties["addressPrefix"] == Expression("operatorsSubnetPrefix")
    assert properties["natGateway"] == {"id": Expression("outbound.id")}, "az needs a way out"


def test_private_endpoints_are_those_of_what_the_app_opens() -> None:
    variables = of_kind(INFRA / "modules" / "private-endpoints.bicep", "variable")
    targets = variables["targetsOfAll"].body
    assert [(each["name"].text, each["type"], each["groupId"]) for each in targets] == [
        ("hostStorageName", "Microsoft.Storage/storageAccounts", "blob"),
        ("identityStorageName", "Microsoft.Storage/storageAccounts", "table"),
        ("vaultName", "Microsoft.KeyVault/vaults", "vault"),
    ]
    # Their names are unique, so that a second environment in the group has its own.
    endpoints = of_kind(INFRA / "modules" / "private-endpoints.bicep", "resource")["endpoints"].text
    assert "name: target.endpoint\n" in endpoints
    assert [each["endpoint"].text for each in targets] == [
        f"'pe-${{{each['name'].text}}}'" for each in targets
    ]


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_everything_is_in_the_region_that_was_asked_for(file: Any) -> None:
    named = set(re.findall(r"(?m)^ +location: (.+)$", source(file)))
    assert named <= {"location", "'global'"}
