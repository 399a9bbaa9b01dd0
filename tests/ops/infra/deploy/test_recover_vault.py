"""infra/recover_vault.sh: what azd runs first, so that a vault of before does not bar it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import az

if TYPE_CHECKING:
    from tests.ops.infra.deploy.conftest import Machine

GROUP = ("--resource-group", "rg-scim")


async def test_the_vault_of_a_group_that_is_gone_comes_back_in_the_group_and_the_region_it_was_in(
    machine: Machine,
) -> None:
    machine.change(deleted_vaults=[az.VAULT])
    done = await machine.run("recover_vault.sh", *GROUP)
    assert (done.status, done.err) == (0, "")
    assert machine.commands == [
        *("account show", "keyvault list-deleted", "group exists", "group create"),
        "keyvault recover",
    ]
    assert (machine.world["groups"], machine.world["deleted_vaults"]) == (
        {"rg-scim": az.REGION},
        [],
    )
    assert f"recovering {az.VAULT}, which was deleted" in done.out


async def test_a_group_that_is_there_is_left_as_it_is(machine: Machine) -> None:
    machine.change(deleted_vaults=[az.VAULT], groups={"rg-scim": "northeurope"})
    done = await machine.run("recover_vault.sh", *GROUP)
    assert (done.status, machine.world["groups"]) == (0, {"rg-scim": "northeurope"})
    assert "group create" not in machine.commands


@pytest.mark.parametrize("group", ["rg-scim", "rg-scim-2"])
async def test_where_no_vault_was_deleted_with_the_group_nothing_is_changed(
    machine: Machine, group: str
) -> None:
    machine.change(deleted_vaults=[] if group == "rg-scim" else [az.VAULT])
    before = machine.world
    done = await machine.run("recover_vault.sh", "--resource-group", group)
    assert (done.status, done.err, machine.world) == (0, "", before)
    assert done.out == f"Key Vault:        none was deleted with {group}\n"


async def test_the_deployment_after_it_is_barred_no_longer(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"}, deployments=["scim-dev"])
    machine.secret("a-token-of-before")
    await machine.run("destroy.sh", *GROUP, "--yes")
    await machine.run("recover_vault.sh", *GROUP)
    done = await machine.run("deploy.sh", *GROUP, "--package", str(machine.package))
    assert (done.status, done.err) == (0, "")
    assert machine.commands.count("deployment group create") == 1
    assert [each["value"] for each in machine.versions] == ["a-token-of-before"]


FAILURES = {
    "account show": "az cannot use the subscription",
    "keyvault list-deleted": "az cannot list the vaults that were deleted",
    "group exists": "az cannot look for the resource group rg-scim",
    "group create": "the resource group rg-scim could not be made",
    "keyvault recover": f"the deleted vault {az.VAULT} could not be recovered",
}


async def test_a_step_that_fails_is_one_clear_line_and_the_next_run_gets_past_it(
    machine: Machine,
) -> None:
    machine.change(deleted_vaults=[az.VAULT])
    for command, said in FAILURES.items():
        machine.fault(command)
        failed = await machine.run("recover_vault.sh", *GROUP)
        assert failed.error == f"{said}: Azure is not well. Try again later."
        assert machine.commands[-1] == command
    assert (await machine.run("recover_vault.sh", *GROUP)).status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--resource-group is missing"),
        (("-g", "a b"), '"a b" is no name of a resource group'),
        (("-g", "rg-scim", "--yes"), "unknown argument --yes"),
    ],
)
async def test_a_wrong_argument_is_one_clear_line_and_azure_is_not_asked(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = await machine.run("recover_vault.sh", *arguments)
    assert (done.status, machine.calls) == (2, [])
    assert done.error.startswith(said)
