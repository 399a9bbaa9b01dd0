"""How the runner of the outside suites judges them: what is listed may fail, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.spec.suites.__main__ import SUITES, pinned
from tests.spec.suites.allowed import ALLOWED
from tests.spec.suites.reports import (
    Allowed,
    Finding,
    Report,
    SuiteError,
    read_scim2_tester,
    read_scim_sanity,
)

PASSED = Finding("pass", "GET /Users", "")
FAILED = Finding("fail", "PATCH /Groups/{id}", "Expected 200, got 204")
KNOWN = Allowed("s", "fail", "PATCH /Groups/{id}", "Expected 200, got 204", "because")


def report(*findings: Finding, allowed: tuple[Allowed, ...] = ()) -> Report:
    return Report("s", findings, allowed)


def test_a_suite_without_a_failure_is_as_expected() -> None:
    assert report(PASSED, Finding("skip", "Agents", "not served")).is_as_expected


def test_a_failure_on_the_list_is_expected() -> None:
    assert report(PASSED, FAILED, allowed=(KNOWN,)).is_as_expected


def test_a_failure_that_is_not_listed_counts() -> None:
    other = Finding("fail", "PATCH /Groups/{id}", "Expected 200, got 500")
    judged = report(FAILED, other, allowed=(KNOWN,))
    assert (judged.unknown, judged.stale) == ((other,), ())
    assert not judged.is_as_expected


def test_an_entry_stands_for_one_failure() -> None:
    assert report(FAILED, FAILED, allowed=(KNOWN,)).unknown == (FAILED,)
    assert report(FAILED, FAILED, allowed=(KNOWN, KNOWN)).is_as_expected


def test_an_entry_that_nothing_fails_by_is_stale() -> None:
    judged = report(PASSED, allowed=(KNOWN,))
    assert (judged.unknown, judged.stale) == ((), (FAILED,))
    assert not judged.is_as_expected


@pytest.mark.parametrize("verdict", ["error", "critical", "deviation", "fail", "warn", "odd"])
def test_a_verdict_is_a_failure_unless_it_is_known_to_be_none(verdict: str) -> None:
    assert report(Finding(verdict, "x", "")).failures


def test_the_tally_counts_each_verdict() -> None:
    assert report(PASSED, FAILED, PASSED).tally == "3 checks: 2 pass, 1 fail"


def test_the_lines_of_scim2_tester_are_read() -> None:
    output = (
        "Performing a SCIM compliance check on http://127.0.0.1:1/ ...\n"
        "SUCCESS random_url\n"
        "ERROR object_creation\n"
        "  it says\n"
        "  two things\n"
    )
    assert read_scim2_tester(output) == (
        Finding("success", "random_url", ""),
        Finding("error", "object_creation", "it says two things"),
    )


def test_the_results_of_scim_sanity_are_read() -> None:
    results = [
        {"name": "GET /Users", "status": "pass", "phase": "6"},
        {"name": "PATCH /Groups/{id}", "status": "fail", "message": "Expected 200, got 204"},
    ]
    assert read_scim_sanity(json.dumps({"results": results})) == (PASSED, FAILED)


@pytest.mark.parametrize("output", ["", "Traceback ...", "{}", '{"results": []}', "[1]"])
def test_a_suite_that_says_nothing_has_not_run(output: str) -> None:
    for read in (read_scim2_tester, read_scim_sanity):
        with pytest.raises(SuiteError):
            read(output)


def test_every_suite_is_pinned_and_every_entry_is_of_a_suite() -> None:
    assert {suite.name: pinned(suite.name) for suite in SUITES} == {
        "scim2-tester": "0.5.2",
        "scim-sanity": "0.7.4",
    }
    assert {entry.suite for entry in ALLOWED} <= {suite.name for suite in SUITES}
    assert all(entry.reason for entry in ALLOWED)
