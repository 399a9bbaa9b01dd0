"""The shape of the template: main lists modules, each is used whole, each API version is one."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.ops.infra.bicep import FILES, INFRA, MODULES, ROOT, declarations, of_kind, source

if TYPE_CHECKING:
    from pathlib import Path

MAIN = INFRA / "main.bicep"


def test_main_lists_modules_and_nothing_else() -> None:
    assert of_kind(MAIN, "resource") == {}
    targets = [each.target for each in of_kind(MAIN, "module").values()]
    assert sorted(targets) == sorted(f"modules/{file.name}" for file in MODULES)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_every_output_of_a_module_is_used(file: Path) -> None:
    (module,) = [
        each for each in of_kind(MAIN, "module").values() if each.target == f"modules/{file.name}"
    ]
    used = set(re.findall(rf"\b{module.name}\.\??outputs\.(\w+)", source(MAIN)))
    assert used == of_kind(file, "output").keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_parameter_and_variable_is_used(file: Path) -> None:
    text = source(file)
    declared = of_kind(file, "parameter", "variable")
    assert [name for name in declared if len(re.findall(rf"\b{name}\b", text)) < 2] == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_every_module_says_what_it_is_for(file: Path) -> None:
    assert file.read_text("utf-8").startswith("// ")


def test_modules_are_named_by_bicep_so_that_two_environments_share_a_group() -> None:
    """It makes the name of that of the deployment, which deploy.sh takes from the parameters."""
    modules = of_kind(MAIN, "module").values()
    assert [each.name for each in modules if "name" in each.body] == []


NAMES = set(of_kind(MAIN, "variable")["names"].body)


def names_resources(file: Path) -> set[str]:
    """Return the parameters by which a module names or finds a resource, or decides on one."""
    resources = of_kind(file, "resource").values()
    told = "\n".join(
        line
        for each in resources
        for line in re.findall(r"(?m)^resource .*$|^  (?:name|scope): .*$", each.text)
    )
    return {name for name in of_kind(file, "parameter") if re.search(rf"\b{name}\b", told)}


@pytest.mark.parametrize("name", of_kind(MAIN, "module"))
def test_what_if_sees_what_a_module_deploys(name: str) -> None:
    """It stops at a module whose resources are named after what another has still to deploy."""
    module = of_kind(MAIN, "module")[name]
    given = module.body["params"]
    naming = names_resources(INFRA / module.target)
    assert naming
    for parameter in naming:
        assert ".outputs." not in getattr(given[parameter], "text", ""), parameter


def test_names_are_given_once() -> None:
    text = source(MAIN)
    assert {name for name in NAMES if f": names.{name}\n" not in text} == set()
    assert text.count("${suffix}") == len(NAMES)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("roles", {"identity", "hostStorage", "identityStorage", "vault", "monitoring"}),
        ("privateEndpoints", {"network", "hostStorage", "identityStorage", "vault"}),
    ],
)
def test_who_is_given_names_alone_waits_for_what_they_name(name: str, needs: set[str]) -> None:
    module = of_kind(MAIN, "module")[name].body
    assert {each.text for each in module["dependsOn"]} == needs
    named = {each.text for each in module["params"].values() if each.text.startswith("names.")}
    assert len(named) == len(needs)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_untyped(file: Path) -> None:
    untyped = r"(?m)^(?:param|output|type) \w+ =? ?(?:object|array|any)\b"
    assert re.findall(untyped, source(file)) == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_an_id_of_a_resource_is_put_together_by_a_function_alone(file: Path) -> None:
    text = source(file)
    assert re.findall(r"\.id\}/|/subscriptions/|/providers/", text) == []
    # Bicep lets a symbol, a parameter or one of its functions for ids stand where an id must.
    ids = re.findall(r"(?m)^ +privateLinkServiceId: (.+)$", text)
    assert all(each.startswith("resourceId(") for each in ids)


# Types that have no newer version, or none that this project can check (types of the compiler).
NEWEST = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
}


def test_api_versions_are_of_2025_or_newer_where_there_is_one() -> None:
    for file in FILES:
        for each in of_kind(file, "resource").values():
            type_, _, version = each.target.partition("@")
            assert version == NEWEST.get(type_) or version >= "2025", each.target


RULES = json.loads((INFRA / "bicepconfig.json").read_text("utf-8"))["analyzers"]["core"]["rules"]


def test_the_linter_stops_what_should_not_be_deployed() -> None:
    stopped = {name for name, rule in RULES.items() if rule["level"] == "error"}
    assert stopped >= {
        "no-hardcoded-env-urls",
        "no-hardcoded-location",
        "no-module-name",
        "outputs-should-not-contain-secrets",
        "secure-parameter-default",
        "secure-params-in-nested-deploy",
        "secure-secrets-in-params",
        "use-resource-id-functions",
        "use-secure-value-for-secure-inputs",
        "use-stable-resource-identifiers",
        "use-user-defined-types",
        "what-if-short-circuiting",
    }
    assert {rule["level"] for rule in RULES.values()} == {"error", "warning"}


def test_an_api_version_that_grew_old_stops_no_deployment() -> None:
    assert RULES["use-recent-api-versions"] == {"level": "warning"}


def test_no_rule_is_switched_off_in_place() -> None:
    assert "#disable" not in "".join(file.read_text("utf-8") for file in FILES)


def test_a_type_of_resource_has_one_api_version() -> None:
    versions: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for each in of_kind(file, "resource").values():
            type_, _, version = each.target.partition("@")
            versions[type_].add(version)
    assert {type_: found for type_, found in versions.items() if len(found) != 1} == {}


def test_a_provider_has_one_api_version_where_its_types_share_one() -> None:
    # Of these, types of one version were made for each other. Others version each type by itself.
    versions = defaultdict(set)
    for file in FILES:
        for each in of_kind(file, "resource").values():
            type_, _, version = each.target.partition("@")
            versions[type_.split("/")[0]].add(version)
    for provider in ("Microsoft.Web", "Microsoft.Storage", "Microsoft.KeyVault"):
        assert len(versions[provider]) == 1


def test_the_outputs_are_those_that_the_scripts_and_people_read() -> None:
    outputs = of_kind(MAIN, "output")
    assert list(outputs) == [
        "functionAppName",
        "functionAppHostName",
        "tenantUrl",
        "keyVaultName",
        "identityStorageAccountName",
        "nextCommand",
    ]
    assert all(each.decorators["description"] for each in outputs.values())
    (tenant_url,) = [each for each in declarations(MAIN) if each.name == "tenantUrl"][:1]
    assert tenant_url.body.text.endswith("'https://${app.outputs.hostName}'}/scim/v2'")


def test_the_app_comes_after_what_it_reads_when_it_starts() -> None:
    app = of_kind(MAIN, "module")["app"].body
    assert {each.text for each in app["dependsOn"]} == {"roles", "privateEndpoints"}


def test_the_documentation_describes_every_module_and_output() -> None:
    text = (ROOT / "docs" / "infrastructure.md").read_text("utf-8")
    section = text.partition("\n## What is deployed\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([\w-]+\.bicep)`", section)) == {file.name for file in MODULES}
    outputs = section.partition("\nOutputs: ")[2]
    assert set(re.findall(r"`(\w+)`", outputs)) == of_kind(MAIN, "output").keys()
