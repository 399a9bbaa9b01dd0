"""What is deployed is listed in CycloneDX: each package of the lock with its version and hash."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.ops.infra.bicep import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PINNED = re.compile(r"(?m)^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})$")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The list that `make sbom` writes, written elsewhere."""
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    (recipe,) = re.findall(r"(?m)^\t(\.venv-sbom/bin/cyclonedx-py .*)$", makefile)
    program, *arguments = shlex.split(recipe)
    if not (ROOT / program).exists():
        pytest.fail("cyclonedx-py is missing: make infra-check installs it", pytrace=False)
    file: Path = tmp_path_factory.mktemp("sbom") / "sbom.json"
    command = [str(ROOT / program), *arguments[:-1], str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    read: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return read


def test_it_lists_the_packages_of_the_lock(listed: dict[str, Any]) -> None:
    lock = (ROOT / "infra" / "requirements.lock").read_text("utf-8")
    packages = {
        (each["name"], each["version"], digest["content"])
        for each in listed["components"]
        for reference in each["externalReferences"]
        for digest in reference.get("hashes", ())
    }
    assert packages == set(PINNED.findall(lock))
    assert len(packages) == len(listed["components"]) > 20


def test_it_says_what_it_is_of(listed: dict[str, Any]) -> None:
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "scim-on-functions"
    assert listed["metadata"]["component"]["type"] == "application"


def test_each_package_can_be_looked_up_where_vulnerabilities_are_told(
    listed: dict[str, Any],
) -> None:
    assert all(each["purl"].startswith("pkg:pypi/") for each in listed["components"])


def test_it_is_the_same_each_time(listed: dict[str, Any]) -> None:
    assert "serialNumber" not in listed
    assert "timestamp" not in listed["metadata"]
