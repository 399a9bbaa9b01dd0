"""What CONTRIBUTING.md says of adding an attribute or a setting, done in a copy of the project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.deployed import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NOT_COPIED = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "local.settings.json")

USE_ATTRIBUTE = """
import json
from shared.scim import discovery, documents, patch
from shared.scim.catalogue import Catalogue
from shared.scim.filters import matches, parse_filter
from shared.scim.messages import parse_patch
from shared.scim.projection import Projection

user = Catalogue().user
document = documents.create(user, {"userName": "jo", "pronouns": "they"})
change = {"op": "replace", "path": "pronouns", "value": "she"}
message = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]}
patched = patch.apply(user, document, parse_patch(message))
shown = Projection.parse(user, "pronouns", None, ()).apply({**patched, "id": "1"})
described = [
    attribute["name"]
    for schema in discovery.schemas(Catalogue(), "https://x")
    for attribute in schema["attributes"]
]
found = matches(parse_filter('pronouns eq "SHE"', user), patched)
print(json.dumps([document["pronouns"], shown["pronouns"], "pronouns" in described, found]))
"""

SETTING = """
    greeting: str = Field("hello", alias="SCIM_GREETING", description="What is said first.")

    telemetry: Literal"""
ROW = "| `SCIM_GREETING` | `hello` | What is said first. |\n"
PARAMETER = """
  @description('What is said first.')
  @minLength(1)
  @maxLength(80)
  SCIM_GREETING: string?

  @description('Whether OpenTelemetry"""

HOLD_SETTINGS = (
    "tests/ops/test_packaging.py::test_the_readme_describes_every_setting_as_the_code_does",
    "tests/ops/infra/test_app_settings.py",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project to be changed."""
    return shutil.copytree(ROOT, tmp_path / "project", ignore=NOT_COPIED)


def put(file: Path, before: str, text: str) -> None:
    """Put a text in front of the one place that reads `before`, which ends the text already."""
    whole = file.read_text("utf-8")
    assert whole.count(before) == 1, f"{file.name} reads {before!r} {whole.count(before)} times"
    file.write_text(whole.replace(before, text), "utf-8")


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_an_attribute_is_added_by_its_description_alone(project: Path) -> None:
    title = '        Attribute("title", description="Job title."),'
    pronouns = '        Attribute("pronouns", description="How to speak of the user."),'
    put(project / "shared/scim/core_schemas.py", title, f"{pronouns}\n{title}")
    used = run(project, "-c", USE_ATTRIBUTE)
    assert used.returncode == 0, used.stderr
    assert json.loads(used.stdout) == ["they", "she", True, True]


def test_a_setting_is_added_in_three_files_that_tests_name(project: Path) -> None:
    def hold() -> subprocess.CompletedProcess[str]:
        return run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *HOLD_SETTINGS)

    put(project / "shared/settings.py", "\n    telemetry: Literal", SETTING)
    held = hold()
    assert held.returncode == 1
    assert "SCIM_GREETING" in held.stdout
    assert "README" in held.stdout
    assert "add to infra/settings.bicep" in held.stdout

    telemetry = "| `SCIM_TELEMETRY` |"
    put(project / "README.md", telemetry, f"{ROW}{telemetry}")
    put(
        project / "infra/settings.bicep",
        "\n  @description('Whether OpenTelemetry",
        PARAMETER,
    )
    held = hold()
    assert held.returncode == 0, held.stdout
