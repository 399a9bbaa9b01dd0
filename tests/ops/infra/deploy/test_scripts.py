"""What holds of every script of infra/, and azure.yaml, which does the same by azd."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[4]
INFRA = ROOT / "infra"
COMMANDS = [
    INFRA / f"{name}.sh" for name in ("deploy", "publish", "connect", "recover_vault", "destroy")
]


@pytest.mark.parametrize("script", COMMANDS, ids=lambda script: script.name)
def test_a_script_can_be_run_by_its_name(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert script.stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("script", COMMANDS, ids=lambda script: script.name)
def test_help_names_every_option_that_is_parsed_and_no_other(script: Path) -> None:
    text = script.read_text()
    usage = text.partition("<<'USAGE'\n")[2].partition("\nUSAGE\n")[0]
    parser = text.partition("\nparse() {\n")[2].partition("\n}\n")[0]
    described = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", usage, re.MULTILINE))
    parsed = {
        option
        for label in re.findall(r"^ +(-[^)]+)\)", parser, re.MULTILINE)
        for option in re.findall(r"--[a-z-]+", label)
    }
    assert described == parsed
    assert not [line for line in usage.splitlines() if len(line) > 100]


def azd() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))
    return read


def test_azd_provisions_the_same_template_with_the_parameters_of_dev() -> None:
    # azd takes <module>.bicepparam of the folder before <module>.bicep.
    assert azd()["infra"] == {"provider": "bicep", "path": "infra", "module": "dev"}


def test_azd_publishes_the_package_to_the_function_app_of_the_template_as_it_is() -> None:
    (service,) = azd()["services"].values()
    (hook,) = service.pop("hooks").items()
    assert service == {
        "project": ".",
        "host": "function",
        "language": "custom",  # of python, azd leaves __pycache__ out
        "dist": ".data/package",
        "resourceName": "${functionAppName}",
        "remoteBuild": False,
    }
    assert hook[0] == "prepackage"
    assert {each["run"].partition(" ")[2] for each in hook[1].values()} == {
        f"infra/package_app.py {service['dist']}"
    }


def test_azd_recovers_a_vault_that_was_deleted_as_deploy_does() -> None:
    hook = azd()["hooks"]["preprovision"]
    assert hook["posix"]["shell"] == "sh"
    # azd asks for the group when it deploys, so the first time there is none.
    assert hook["posix"]["run"].startswith(
        '[ -z "$AZURE_RESOURCE_GROUP" ] || sh infra/recover_vault'
    )
    help_text = (INFRA / "recover_vault.sh").read_text()
    assert all(each in help_text for each in re.findall(r"--[a-z-]+", hook["posix"]["run"]))


def test_azd_ends_with_the_same_check() -> None:
    assert azd()["hooks"].keys() == {"preprovision", "postdeploy"}
    hook = azd()["hooks"]["postdeploy"]
    assert hook["posix"]["shell"] == "sh"
    command = hook["posix"]["run"]
    assert command.startswith("sh infra/connect.sh ")
    help_text = (INFRA / "connect.sh").read_text()
    assert all(option in help_text for option in re.findall(r"--[a-z-]+", command))


def test_the_name_of_the_project_is_one_that_azd_takes() -> None:
    assert re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?", azd()["name"])
    assert set(azd()) == {"name", "infra", "services", "hooks"}
