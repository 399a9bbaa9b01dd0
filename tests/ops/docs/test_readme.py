"""What the README says in numbers is what the lists and the measurements say."""

from __future__ import annotations

import json
import re

import pytest

from tests.ops.docs.markdown import ROOT
from tests.spec.clients.test_shapes_are_covered import _listed

README = (ROOT / "README.md").read_text("utf-8")
CONFORMANCE = (ROOT / "docs" / "conformance.md").read_text("utf-8")
RESULTS = (ROOT / "benchmarks" / "results.md").read_text("utf-8")


def measured(table: str, row: str) -> list[str]:
    """Return the cells of a row of the results, under a heading."""
    section = RESULTS.partition(f"\n{table}\n")[2].partition("\n#")[0]
    (found,) = re.findall(rf"(?m)^\| {row} \|(.*)\|$", section)
    return [cell.strip() for cell in found.split("|")]


def alerts() -> int:
    return len(list((ROOT / "infra" / "queries" / "alerts").glob("*.kql")))


def demands() -> str:
    shown, of_all = re.findall(r"Of (\d+) demands, (\d+) are shown", CONFORMANCE)[0][::-1]
    return f"[{shown} of {of_all} demands]"


MEMBER = measured("### 10,000 users", "add a member")


@pytest.mark.parametrize(
    "said",
    [
        f"| **Identity providers differ** | {len(_listed())} shapes",
        f" {alerts()} alerts, each with its entry",
        f"[{MEMBER[4]} times as fast](benchmarks/results.md) as scim2-server",
        f"[2 storage calls, {float(MEMBER[0]):.1f} ms](benchmarks/results.md)",
        demands(),
    ],
)
def test_a_number_is_that_of_its_source(said: str) -> None:
    assert said in README


def test_the_dev_container_runs_what_the_readme_says() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    container = json.loads(text)
    assert container["image"].endswith(":3.13")
    assert [options["version"] for options in container["features"].values()] == ["22"]
    assert container["postAttachCommand"] == "make run"
    targets = re.findall(r'"make (\w+)"', text)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(re.search(rf"(?m)^{target}:", makefile) for target in targets)
    assert container["forwardPorts"] == [7071]


def test_no_checkout_has_the_line_ends_of_windows() -> None:
    assert "* text=auto eol=lf\n" in (ROOT / ".gitattributes").read_text("utf-8")
