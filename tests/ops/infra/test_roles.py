"""Roles: the right ids, known in one place, each at the narrowest scope that works."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.ops.infra.bicep import FILES, INFRA, Declaration, of_kind, source

ROLES = INFRA / "modules" / "roles.bicep"
STORAGE = INFRA / "modules" / "identity-storage.bicep"

BUILT_IN = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
"""As Azure's list of built-in roles gives them."""

APP_ITSELF = "identity.properties.principalId"

GRANTS = {
    (APP_ITSELF, "Storage Blob Data Owner", "hostStorage"): "",
    (APP_ITSELF, "Storage Queue Data Contributor", "hints"): "hasWebhooks",
    (APP_ITSELF, "Storage Queue Data Contributor", "poison"): "hasWebhooks",
    (
        APP_ITSELF,
        "Storage Table Data Contributor",
        "identityStorage",
    ): "tableRoleScope == 'account'",
    (APP_ITSELF, "Storage Table Data Contributor", "identities"): "tableRoleScope == 'table'",
    (APP_ITSELF, "Key Vault Secrets User", "vault"): "",
    (APP_ITSELF, "Key Vault Secrets Officer", "vault"): "tokensByApi",
    (APP_ITSELF, "Monitoring Metrics Publisher", "applicationInsights"): "",
    ("tokenOfficerId", "Key Vault Secrets Officer", "vault"): "!empty(tokenOfficerId)",
}
"""Who gets which role on what, on which condition; and nobody anything else."""

SCOPES = {
    "identityStorage": ("Microsoft.Storage/storageAccounts", "identityStorageName"),
    "hostStorage": ("Microsoft.Storage/storageAccounts", "hostStorageName"),
    "hints": ("Microsoft.Storage/storageAccounts/queueServices/queues", "hintsQueueName"),
    "poison": (
        "Microsoft.Storage/storageAccounts/queueServices/queues",
        "'${hintsQueueName}-poison'",
    ),
    "identities": ("Microsoft.Storage/storageAccounts/tableServices/tables", "tableName"),
    "vault": ("Microsoft.KeyVault/vaults", "vaultName"),
    "applicationInsights": ("Microsoft.Insights/components", "applicationInsightsName"),
}


def assignments() -> dict[str, Declaration]:
    return {
        name: each
        for name, each in of_kind(ROLES, "resource").items()
        if each.target.startswith("Microsoft.Authorization/roleAssignments@")
    }


def written(assignment: Declaration, property_: str) -> str:
    found = re.search(rf"(?m)^ +{property_}: (.+)$", assignment.text)
    assert found, f"{assignment.name} has no {property_}"
    return found[1]


def granted(assignment: Declaration) -> tuple[str, str, str]:
    role = re.search(r"roleIds\['([^']+)'\]", written(assignment, "roleDefinitionId"))
    assert role
    return written(assignment, "principalId"), role[1], written(assignment, "scope")


def test_the_ids_are_those_of_the_built_in_roles() -> None:
    assert of_kind(ROLES, "variable")["roleIds"].body == BUILT_IN


def test_an_id_stands_in_one_place() -> None:
    everything = "".join(map(source, FILES))
    assert {role: everything.count(id_) for role, id_ in BUILT_IN.items()} == dict.fromkeys(
        BUILT_IN, 1
    )
    elsewhere = "".join(source(file) for file in FILES if file != ROLES)
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-", elsewhere) == []
    assert "roleAssignments" not in elsewhere


def condition(assignment: Declaration) -> str:
    found = re.search(r" = if \((.+)\) \{$", assignment.text.partition("\n")[0])
    return found[1] if found else ""


def test_everyone_may_do_what_they_must_and_no_more() -> None:
    found = {granted(each): condition(each) for each in assignments().values()}
    assert found == GRANTS
    assert len(found) == len(assignments())


def test_the_identities_are_opened_by_one_role_on_the_account_unless_the_table_is_chosen() -> None:
    """Every change is a POST of /$batch, which is a request to the account."""
    scope = of_kind(INFRA / "main.bicep", "parameter")["tableRoleScope"]
    assert (scope.body, scope.decorators["allowed"]) == ("account", [["account", "table"]])
    types = [each.target for each in of_kind(STORAGE, "resource").values()]
    tables = [each for each in types if "/tableServices/tables@" in each]
    assert len(tables) == 1, "the account holds nothing else, so a role on it opens nothing else"


@pytest.mark.parametrize("name", SCOPES)
def test_a_scope_is_the_resource_that_it_seems(name: str) -> None:
    type_, parameter = SCOPES[name]
    scope: Any = of_kind(ROLES, "resource")[name]
    assert scope.is_existing
    assert (scope.target.partition("@")[0], scope.body["name"].text) == (type_, parameter)


@pytest.mark.parametrize("name", assignments())
def test_an_assignment_is_named_by_what_it_is_so_that_it_is_made_once(name: str) -> None:
    assignment = assignments()[name]
    principal, role, scope = granted(assignment)
    # What-if cannot see through a name that is known only while deploying, as a principal's id is.
    whose = "identity.id" if principal == APP_ITSELF else principal
    assert written(assignment, "name") == f"guid({scope}.id, {whose}, roleIds['{role}'])"


@pytest.mark.parametrize("name", assignments())
def test_the_identity_may_be_too_new_to_be_looked_up(name: str) -> None:
    # Azure looks a principal up unless its type is given; that of a new identity is not there yet.
    is_app = granted(assignments()[name])[0] == APP_ITSELF
    assert ("principalType: 'ServicePrincipal'" in assignments()[name].text) == is_app
