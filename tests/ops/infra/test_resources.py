"""What the resources must be, besides what checkov knows to ask."""

from __future__ import annotations

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
    assert types["host-storage"] == {"", "/blobServices", "/blobServices/containers"}
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
    assert all(each["enabled"] is True for each in audit["properties"]["logs"])
    kinds = {
        each.get("category", each.get("categoryGroup")) for each in audit["properties"]["logs"]
    }
    assert kinds in ({"audit"}, {"StorageRead", "StorageWrite", "StorageDelete"})


def test_the_vault_knows_roles_alone_and_cannot_be_emptied() -> None:
    vault = body("vault", "vault")["properties"]
    assert vault["enableRbacAuthorization"] is True
    assert vault["enablePurgeProtection"] is True
    assert vault["softDeleteRetentionInDays"] == 90
    assert "accessPolicies" not in vault


@pytest.mark.parametrize("resource", ["workspace", "applicationInsights"])
def test_no_key_opens_monitoring(resource: str) -> None:
    text = of_kind(INFRA / "modules" / "monitoring.bicep", "resource")[resource].text
    assert re.search(r"(?i)disableLocalAuth: true", text)


def test_the_plan_is_flex_consumption() -> None:
    plan = body("app", "plan")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert plan["properties"] == {"reserved": True}


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


def test_an_update_is_done_as_the_parameter_says() -> None:
    strategy = body("app", "app")["properties"]["functionAppConfig"]["siteUpdateStrategy"]
    assert strategy == {"type": Expression("siteUpdateStrategy")}
    parameter = of_kind(INFRA / "main.bicep", "parameter")["siteUpdateStrategy"]
    assert parameter.body == "Recreate"
    assert parameter.decorators["allowed"] == [["Recreate", "RollingUpdate"]]


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


def test_the_subnet_of_the_app_is_one_of_flex_consumption() -> None:
    subnets = body("network", "network")["properties"]["subnets"]
    app, endpoints = (each["properties"] for each in subnets)
    assert app["delegations"][0]["properties"]["serviceName"] == "Microsoft.App/environments"
    assert "delegations" not in endpoints
    outputs = of_kind(INFRA / "modules" / "network.bicep", "output")
    for subnet, output in zip(subnets, ("appSubnetId", "endpointSubnetId"), strict=True):
        assert outputs[output].body.text == f"'${{network.id}}/subnets/{subnet['name']}'"


def test_private_endpoints_are_those_of_what_the_app_opens() -> None:
    targets = of_kind(INFRA / "modules" / "private-endpoints.bicep", "variable")["targets"].body
    assert [(each["id"].text, each["groupId"]) for each in targets] == [
        ("hostStorageId", "blob"),
        ("identityStorageId", "table"),
        ("vaultId", "vault"),
    ]


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_everything_is_in_the_region_that_was_asked_for(file: Any) -> None:
    named = set(re.findall(r"(?m)^ +location: (.+)$", source(file)))
    assert named <= {"location", "'global'"}
