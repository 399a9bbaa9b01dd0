"""The shape of the template: main lists modules, each is used whole, each API version is one."""

from __future__ import annotations

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
