"""What an outside suite says of the service, and whether that is what is known of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

_VERDICT = re.compile(r"(?P<verdict>[A-Z]+) (?P<check>\w+)")


class SuiteError(Exception):
    """A suite did not run to its end; the text holds what it said."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check.

    Attributes:
        verdict: In the suite's own word, in lower case: `success`, `error`, `pass`, `fail`, `skip`.
        check: Name of the check; several findings may have the same.
        detail: What the suite says of it; may be empty.
    """

    verdict: str
    check: str
    detail: str

    @property
    def is_failure(self) -> bool:
        """Whether the suite holds it against the service, or something that is skipped or good."""
        return self.verdict not in {"success", "compliant", "acceptable", "pass", "skip", "skipped"}

    def __str__(self) -> str:
        return f"{self.check}: {self.detail}" if self.detail else self.check


@dataclass(frozen=True, slots=True)
class Allowed:
    """A failure that stays, because the service means to behave so.

    Attributes:
        suite: Name of the suite.
        verdict: Of the finding.
        check: Of the finding.
        detail: Of the finding, whole.
        reason: Why the service keeps to its behaviour.
    """

    suite: str
    verdict: str
    check: str
    detail: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one run of a suite.

    Attributes:
        suite: Name of the suite.
        findings: In the order of the run.
        allowed: The failures that are known of this suite.
    """

    suite: str
    findings: tuple[Finding, ...]
    allowed: tuple[Allowed, ...]

    @property
    def tally(self) -> str:
        """How many findings there are of each verdict, the most frequent first."""
        counts = Counter(each.verdict for each in self.findings)
        listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        return f"{len(self.findings)} checks: {listed}"

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What the suite holds against the service, allowed or not."""
        return tuple(each for each in self.findings if each.is_failure)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """Failures that are not on the list; an entry stands for one failure."""
        return tuple((Counter(self.failures) - self._listed).elements())

    @property
    def stale(self) -> tuple[Finding, ...]:
        """Entries of the list that nothing has failed by: they must go."""
        return tuple((self._listed - Counter(self.failures)).elements())

    @property
    def _listed(self) -> Counter[Finding]:
        return Counter(Finding(each.verdict, each.check, each.detail) for each in self.allowed)

    @property
    def is_as_expected(self) -> bool:
        """Whether the failures are exactly those on the list."""
        return not self.unknown and not self.stale


def read_scim2_tester(output: str) -> tuple[Finding, ...]:
    """Read what `scim2 test` prints: a line `VERDICT check`, then the reason, indented.

    Raises:
        SuiteError: There is no finding in it.
    """
    findings: list[Finding] = []
    for line in output.splitlines():
        if match := _VERDICT.fullmatch(line):
            findings.append(Finding(match["verdict"].lower(), match["check"], ""))
        elif findings and line.startswith("  "):
            last = findings.pop()
            detail = f"{last.detail} {line.strip()}".strip()
            findings.append(Finding(last.verdict, last.check, detail))
    if not findings:
        raise SuiteError(output)
    return tuple(findings)


def read_scim_sanity(output: str) -> tuple[Finding, ...]:
    """Read the JSON that `scim-sanity probe --json-output` prints.

    Raises:
        SuiteError: It is none, or there is no finding in it.
    """
    try:
        results = json.loads(output)["results"]
        findings = tuple(
            Finding(each["status"], each["name"], each.get("message", "")) for each in results
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SuiteError(output) from error
    if not findings:
        raise SuiteError(output)
    return findings
