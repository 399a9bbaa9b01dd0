"""docs/extending.md is true: its documents are read, its commands work, its error is as told."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.schema_files import read_catalogue
from shared.scim.custom_schemas import read
from shared.scim.schema_documents import SchemaFile
from shared.settings import SettingsError

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "extending.md").read_text("utf-8")
LOCAL = "http://127.0.0.1:7071/scim/v2"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_documents_are_read() -> None:
    extension, device = (json.loads(block) for block in blocks("json"))
    catalogue = read([SchemaFile("extension", extension), SchemaFile("device", device)])
    assert [each.name for each in catalogue.custom] == ["Device"]
    assert len(catalogue.user.extensions) == 2


def test_the_error_is_the_one_that_is_told(tmp_path: Path) -> None:
    (line,) = re.findall(r"^SCIM_SCHEMAS: .*$", GUIDE, re.MULTILINE)
    place = tmp_path / "device.json"
    documents = json.loads((ROOT / "docs/examples/scim_schemas/device.json").read_text("utf-8"))
    documents[0]["attributes"][2]["type"] = "text"
    place.write_text(json.dumps(documents))
    with pytest.raises(SettingsError) as refusal:
        read_catalogue(str(place))
    told = str(refusal.value).replace(str(place), "scim_schemas/device.json")
    assert told == line


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the guide use curl")
async def test_the_commands_work_as_they_are_typed(extended_service: RunningService) -> None:
    _, script = blocks("sh")
    assert script.startswith("TOKEN=$(make -s token)\n")
    script = script.partition("\n")[2].replace(LOCAL, extended_service.default.tenant_url)
    shell = await asyncio.create_subprocess_exec(
        "sh",
        "-euc",
        script.replace("\ncurl", "\necho; curl"),
        env={"PATH": os.environ["PATH"], "TOKEN": extended_service.default.token},
        stdout=PIPE,
    )
    said, _ = await asyncio.wait_for(shell.communicate(), 60)
    answers: list[Any] = [json.loads(line) for line in said.decode().splitlines()]
    kind, created, found, user, rich = answers
    assert kind["endpoint"] == "/Devices"
    assert created["serialNumber"] == "SN-1042"
    assert [each["id"] for each in found["Resources"]] == [created["id"]]
    assert user["id"] in [each["id"] for each in rich["Resources"]]
