"""checkov over the modules: nothing fails, nothing is unread, each skip has its reason in place."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import INFRA, MODULES, ROOT, of_kind

CHECKOV = Path(os.environ.get("CHECKOV", ROOT / ".venv-infra" / "bin" / "checkov"))
SKIP = re.compile(r"checkov:skip=(\w+):(.*)")


def scanned(folder: Path) -> dict[str, Any]:
    """Return checkov's report; it is told to ask nobody outside."""
    if not CHECKOV.exists():
        pytest.fail("checkov is missing: make infra-check installs it", pytrace=False)
    run = subprocess.run(
        [CHECKOV, "-d", folder, "--framework", "bicep", "--skip-download", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    report: dict[str, Any] = json.loads(run.stdout)
    return report


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return scanned(INFRA / "modules")


def test_nothing_fails(report: dict[str, Any]) -> None:
    failed = report["results"]["failed_checks"]
    assert [f"{each['check_id']} {each['check_name']}: {each['resource']}" for each in failed] == []
    assert report["summary"]["passed"] >= 30


def test_every_module_is_read(report: dict[str, Any]) -> None:
    # main.bicep and settings.bicep declare no resources, so there is nothing in them to check;
    # checkov knows no user-defined types and could not read them.
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] >= sum(
        len(of_kind(file, "resource")) for file in MODULES
    )
    for file in INFRA.glob("*.bicep"):
        assert of_kind(file, "resource") == {}


def test_every_skip_is_needed_and_has_its_reason(report: dict[str, Any]) -> None:
    written = {
        (file.name, check, reason)
        for file in MODULES
        for check, reason in SKIP.findall(file.read_text("utf-8"))
    }
    assert all(len(reason) > 30 for _, _, reason in written)
    used = {
        (Path(each["file_path"]).name, each["check_id"], each["check_result"]["suppress_comment"])
        for each in report["results"]["skipped_checks"]
    }
    assert used == written


def test_what_is_open_is_found(tmp_path: Path) -> None:
    opened = (INFRA / "modules" / "identity-storage.bicep").read_text("utf-8")
    opened = opened.replace("minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'")
    opened = opened.replace("supportsHttpsTrafficOnly: true", "supportsHttpsTrafficOnly: false")
    (tmp_path / "open.bicep").write_text(opened)
    failed = {each["check_id"] for each in scanned(tmp_path)["results"]["failed_checks"]}
    assert failed == {"CKV_AZURE_3", "CKV_AZURE_44"}
