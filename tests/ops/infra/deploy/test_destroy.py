"""infra/destroy.sh: what is lost is said, and confirmed, before it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import az

if TYPE_CHECKING:
    from tests.ops.infra.deploy.conftest import Machine

GROUP = ("--resource-group", "rg-scim")


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """One from which the service was deployed."""
    machine.change(groups={"rg-scim": "westeurope"}, deployments=["scim"])
    return machine


async def test_the_name_of_the_group_confirms_it(machine: Machine) -> None:
    done = await machine.run("destroy.sh", *GROUP, typed="rg-scim\n")
    assert (done.status, done.err) == (0, "")
    assert machine.world["groups"] == {}
    assert machine.commands == [
        *("account show", "group exists", "lock list", "resource list", "group delete")
    ]


async def test_it_says_what_is_lost_and_what_is_not(machine: Machine) -> None:
    done = await machine.run("destroy.sh", *GROUP, typed="rg-scim\n")
    for told in (
        f"Subscription:     Contoso Dev ({az.SUBSCRIPTION})",
        f"  {az.ACCOUNT}  Microsoft.Storage/storageAccounts",
        f"  {az.VAULT}  Microsoft.KeyVault/vaults",
        "Lost for good: every identity",
        "Not lost yet: a Key Vault with purge protection.",
        "Nor a workspace: it can be recovered with its logs for 14 days",
        "az monitor log-analytics workspace delete --force",
    ):
        assert told in done.out


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "rg-scim-2\n", "RG-SCIM\n"])
async def test_anything_else_removes_nothing(machine: Machine, typed: str) -> None:
    done = await machine.run("destroy.sh", *GROUP, typed=typed)
    assert done.error == "that is not rg-scim; nothing was removed"
    assert "group delete" not in machine.commands


async def test_yes_does_not_ask(machine: Machine) -> None:
    done = await machine.run("destroy.sh", *GROUP, "--yes")
    assert (done.status, machine.world["groups"]) == (0, {})
    assert "Type the name" not in done.out


async def test_a_lock_is_named_with_the_command_that_lifts_it(machine: Machine) -> None:
    lock = f"{az.id_of('Microsoft.Storage/storageAccounts', az.ACCOUNT)}/locks/keep it"
    machine.change(locks=[{"id": lock, "level": "CanNotDelete"}, {"id": "/b", "level": "ReadOnly"}])
    done = await machine.run("destroy.sh", *GROUP, "--yes")
    assert done.error == (
        "rg-scim is locked against deletion, and nothing was removed; to lift the lock:"
        f' az lock delete --ids "{lock}" "/b"'
    )
    assert "group delete" not in machine.commands


async def test_a_lock_that_shows_at_the_deletion_only_is_named(machine: Machine) -> None:
    machine.fault("group delete", "(ScopeLocked) The scope of the subscription is locked.")
    done = await machine.run("destroy.sh", *GROUP, "--yes")
    assert done.error.startswith("a lock above or in rg-scim bars the deletion; see az lock list")


async def test_a_group_that_is_gone_is_no_error(machine: Machine) -> None:
    machine.change(groups={})
    done = await machine.run("destroy.sh", *GROUP)
    assert (done.status, done.err) == (0, "")
    assert "there is none named rg-scim; nothing was removed" in done.out


FAILURES = {
    "account show": "az cannot use the subscription",
    "group exists": "az cannot look for the resource group rg-scim",
    "lock list": "az cannot list the locks of rg-scim",
    "resource list": "az cannot list what is in rg-scim",
    "group delete": "rg-scim could not be deleted",
}


async def test_a_step_that_fails_is_one_clear_line_and_the_next_run_gets_past_it(
    machine: Machine,
) -> None:
    for command, said in FAILURES.items():
        machine.fault(command)
        failed = await machine.run("destroy.sh", *GROUP, "--yes")
        assert failed.error == f"{said}: Azure is not well. Try again later."
        assert machine.commands[-1] == command
        assert machine.world["groups"] == {"rg-scim": "westeurope"}
    assert (await machine.run("destroy.sh", *GROUP, "--yes")).status == 0
    assert machine.world["groups"] == {}


async def test_what_was_removed_can_be_deployed_again_with_its_tokens(machine: Machine) -> None:
    machine.secret("a-token-of-before")
    await machine.run("destroy.sh", *GROUP, "--yes")
    assert machine.world["deleted_vaults"] == [az.VAULT]
    done = await machine.run("deploy.sh", *GROUP, "--location", "westeurope")
    assert (done.status, done.err) == (0, "")
    assert [each["value"] for each in machine.versions] == ["a-token-of-before"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--resource-group is missing"),
        (("-g", "a b"), '"a b" is no name of a resource group'),
        (("-g", "rg-scim", "--force"), "unknown argument --force"),
    ],
)
async def test_a_wrong_argument_is_one_clear_line_and_azure_is_not_asked(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = await machine.run("destroy.sh", *arguments)
    assert (done.status, machine.calls) == (2, [])
    assert done.error.startswith(said)
