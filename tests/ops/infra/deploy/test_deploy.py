"""infra/deploy.sh: from an empty subscription to a service that Entra can be connected to."""

from __future__ import annotations

import re
import shutil
import signal
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from infra.package_app import FILES, LOCKS, SITE_PACKAGES
from shared import tenants
from tests.ops.infra.deploy.conftest import Done, Live, Machine, access_token, new_machine
from tests.support.deployed import PACKAGES
from tests.support.fakes import az

if TYPE_CHECKING:
    from pathlib import Path

FIRST = ("--resource-group", "rg-scim", "--location", "westeurope")
FIRST_RUN = [
    "version",
    "account show",
    "group exists",
    "ad signed-in-user show",
    "group create",
    "deployment group create",
    "account show",
    "functionapp show",
    "account get-access-token",
    "account show",
    "keyvault secret list-versions",
    "keyvault secret set",
    "keyvault secret download",
]
LATER_RUN = [
    "version",
    "account show",
    "group exists",
    "group show",
    "ad signed-in-user show",
    "deployment group create",
    "account show",
    "functionapp show",
    "account get-access-token",
    "account show",
    "keyvault secret list-versions",
    "keyvault secret download",
]
READING = {
    "version",
    "account show",
    "ad signed-in-user show",
    "group exists",
    "group show",
    "deployment group what-if",
}


@dataclass(frozen=True, slots=True)
class Run:
    """A run, and the machine that it ran on."""

    done: Done
    machine: Machine

    @property
    def token(self) -> str:
        (version,) = self.machine.versions
        return str(version["value"])


@pytest.fixture(scope="module")
async def first(tmp_path_factory: pytest.TempPathFactory, clone: Path, live: Live) -> Run:
    """The first run into an empty subscription."""
    machine = new_machine(tmp_path_factory.mktemp("first"), clone, live)
    return Run(await machine.run("deploy.sh", *FIRST), machine)


async def deploy(machine: Machine, *arguments: str) -> Done:
    """Run it with a package that is there; the first run of all packs."""
    package = ("--package", str(machine.package))
    return await machine.run("deploy.sh", *(arguments or FIRST), *package)


def test_one_command_does_it_all(first: Run) -> None:
    assert (first.done.status, first.done.err) == (0, "")
    assert first.machine.commands == FIRST_RUN


def test_it_says_what_it_did_and_what_to_paste_into_entra(first: Run) -> None:
    digest = r"[\d,]+ files, \d+\.\d MB, package [0-9a-f]{12}"
    said = re.sub(digest, "<the package>", first.done.out)
    said = re.sub(r"\d{4}-\d\d-\d\d", "<day>", said)
    version = first.machine.versions[0]["version"]
    assert said == (
        f"Subscription:     Contoso Dev ({az.SUBSCRIPTION})\n"
        f"Alerts:           mailed to {az.USER}\n"
        "Code:             packing the app and what it needs\n"
        "Code:             <the package>\n"
        "Resource group:   rg-scim in westeurope, made\n"
        "Infrastructure:   deploying infra/main.bicep with infra/dev.bicepparam;"
        " this takes some minutes\n"
        "Code:             uploading; Azure takes it over within some minutes\n"
        "Code:             Deploying the package.\n"
        "Code:             published\n"
        "Secret token:     drawn into kv-scim-test, valid until <day>\n"
        "Readiness:        the app reads its vault, and reads and writes its table\n"
        "Test Connection:  passed\n"
        "Throw-away user:  created and deleted\n"
        "\n"
        "Paste into Microsoft Entra ID, Provisioning, Admin Credentials:\n"
        f"Tenant URL:       {first.machine.tenant_url}\n"
        "Secret Token:     az keyvault secret show --vault-name kv-scim-test --name scim-token"
        f" --version {version} --query value --output tsv\n"
    )


def test_the_command_that_it_names_shows_the_token(first: Run) -> None:
    (line,) = [each for each in first.done.out.splitlines() if each.startswith("Secret Token:")]
    command, options = az.parsed(line.partition(" az ")[2].split())
    shown = az.ANSWERS[command](first.machine.world, options)
    assert az.printed(shown, options) == first.token + "\n"


def test_what_az_is_asked_for(first: Run, clone: Path) -> None:
    machine = first.machine
    asked = machine.options("deployment group create")
    assert asked["--resource-group"] == "rg-scim"
    assert asked["--template-file"] == f"{clone}/infra/main.bicep"
    assert asked["--parameters"] == f"{clone}/infra/dev.bicepparam"
    asked = machine.options("functionapp show")
    assert (asked["--resource-group"], asked["--name"]) == ("rg-scim", az.APP)
    for command in ("keyvault secret set", "keyvault secret download"):
        asked = machine.options(command)
        assert (asked["--vault-name"], asked["--name"]) == (
            az.VAULT,
            tenants.secret_name("default"),
        )


def test_the_live_service_is_asked_what_entra_asks_first_and_a_user_comes_and_goes(
    first: Run,
) -> None:
    guid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    name = re.escape("deployment-check@scim.invalid")
    expected = [
        f"GET /Users\\?filter=userName\\+eq\\+%22{guid}%22",
        f"GET /Users\\?filter=userName\\+eq\\+%22{name}%22",
        "POST /Users",
        "DELETE /Users/[0-9a-f]{32}",
    ]
    requests = first.machine.requests
    assert len(requests) == len(expected)
    assert all(map(re.fullmatch, expected, requests)), requests


async def test_the_throw_away_user_is_gone(first: Run) -> None:
    assert await first.machine.users() == []


def test_the_token_has_256_bits_in_a_form_that_the_service_takes_and_lasts_a_year(
    first: Run,
) -> None:
    assert len(first.token) == 43  # 32 bytes in base64url
    assert tenants.TOKEN.fullmatch(first.token)
    expires = datetime.fromisoformat(first.machine.versions[0]["expires"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)


def test_the_token_is_in_no_argument_and_in_nothing_that_is_shown(first: Run) -> None:
    machine = first.machine
    assert "--header @" in machine.arguments_of_curl
    for place in (str(machine.calls), machine.arguments_of_curl, first.done.out, first.done.err):
        assert first.token not in place


def test_the_files_of_the_token_are_readable_by_nobody_else(first: Run) -> None:
    written = [call for call in first.machine.calls if "folder_mode" in call]
    assert [call["folder_mode"] for call in written] == [0o700, 0o700]
    assert [call.get("file_mode") for call in written] == [0o600, None]


def test_the_package_is_what_the_app_needs(first: Run) -> None:
    (uploaded,) = first.machine.site.packages
    with zipfile.ZipFile(BytesIO(uploaded)) as package:
        names = package.namelist()
    assert set(FILES) <= set(names)
    tops = {name.partition("/")[0] for name in names if "/" in name}
    assert tops == {*PACKAGES, ".python_packages", "__pycache__"}
    assert f"{SITE_PACKAGES}/annotated_types/__init__.py" in names
    assert not [name for name in names if name.endswith(".DS_Store")]


def test_the_package_is_uploaded_as_it_is_and_its_deployment_waited_for(first: Run) -> None:
    upload, *looks = first.machine.site.calls
    assert upload == "POST /api/publish?RemoteBuild=false&Deployer=scim_on_functions"
    (deployment,) = first.machine.site.deployments
    assert looks == [f"GET /api/deployments/{deployment}"] * 3
    assert access_token(first.machine.tenant) not in first.machine.arguments_of_curl


async def test_run_again_it_deploys_again_and_leaves_the_token_alone(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    machine.secret("a-token-of-an-earlier-run", expires=30)
    done = await deploy(machine, "-g", "rg-scim")
    assert (done.status, done.err) == (0, "")
    assert machine.commands == LATER_RUN
    assert [each["value"] for each in machine.versions] == ["a-token-of-an-earlier-run"]
    assert "Secret token:     there is one in kv-scim-test, valid until " in done.out


async def test_the_token_is_shown_when_that_is_asked_for(machine: Machine) -> None:
    done = await deploy(machine, *FIRST, "--show-token", "--token-days", "30")
    (version,) = machine.versions
    assert done.out.splitlines()[-1] == f"Secret Token:     {version['value']}"
    expires = datetime.fromisoformat(version["expires"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    assert version["value"] not in str(machine.calls) + machine.arguments_of_curl


async def test_a_subscription_is_that_of_every_call_that_takes_one(machine: Machine) -> None:
    done = await deploy(machine, *FIRST, "--subscription", "Contoso Prod")
    assert done.status == 0
    calls = [az.parsed(call["argv"]) for call in machine.calls]
    given = {command: options.get("--subscription") for command, options in calls}
    assert given.pop("ad signed-in-user show") is None
    assert given.pop("version") is None
    assert set(given.values()) == {"Contoso Prod"}
    assert done.out.endswith(' --output tsv --subscription "Contoso Prod"\n')


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        (("-e", "prod"), "{clone}/infra/prod.bicepparam"),
        (("-p", "mine.bicepparam"), "mine.bicepparam"),
        (("-p", "mine.json"), "@mine.json"),
    ],
)
async def test_what_if_shows_the_change_and_changes_nothing(
    machine: Machine, arguments: tuple[str, str], parameters: str
) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    for name in ("mine.bicepparam", "mine.json"):
        (machine.folder / name).touch()
    before = machine.world
    done = await deploy(machine, "-g", "rg-scim", "--what-if", *arguments)
    assert (done.status, done.err) == (0, "")
    assert f"+ Microsoft.Web/sites/{az.APP}" in done.out
    asked = machine.options("deployment group what-if")["--parameters"]
    assert asked == parameters.format(clone=machine.clone)
    assert set(machine.commands) <= READING
    assert (machine.world, machine.requests) == (before, [])


async def test_what_if_without_a_group_says_so_and_makes_none(machine: Machine) -> None:
    before = machine.world
    done = await deploy(machine, *FIRST, "--what-if")
    assert (done.status, done.err) == (0, "")
    assert "the resource group rg-scim would be made in westeurope" in done.out
    assert (machine.world, machine.commands) == (before, FIRST_RUN[:4])


FAILURES = {
    "version": "az does not tell its version",
    "account show": "az cannot use the subscription",
    "group exists": "az cannot look for the resource group rg-scim",
    "ad signed-in-user show": (
        f"az cannot look up {az.USER}: name who may set secret tokens with --token-officer"
    ),
    "group create": "the resource group rg-scim could not be made",
    "deployment group create": "the infrastructure could not be deployed",
    "functionapp show": f"the function app {az.APP} could not be found",
    "account get-access-token": "az gave no token for the deployment site",
    "keyvault secret list-versions": "az could not read the secret scim-token of kv-scim-test",
    "keyvault secret set": "az could not write the secret scim-token of kv-scim-test",
    "keyvault secret download": "az could not read the secret scim-token of kv-scim-test",
}


async def test_a_step_that_fails_is_one_clear_line_and_the_next_run_gets_past_it(
    machine: Machine,
) -> None:
    for command, said in FAILURES.items():
        machine.fault(command)
        failed = await deploy(machine)
        assert failed.error == f"{said}: Azure is not well. Try again later."
        assert failed.status == 1
        assert machine.commands[-1] == command
        assert machine.requests == []
    assert (await deploy(machine)).status == 0
    assert len(machine.versions) == 1
    assert await machine.users() == []


def test_no_step_is_forgotten() -> None:
    assert set(FAILURES) == set(FIRST_RUN)


INTERRUPTS = [
    ("group create", signal.SIGTERM, 143),
    ("deployment group create", signal.SIGINT, 130),
    ("account get-access-token", signal.SIGHUP, 129),
    ("keyvault secret set", signal.SIGINT, 130),
]


async def test_interrupted_it_leaves_nothing_behind_and_the_next_run_goes_on(
    machine: Machine,
) -> None:
    for command, number, status in INTERRUPTS:
        # Azure has done the work, and its answer comes too late.
        machine.fault(command, after=True, hang=True)
        ended = await machine.interrupt(number, "deploy.sh", *FIRST)
        assert ended.status == status
        (line,) = ended.err.splitlines()
        assert line == "interrupted: run the same command again, it takes up what is left"
        assert machine.commands[-1] == command
    assert (await deploy(machine)).status == 0
    assert machine.commands.count("group create") == 1
    assert len(machine.versions) == 1


async def test_a_deployment_that_is_still_under_way_is_waited_for(machine: Machine) -> None:
    machine.fault("deployment group create", "(DeploymentActive) The deployment is still active.")
    done = await deploy(machine)
    assert (done.status, done.err) == (0, "")
    create = "deployment group create"
    assert machine.commands[5:8] == [create, "deployment group wait", create]
    assert "an earlier deployment is still under way; waiting for its end" in done.out


async def test_the_vault_of_a_group_that_was_removed_is_recovered(machine: Machine) -> None:
    machine.change(deleted_vaults=[az.VAULT])
    done = await deploy(machine)
    assert (done.status, done.err) == (0, "")
    assert machine.commands[6:8] == ["keyvault list-deleted", "keyvault recover"]
    assert "recovering kv-scim-test, which was deleted" in done.out


async def test_a_package_that_is_not_there_is_told_before_anything_is_deployed(
    machine: Machine,
) -> None:
    done = await machine.run("deploy.sh", *FIRST, "--package", "nowhere.zip")
    assert done.error == "there is no package nowhere.zip"
    assert machine.calls == []


async def test_a_wheel_that_is_not_the_locked_one_is_told_before_anything_is_deployed(
    machine: Machine, tmp_path: Path
) -> None:
    forged = shutil.copytree(machine.clone, tmp_path / "forged")
    lock = forged / "infra" / LOCKS[False]
    lock.write_text(re.sub("sha256:.{8}", "sha256:00000000", lock.read_text()))
    done = await replace(machine, clone=forged).run("deploy.sh", *FIRST)
    assert done.error.startswith("the app could not be packed: pip could not install ")
    assert "DO NOT MATCH THE HASHES" in done.error
    assert set(machine.commands) <= READING


async def test_a_group_of_another_region_is_not_deployed_to(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "northeurope"})
    done = await deploy(machine)
    assert done.error == (
        "the resource group rg-scim is in northeurope, not in westeurope:"
        " leave --location out, or name another group"
    )
    assert set(machine.commands) <= READING


async def test_a_region_may_be_written_as_the_portal_does(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    done = await deploy(machine, "-g", "rg-scim", "-l", "West Europe", "--what-if")
    assert done.status == 0


async def test_a_group_that_is_to_be_made_needs_a_region(machine: Machine) -> None:
    done = await deploy(machine, "-g", "rg-scim")
    assert "there is no resource group rg-scim; --location is needed to make it" in done.error
    assert machine.world["groups"] == {}


PEOPLE = ("SCIM_ALERT_EMAIL", "SCIM_TOKEN_OFFICER_ID")


def people(machine: Machine) -> list[str]:
    """Who hears of alerts and who sets tokens, as the parameter file reads it."""
    (call,) = [each for each in machine.calls if "what-if" in each["argv"]]
    return [call["environ"][name] for name in PEOPLE]


async def test_alerts_and_tokens_are_a_matter_of_who_deploys(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    await deploy(machine, *FIRST, "--what-if")
    assert people(machine) == [az.USER, az.USER_ID]


async def test_alerts_and_tokens_may_be_a_matter_of_others(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    others = ("--alert-email", "ops@contoso.test", "--token-officer", "a-group")
    await deploy(machine, *FIRST, "--what-if", *others)
    assert people(machine) == ["ops@contoso.test", "a-group"]
    assert "ad signed-in-user show" not in machine.commands


async def test_nobody_is_looked_up_for_parameters_that_do_not_ask(machine: Machine) -> None:
    machine.change(groups={"rg-scim": "westeurope"})
    (machine.folder / "mine.bicepparam").touch()
    done = await deploy(machine, *FIRST, "--what-if", "-p", "mine.bicepparam")
    assert (done.status, people(machine)) == (0, ["", ""])
    assert "ad signed-in-user show" not in machine.commands


async def test_a_pipeline_has_no_address_and_must_be_told_one(machine: Machine) -> None:
    pipeline = {"name": "33333333-4444-5555-6666-777777777777", "type": "servicePrincipal"}
    machine.change(user=pipeline, groups={"rg-scim": "westeurope"})
    reads_it = machine.folder / "mine.bicepparam"
    reads_it.write_text("param alertEmail = readEnvironmentVariable('SCIM_ALERT_EMAIL')")
    run = (*FIRST, "--what-if", "--parameters", str(reads_it))
    done = await deploy(machine, *run)
    assert done.error.startswith("--alert-email is missing")
    done = await deploy(machine, *run, "--alert-email", "ops@contoso.test")
    assert done.status == 0
    assert people(machine) == ["ops@contoso.test", ""]


WRONG_ARGUMENTS = [
    ((), "--resource-group is missing"),
    (("-g",), "-g needs a value"),
    (("-g", "--what-if"), "-g needs a value"),
    (("-g", "rg scim"), '"rg scim" is no name of a resource group'),
    (("-g", "rg."), '"rg." is no name of a resource group'),
    (("-g", "r" * 91), f'"{"r" * 91}" is no name of a resource group'),
    (("-g", "rg", "--tokn-days", "1"), "unknown argument --tokn-days"),
    (("-g", "rg", "prod"), "unknown argument prod"),
    (("-g", "rg", "--token-days", "0"), "--token-days must be a number of days from 1 to 9999"),
    (("-g", "rg", "--token-days", "1y"), "--token-days must be a number of days from 1 to 9999"),
    (("-g", "rg", "-e", "dev", "-p", "a.json"), "--environment and --parameters exclude each"),
    (("-g", "rg", "-p", "a.txt"), "--parameters must name a .bicepparam or .json file"),
    (("-g", "rg", "-p", "none.json"), "there is no parameter file none.json"),
    (("-g", "rg", "-e", "tset"), "there is no parameter file infra/tset.bicepparam"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG_ARGUMENTS)
async def test_a_wrong_argument_is_one_clear_line_and_azure_is_not_asked(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = await machine.run("deploy.sh", *arguments)
    assert done.error.startswith(said)
    assert machine.calls == []


@pytest.mark.parametrize("tool", ["az", "curl", "python3"])
async def test_a_missing_tool_is_one_clear_line(machine: Machine, tool: str) -> None:
    (machine.bin / tool).unlink()
    done = await deploy(machine)
    assert done.error.startswith(f"{tool} is missing: install ")
    assert machine.calls == []


@pytest.mark.parametrize("script", ["exit 127", 'case "$3" in *version_info*) exit 1 ;; esac'])
async def test_a_python_that_does_not_run_or_is_too_old_is_one_clear_line(
    machine: Machine, script: str
) -> None:
    machine.program("python3", script)
    done = await deploy(machine)
    assert done.error == "python3 does not run, or is older than 3.9: install a newer one"
    assert machine.calls == []


async def test_without_a_login_it_says_how_to_log_in(machine: Machine) -> None:
    machine.change(logged_in=False)
    done = await deploy(machine)
    assert done.error == "az is not logged in: run az login"
    assert machine.commands == ["version", "account show"]


@pytest.mark.parametrize("version", ["2.46.1", "2.9.0", "1.99.0"])
async def test_an_az_that_knows_no_parameter_files_in_bicep_is_refused(
    machine: Machine, version: str
) -> None:
    machine.change(version=version)
    done = await deploy(machine)
    assert done.error == f"az is {version}, and 2.47.0 or newer is needed: run az upgrade"
    assert machine.commands == ["version"]


@pytest.mark.parametrize(
    ("version", "is_old"),
    [("2.47.0", True), ("2.90.0", True), ("2.91.0", False), ("2.100.0", False), ("3.0.0b1", False)],
)
async def test_an_az_that_is_older_than_what_was_checked_is_told(
    machine: Machine, version: str, is_old: bool
) -> None:
    machine.change(version=version)
    done = await deploy(machine, *FIRST, "--what-if")
    assert done.status == 0
    told = f"Azure CLI:        {version} is older than 2.91.0, with which this was checked"
    assert (told in done.out) == is_old


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "scim-dev"),
        (("-e", "prod"), "scim-prod"),
        (("-p", "ours for europe.bicepparam"), "scim-ours-for-europe"),
        (("-p", "eu.prod.json"), "scim-eu.prod"),
    ],
)
async def test_a_deployment_is_named_after_its_parameters(
    machine: Machine, arguments: tuple[str, ...], name: str
) -> None:
    """So two environments in one group do not take each other's outputs and nested deployments."""
    for file in ("ours for europe.bicepparam", "eu.prod.json"):
        (machine.folder / file).touch()
    assert (await deploy(machine, *FIRST, *arguments)).status == 0
    assert machine.options("deployment group create")["--name"] == name
    assert re.fullmatch(r"[-\w.()]{1,64}", name), "what Azure takes for a name"


async def test_the_address_of_a_webhook_is_taken_from_the_environment_alone(
    machine: Machine,
) -> None:
    address = "https://example.com/hook?sig=of-nobody"
    done = await replace(machine, variables={"SCIM_ALERT_WEBHOOK": address}).run(
        *("deploy.sh", *FIRST, "--package", str(machine.package))
    )
    assert done.status == 0
    (call,) = [
        each
        for each in machine.calls
        if "create" in each["argv"][:3] and "--parameters" in each["argv"]
    ]
    assert call["environ"]["SCIM_ALERT_WEBHOOK"] == address
    assert address not in done.out + str([each["argv"] for each in machine.calls])


TOLD = {
    "ERROR: /infra/main.bicep(1,1) : Error BCP035: The specified module is missing": (
        "Bicep does not compile it; if az bicep version is older than 0.34.1, run az bicep upgrade"
    ),
    '{"code": "RoleAssignmentExists", "message": "The role assignment already exists."}': (
        "an earlier version, or a person, has given the app its roles under other names"
    ),
}


@pytest.mark.parametrize("said", TOLD)
async def test_what_az_says_of_it_is_told_with_what_to_do(machine: Machine, said: str) -> None:
    machine.fault("deployment group create", said)
    done = await deploy(machine)
    assert done.error.startswith("the infrastructure could not be deployed")
    assert TOLD[said] in done.error
    assert machine.commands[-1] == "deployment group create"


async def test_an_output_that_the_template_does_not_give_is_named(machine: Machine) -> None:
    machine.change(without_output="keyVaultName")
    done = await deploy(machine)
    assert done.error.startswith("the deployment has no output keyVaultName")


async def test_help_is_shown_without_az(machine: Machine) -> None:
    (machine.bin / "az").unlink()
    done = await machine.run("deploy.sh", "--help")
    assert (done.status, done.err) == (0, "")
    options = re.findall(r"--[a-z-]+", done.out)
    assert {"--resource-group", "--location", "--what-if", "--show-token", "--help"} <= set(options)


@pytest.mark.parametrize("strategy", ["Recreate", "RollingUpdate"])
async def test_an_update_is_done_by_the_strategy_that_is_named(
    machine: Machine, strategy: str
) -> None:
    done = await deploy(machine, *FIRST, "--update-strategy", strategy)
    assert done.status == 0
    assert machine.options("functionapp update-strategy config set")["--type"] == strategy
    commands = [az.parsed(call["argv"])[0] for call in machine.calls]
    assert commands.index("functionapp update-strategy config set") < commands.index(
        "account get-access-token"
    ), "before the code, whose deployment is the first update that it counts for"


async def test_without_one_the_app_keeps_the_strategy_that_it_has(machine: Machine) -> None:
    assert (await deploy(machine, *FIRST)).status == 0
    assert "functionapp update-strategy config set" not in [
        az.parsed(call["argv"])[0] for call in machine.calls
    ]


async def test_a_strategy_that_azure_does_not_know_is_refused_before_anything_is_done(
    machine: Machine,
) -> None:
    done = await deploy(machine, *FIRST, "--update-strategy", "rolling")
    assert done.status == 2
    assert '--update-strategy must be Recreate or RollingUpdate, not "rolling"' in done.err
    assert machine.calls == []
