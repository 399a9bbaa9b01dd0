"""The section "Deploy it" of the README, typed as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ops.infra.deploy.conftest import Machine

ROOT = Path(__file__).parents[4]
GROUP = "rg-scim"
SCRIPTS = ("publish", "connect")


def section() -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    return text.partition("\n## Deploy it\n")[2].partition("\n## ")[0]


def commands() -> list[str]:
    """Return what is typed; azd, for which nothing stands in, is left out."""
    blocks = re.findall(r"```sh\n(.*?)```", section(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if not line.startswith("azd ")]


async def test_every_command_works_as_it_is_written(machine: Machine) -> None:
    machine.change(logged_in=False)
    said = ""
    for command in commands():
        done = await machine.type(command, typed=f"{GROUP}\n")
        assert (done.status, done.err) == (0, ""), command
        said += done.out
    first, *_, last = [command for command in machine.commands if command != "account show"]
    assert (first, last) == ("login", "group delete")
    assert machine.world["groups"] == {}
    # What the README shows of the output begins as the output does.
    shown = re.search(r"```\n(Tenant URL:.*?)```", section(), re.DOTALL)
    assert shown is not None
    labels = [line[:18] for line in shown[1].splitlines()]
    assert labels == [line[:18] for line in said.splitlines() if line.startswith(tuple(labels))]


def test_azd_is_told_what_the_parameters_read_from_the_environment() -> None:
    parameters = (ROOT / "infra" / "dev.bicepparam").read_text("utf-8")
    read, needed = (set(re.findall(rf"'(SCIM_\w+)'{end}", parameters)) for end in ("", r"\)"))
    told = re.findall(r"(?m)^azd env set (\w+) .+$", section())
    assert needed <= set(told) <= read
    assert re.findall(r"(?m)^#   (azd env set .+)$", (ROOT / "azure.yaml").read_text("utf-8")) == [
        line for line in section().splitlines() if line.startswith("azd env set")
    ]


def test_the_waits_that_it_names_are_those_of_the_scripts() -> None:
    publish, connect = ((ROOT / "infra" / f"{name}.sh").read_text() for name in SCRIPTS)
    upload = number("looks", publish) * number("look_pause", publish)
    ready = number("tries", connect) * number("pause", connect)
    assert f"{upload // 60} minutes for the\nupload, {ready // 60} for" in section()


def number(variable: str, script: str) -> int:
    (value,) = re.findall(rf"(?m)^{variable}=(\d+)$", script)
    return int(value)


def test_every_option_that_it_names_is_one_of_the_scripts() -> None:
    text = "".join((ROOT / "infra" / name).read_text() for name in ("deploy.sh", "destroy.sh"))
    of_ours = re.sub(r"```\nTenant URL:.*?```|(?m:^azd .*)", "", section(), flags=re.DOTALL)
    assert set(re.findall(r"--[a-z-]+", of_ours)) <= set(re.findall(r"--[a-z-]+", text))


def test_the_retention_that_it_promises_is_that_of_the_template() -> None:
    """That of the parameters which the section takes, and that of the others."""
    samples = (file.read_text("utf-8") for file in (ROOT / "infra").glob("*.bicepparam"))
    days = [re.findall(r"vaultRetentionDays = (\d+)", text) for text in samples]
    assert len(days) == 2
    assert all(f"{each} days" in section() for (each,) in days)
