"""Every command line of az in scripts, workflows and documents, held against the published one.

The command exists, its options exist, what it needs is there, and its values are of those allowed.
Nothing is run. What az finds out only in Azure, or in a module that it loads for the call, is not
found here.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.ops.docs.markdown import pages
from tests.ops.infra.bicep import ROOT
from tests.support.deployed import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

PYTHON = ROOT / ".venv-azure-cli" / "bin" / "python"
SCRIPTS = sorted(ROOT.glob("infra/*.sh")) + sorted(ROOT.glob("local/*.sh"))
WORKFLOWS = [*sorted(ROOT.glob(".github/workflows/*.yml")), ROOT / "azure.yaml"]
BICEP = sorted(ROOT.glob("infra/**/*.bicep"))
MODULES = sorted(
    file for folder in ("infra", "tools", *PACKAGES) for file in (ROOT / folder).rglob("*.py")
)
MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Source:
    """A text in which az may be called; tests/ops/infra/azure_cli/ says what its fields are."""

    place: str
    text: str
    kind: str = "shell"
    row: int = 0
    unit: str = ""


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def of_script(file: Path) -> Iterator[Source]:
    """The scripts of a folder source each other."""
    yield Source(named(file), file.read_text("utf-8"), unit=str(file.parent))


def of_workflow(file: Path) -> Iterator[Source]:
    """What is run, and the commands that a comment has indented."""
    text = file.read_text("utf-8")
    for n, command in enumerate(runs(yaml.safe_load(text))):
        yield Source(f"{named(file)}, run {n + 1}", command)
    comments = re.findall(r"(?m)^ *#   (.*)$", text)
    yield Source(f"{named(file)}, comments", "\n".join(comments))


def runs(part: Any) -> Iterator[str]:
    """Yield what stands under each key `run`."""
    if isinstance(part, list):
        for each in part:
            yield from runs(each)
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "run" and isinstance(value, str):
                yield value
            yield from runs(value)


def of_page(file: Path) -> Iterator[Source]:
    """The fences, and the code that stands in sentences."""
    place = named(file)
    for token in MARKDOWN.parse(file.read_text("utf-8")):
        row = token.map[0] if token.map else 0
        if token.type in {"fence", "code_block"}:
            yield of_fence(place, row + 1, token)
        for child in token.children or []:
            if child.type == "code_inline":
                yield Source(place, child.content, "name", row, place)


def of_fence(place: str, row: int, token: Token) -> Source:
    if token.info != "sh":
        return Source(place, token.content, "prose", row, place)
    # `<group>` is for the reader to fill in, and a shell would read a file.
    filled = re.sub(r"<[A-Za-z][\w-]*(?: [\w-]+)*>", "'¤'", token.content)
    return Source(place, filled.replace("\"'¤'", '"¤').replace("'¤'\"", '¤"'), "shell", row, place)


def of_module(file: Path) -> Iterator[Source]:
    """The texts of a module of Python, values that are put into them left open."""
    tree = ast.parse(file.read_text("utf-8"))
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    within = {id(part) for node in formatted for part in node.values}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in within
        ):
            yield Source(named(file), node.value, "prose", node.lineno - 1)
    for node in formatted:
        texts = (str(part.value) if isinstance(part, ast.Constant) else "¤" for part in node.values)
        yield Source(named(file), "".join(texts), "prose", node.lineno - 1)


def of_template(file: Path) -> Iterator[Source]:
    yield Source(named(file), file.read_text("utf-8"), "prose")


READERS = {
    of_script: SCRIPTS,
    of_workflow: WORKFLOWS,
    of_page: pages(),
    of_module: MODULES,
    of_template: BICEP,
}


def check(sources: list[Source]) -> dict[str, list[str]]:
    """Hold texts against azure-cli."""
    if not PYTHON.exists():
        pytest.fail("azure-cli is missing: make infra-check installs it", pytrace=False)
    run = subprocess.run(
        [PYTHON, "-W", "ignore", "-m", "tests.ops.infra.azure_cli"],
        cwd=ROOT,
        input=json.dumps([asdict(source) for source in sources]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    result: dict[str, list[str]] = json.loads(run.stdout)
    return result


SOUND = """
azure() { az "$@" --only-show-errors ${subscription:+--subscription "$subscription"}; }
exists=$(azure group exists --name "$group" --output tsv) || exit 1
"""
APPENDED = """
set -- --resource-group "$GROUP" --name "$APP"
for setting in $SETTINGS; do set -- "$@" {option} "$setting"; done
az functionapp config appsettings set "$@"
"""
ARRAY = """
arguments=(--resource-group "$GROUP")
[ -z "$APP" ] || arguments+=({option} "$APP")
az functionapp show "${{arguments[@]}}"
"""


def shell(text: str) -> Source:
    return Source("", text, unit=text)


def prose(text: str) -> Source:
    return Source("", text, "prose")


def name(text: str) -> Source:
    return Source("", text, "name")


RIGHT = [
    shell(SOUND),
    shell(
        "az keyvault secret set --vault-name v \\\n  --name n --file /dev/stdin --encoding utf-8"
    ),
    shell(APPENDED.format(option="--settings")),
    shell(ARRAY.format(option="--name")),
    shell("command -v az; need az curl; echo az"),
    shell('az functionapp stop --ids "$(az functionapp list --query "[].id" --output tsv)"'),
    shell(
        'az keyvault secret set --vault-name v --name n ${EXPIRES:+--expires "$EXPIRES"} --value x'
    ),
    shell('fail "run az lock delete --ids $lock, then run the same command again"'),
    prose("az is missing: run az login, or see az lock list"),
    prose("lift it by az lock delete --ids: it is there"),
    prose("run `az login --tenant <directory>` when"),
    name("az keyvault secret recover"),
    name("az storage account show --query networkRuleSet"),
]
WRONG = {
    "a misspelt option": shell("az keyvault secret list --vault-nam v"),
    "a shortened option": shell("az keyvault secret list --vault v"),
    "a missing option": shell("az keyvault secret show --vault-name v"),
    "one of two that are needed": shell("az functionapp show --resource-group g"),
    "an unknown command": shell("az keyvault secrets list --vault-name v"),
    "an unknown group": shell("az keyvualt secret list --vault-name v"),
    "a value that is none": shell("az keyvault secret set-attributes --id i --enabled maybe"),
    "a number that is none": shell("az deployment group wait -g g -n n --created --interval ten"),
    "a broken query": shell("az group list --query '[?name'"),
    "a broken query with a variable": shell("az group list --query \"[?name=='$NAME'\""),
    "an option after a continued line": shell("az group show \\\n  --nam g"),
    "within a substitution": shell('GROUP="$(az group show --nam g)"'),
    "within a pipe": shell("cat x | az keyvault secret set --vault-name v --file /dev/stdin"),
    "by a wrapper": shell(SOUND.replace("--name", "--nam")),
    "in a wrapper": shell(SOUND.replace("--only-show-errors", "--only-errors")),
    "in an option that may be there": shell(SOUND.replace("+--subscription", "+--subscriptio")),
    "appended in a loop": shell(APPENDED.format(option="--setings")),
    "never appended": shell('az group show "$@"'),
    "in an array": shell(ARRAY.format(option="--nam")),
    "in a message": shell('fail "run az lock delete --id $lock, then run it again"'),
    "in a sentence": prose("lift the lock by az lock delete --idz $lock first"),
    "a name that is none": name("az keyvault recovr"),
    "what is no shell": shell("if true; then az login"),
}


SOURCES = [each for read, files in READERS.items() for file in files for each in read(file)]


@pytest.fixture(scope="module")
def answer() -> dict[str, list[str]]:
    """What is found in the project and in the samples; loading azure-cli is what takes time."""
    right = [replace(each, place="right") for each in RIGHT]
    wrong = [replace(each, place=what) for what, each in WRONG.items()]
    return check([*SOURCES, *right, *wrong])


def found(problems: list[str], place: str) -> list[str]:
    return [each for each in problems if each.startswith(f"{place}:")]


@pytest.fixture(scope="module")
def checked(answer: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same, of the project alone."""
    samples = tuple(f"{place}:" for place in ("right", *WRONG))
    return {
        kind: [each for each in lines if not each.startswith(samples)]
        for kind, lines in answer.items()
    }


def test_az_takes_every_command_line(checked: dict[str, list[str]]) -> None:
    assert checked["problems"] == []
    assert len(checked["lines"]) > 100


def test_every_file_that_calls_az_is_read(checked: dict[str, list[str]]) -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so there is no list of the files of the project")
    files = [ROOT / name for name in listed.stdout.splitlines() if not name.startswith("tests/")]
    called = re.compile(r"\baz(?: [a-z][a-z-]*)+ (?:\\\n)? *-")
    calling = {named(file) for file in files if called.search(file.read_text("utf-8", "ignore"))}
    read = {line.partition(":")[0].partition(",")[0] for line in checked["lines"]}
    assert calling <= read


def test_what_azure_cli_is_installed_with_is_what_it_asks_for(
    checked: dict[str, list[str]],
) -> None:
    assert checked["pins"] == []


def test_only_commands_of_extensions_are_left_out(checked: dict[str, list[str]]) -> None:
    assert checked["left_out"] == ["monitor log-analytics query"]


def test_what_is_right_is_let_pass(answer: dict[str, list[str]]) -> None:
    assert found(answer["problems"], "right") == []


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(what: str, answer: dict[str, list[str]]) -> None:
    assert found(answer["problems"], what) != []
