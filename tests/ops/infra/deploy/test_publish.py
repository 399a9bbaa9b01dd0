"""infra/publish.sh: the code alone, into a function app that is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import az
from tests.support.fakes.deployment_site import FAILED

if TYPE_CHECKING:
    from tests.ops.infra.deploy.conftest import Done, Machine

UPLOAD = "POST /api/publish?RemoteBuild=false&Deployer=scim_on_functions"


@pytest.fixture
def deployed(machine: Machine) -> Machine:
    """A machine whose subscription has the app."""
    machine.change(groups={"rg-scim": "westeurope"}, deployments=["scim"])
    return machine


async def publish(machine: Machine, *arguments: str) -> Done:
    app = ("--resource-group", "rg-scim", "--function-app", az.APP)
    return await machine.run("publish.sh", *app, "--package", str(machine.package), *arguments)


async def test_a_package_is_uploaded_as_it_is(deployed: Machine) -> None:
    done = await publish(deployed)
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "Code:             uploading; Azure takes it over within some minutes\n"
        "Code:             Deploying the package.\n"
        "Code:             published\n"
    )
    assert deployed.site.packages == [b"a package"]
    assert deployed.commands == ["account show", "functionapp show", "account get-access-token"]


async def test_the_subscription_is_that_of_every_call(deployed: Machine) -> None:
    assert (await publish(deployed, "--subscription", "Contoso Prod")).status == 0
    options = [az.parsed(call["argv"])[1] for call in deployed.calls]
    assert {each.get("--subscription") for each in options} == {"Contoso Prod"}


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "HTTP 403, Not now."), (409, "HTTP 409, another deployment is under way")],
)
async def test_an_upload_that_is_refused_is_tried_again(
    deployed: Machine, status: int, said: str
) -> None:
    deployed.site.refusals = [status, status]
    done = await publish(deployed)
    assert (done.status, done.err) == (0, "")
    assert done.out.count(f"not yet ({said}); trying again in 30 s") == 2
    assert deployed.pauses.count(30) == 2
    assert deployed.site.calls.count(UPLOAD) == 3


async def test_an_upload_that_is_refused_three_times_is_given_up(deployed: Machine) -> None:
    deployed.site.refusals = [503] * 3
    done = await publish(deployed)
    assert done.error == "the code could not be published: HTTP 503, Not now."
    assert deployed.site.packages == []


async def test_a_deployment_that_fails_once_is_tried_again(deployed: Machine) -> None:
    deployed.site.ends = [FAILED]
    done = await publish(deployed)
    assert (done.status, done.err) == (0, "")
    assert "not yet (Azure reports that the deployment failed); trying again in 30 s" in done.out
    assert len(deployed.site.packages) == 2


async def test_the_log_of_a_deployment_that_goes_on_failing_is_shown(deployed: Machine) -> None:
    deployed.site.ends = [FAILED] * 3
    done = await publish(deployed)
    assert done.error == (
        "the code could not be published: Azure reports that the deployment failed"
    )
    assert done.out.endswith(
        "Log:              of the deployment\n"
        "  Validating the package.\n"
        "  The storage container refused it.\n"
    )


async def test_a_deployment_that_does_not_end_is_given_up(deployed: Machine) -> None:
    deployed.site.ends = [1] * 200
    done = await publish(deployed)
    assert "Azure has not ended the deployment" in done.error
    assert "within 15 minutes" in done.error
    assert sum(deployed.pauses) == 15 * 60


async def test_a_site_that_nobody_answers_at_is_given_up_in_the_words_of_curl(
    deployed: Machine,
) -> None:
    deployed.change(deployment_site="127.0.0.1:9")
    done = await publish(deployed)
    assert done.error.startswith("the code could not be published: curl: (7) Failed to connect")


async def test_an_app_that_is_not_there_is_said_to_be(machine: Machine) -> None:
    done = await publish(machine)
    assert done.error == (
        f"the function app {az.APP} could not be found: The function app '{az.APP}' was not found"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--resource-group is missing"),
        (("-g", "a/b"), '"a/b" is no name of a resource group'),
        (("-g", "rg-scim"), "--function-app is missing"),
        (("-g", "rg-scim", "--function-app", "a/b"), '"a/b" is no name of a function app'),
        (("-g",), "-g needs a value"),
        (("--force",), "unknown argument --force"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = await machine.run("publish.sh", *arguments)
    assert done.status == 2
    assert done.error == f"{said}; infra/publish.sh --help shows what it takes"
    assert machine.calls == []
