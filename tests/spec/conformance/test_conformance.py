"""docs/conformance.md says what the tests show, and leaves nothing out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.spec.conformance.__main__ import DOCUMENT
from tests.spec.conformance.document import render
from tests.spec.conformance.markers import TESTS, MarkedTest, marked_tests
from tests.spec.conformance.profiles import PROFILES
from tests.spec.conformance.requirements import REQUIREMENTS

if TYPE_CHECKING:
    from pathlib import Path

MARKED = marked_tests()
IDS = {requirement.id for requirement in REQUIREMENTS}


def test_the_document_is_up_to_date() -> None:
    written = DOCUMENT.read_text("utf-8")
    assert written == render(MARKED), "write it again: python -m tests.spec.conformance"


def test_every_marker_names_a_requirement() -> None:
    assert {each: tests for each, tests in MARKED.items() if each not in IDS} == {}


def test_every_requirement_is_shown_or_has_a_reason() -> None:
    needed = {requirement.id for requirement in REQUIREMENTS if requirement.needs_a_test}
    assert needed - MARKED.keys() == set()


def test_an_id_is_of_one_requirement_and_a_reason_is_of_one_kind() -> None:
    assert [each for each, count in Counter(r.id for r in REQUIREMENTS).items() if count > 1] == []
    assert [r.id for r in REQUIREMENTS if r.departure and r.not_ours] == []


def test_every_demand_of_a_profile_is_shown_or_has_a_reason() -> None:
    demands = [demand for profile in PROFILES for demand in profile.demands]
    bare = [d.text for d in demands if not (d.tests or d.departure or d.not_ours or d.needs)]
    assert bare == []


def test_the_tests_that_show_a_profile_exist() -> None:
    named = {test for profile in PROFILES for demand in profile.demands for test in demand.tests}
    missing = [
        test
        for test in named
        if f"def {test.split('::')[1]}(" not in (TESTS / test.split("::")[0]).read_text("utf-8")
    ]
    assert missing == []


def test_markers_are_found_on_functions_and_in_classes(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        """
import pytest

@pytest.mark.rfc("one", "two")
@pytest.mark.parametrize("x", [1])
async def test_function(x): ...

class TestClass:
    @pytest.mark.rfc("two")
    def test_method(self): ...

def test_other(): ...
"""
    )
    function = MarkedTest("test_some.py", "test_function")
    method = MarkedTest("test_some.py", "TestClass::test_method")
    assert marked_tests(tmp_path) == {"one": [function], "two": [function, method]}
