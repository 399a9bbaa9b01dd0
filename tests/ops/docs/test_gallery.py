"""docs/gallery.md: every requirement is answered, and what shows it exists and is about it."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.ops.docs import markdown
from tests.ops.docs.markdown import ROOT, Section, Text

PAGE = ROOT / "docs" / "gallery.md"
CLIENTS = ROOT / "tests" / "spec" / "clients" / "README.md"
SECTIONS = {section.anchor: section for section in markdown.sections(PAGE)}
NODE = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<test>test_\w+)")


@cache
def docstrings_of(file: str) -> dict[str, str]:
    """Return the docstring of each test of a file, "" where there is none."""
    path = ROOT / file
    tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
    functions = (
        each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {each.name: ast.get_docstring(each) or "" for each in functions}


def shown(cell: Text) -> list[str]:
    """Return the tests that a cell names."""
    return [code for code in cell.codes if code.startswith("tests/")]


def rows(section: Section) -> Iterator[dict[str, Text]]:
    """Yield the rows of a section's tables by the names of their columns."""
    for table in section.tables:
        names = [cell.plain for cell in table.header]
        yield from (dict(zip(names, row, strict=True)) for row in table.rows)


def docstring(test: str) -> str:
    match = NODE.fullmatch(test)
    assert match, test
    assert match["test"] in docstrings_of(match["file"]), f"no such test: {test}"
    return docstrings_of(match["file"])[match["test"]]


def cited(test: str) -> set[str]:
    """Return the labels with which the docstring of a test begins."""
    labels = re.match(r"(?:[A-F]\d*(?:\.\w+)?(?:, |(?=[.:])))+", docstring(test))
    return set(labels[0].split(", ")) if labels else set()


def listed(prefix: str) -> set[str]:
    """Return the labels of what clients send that begin so, those of a range one by one."""
    labels: set[str] = set()
    for section in markdown.sections(CLIENTS):
        for row in (row for table in section.tables for row in table.rows):
            first, _, last = row[0].plain.partition(" to ")
            group, _, number = first.rpartition(".")
            ends = last.rpartition(".")[2]
            labels |= (
                {f"{group}.{n}" for n in range(int(number), int(ends) + 1)} if last else {first}
            )
    return {label for label in labels if label.startswith(prefix)}


NAMED = sorted(
    {test for each in SECTIONS.values() for cell in each.everything() for test in shown(cell)}
)


@pytest.mark.parametrize("test", NAMED)
def test_what_shows_a_requirement_exists(test: str) -> None:
    docstring(test)


@pytest.mark.parametrize("anchor", ["the-service", "authentication"])
def test_every_requirement_is_shown_by_a_test_or_said_not_to_be_met(anchor: str) -> None:
    answered = {}
    for row in rows(SECTIONS[anchor]):
        assert row["by what"].plain, row
        is_met = row["met"].plain != "no"
        answered[row["requirement"].plain] = bool(shown(row["shown by"])) is is_met
    assert len(answered) >= 8
    assert [requirement for requirement, is_right in answered.items() if not is_right] == []


def test_every_requirement_of_authentication_is_met() -> None:
    answers = rows(SECTIONS["authentication"])
    assert [row["requirement"].plain for row in answers if row["met"].plain == "no"] == []


def test_the_validation_has_25_tests() -> None:
    numbers = [int(row["no."].plain) for row in rows(SECTIONS["the-gallerys-validation"])]
    assert numbers == list(range(1, 26))


@pytest.mark.parametrize(
    "anchor",
    ["the-gallerys-validation", "the-validator-in-the-browser", "the-postman-collection"],
)
def test_what_shows_a_validators_test_says_so(anchor: str) -> None:
    for row in rows(SECTIONS[anchor]):
        label, tests = row["label"].plain, shown(row["shown by"])
        assert bool(label) is bool(tests), row
        assert [test for test in tests if label not in cited(test)] == [], label


@pytest.mark.parametrize(
    ("anchor", "prefix"),
    [
        ("the-gallerys-validation", "B2"),
        ("the-validator-in-the-browser", "B1"),
        ("the-postman-collection", "B3"),
    ],
)
def test_every_label_of_a_validator_is_there(anchor: str, prefix: str) -> None:
    labels = {row["label"].plain for row in rows(SECTIONS[anchor])}
    assert listed(prefix) - labels == set()
    assert listed(prefix)


def test_a_test_that_is_not_there_is_noticed() -> None:
    for missing in (
        "tests/ops/docs/test_gallery.py::test_nothing_of_the_kind",
        "tests/ops/docs/test_nothing.py::test_links",
    ):
        with pytest.raises(AssertionError, match="no such test"):
            docstring(missing)
