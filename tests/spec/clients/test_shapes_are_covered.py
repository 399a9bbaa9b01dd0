"""The list of what clients send is a promise: each entry is cited by a test."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def _listed() -> set[str]:
    """The labels of the list, those of a range one by one."""
    row = re.compile(r"^\| ([A-Z][\w.]*)(?: to [A-Z]\d\.(\d+))? \|", re.MULTILINE)
    labels = set()
    for first, last in row.findall(_text("README.md")):
        group, _, number = first.rpartition(".")
        labels |= {f"{group}.{n}" for n in range(int(number), int(last) + 1)} if last else {first}
    return labels


def _cited() -> set[str]:
    """The labels at the beginning of the tests' docstrings."""
    docstrings = [
        docstring
        for path in HERE.glob("test_*.py")
        for docstring in re.findall(
            r'^ {4}"""([A-Z][\w.]*(?:, [A-Z][\w.]*)*)[.:]', _text(path.name), re.MULTILINE
        )
    ]
    return {label.rstrip(".") for docstring in docstrings for label in docstring.split(", ")}


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def test_every_listed_shape_is_cited_by_a_test() -> None:
    assert _listed() - _cited() == set()


def test_every_cited_shape_is_listed() -> None:
    known = {label for label in _cited() if re.fullmatch(r"[A-F]\d*(\.\w+)?", label)}
    assert known - _listed() == set()
