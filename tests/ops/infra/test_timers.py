"""What the timer needs of the deployment: the storage of the host, and no instance that waits."""

from __future__ import annotations

from background.timers import SWEEPER
from function_app import app
from local.functions import index
from tests.ops.infra.bicep import INFRA, of_kind
from tests.ops.infra.test_roles import APP_ITSELF, assignments, granted

APP = INFRA / "modules" / "app.bicep"


def test_there_is_a_timer() -> None:
    assert [timer.function.name for timer in index(app, "").timers] == [SWEEPER.name]


def test_the_host_may_keep_the_lease_and_the_status_of_a_timer() -> None:
    """They are blobs in a container that the host creates, reached by the identity of the app."""
    owners = [granted(each) for each in assignments().values()]
    assert (APP_ITSELF, "Storage Blob Data Owner", "hostStorage") in owners
    settings = of_kind(APP, "variable")["hostSettings"].body
    assert settings["AzureWebJobsStorage__blobServiceUri"].text == "hostBlobEndpoint"
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"].text == "clientId"


def test_it_reaches_them_in_a_private_network_too() -> None:
    variables = of_kind(INFRA / "modules" / "private-endpoints.bicep", "variable")
    targets = variables["targetsOfAll"].body
    assert ("hostStorageName", "blob") in {(each["name"].text, each["groupId"]) for each in targets}


def test_no_instance_is_always_ready_for_it() -> None:
    resources = of_kind(APP, "resource")["app"].body
    scale = resources["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert "name: 'http'" in scale["alwaysReady"].text
    assert "function:" not in scale["alwaysReady"].text


def test_nothing_switches_it_off() -> None:
    settings = of_kind(APP, "variable")["hostSettings"].body
    assert f"AzureWebJobs_{SWEEPER.name}_Disabled" not in settings
