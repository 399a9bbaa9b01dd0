"""The text of `docs/conformance.md`, made of the requirements, the markers and the known lists."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tests.spec.conformance.profiles import PROFILES
from tests.spec.conformance.readings import PASSED_OVER, REFUSED, UNDERSTOOD
from tests.spec.conformance.requirements import REQUIREMENTS, Requirement
from tests.spec.oracle.differences import DIFFERENCES
from tests.spec.suites.allowed import ALLOWED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.spec.conformance.markers import MarkedTest
    from tests.spec.conformance.profiles import Demand, Profile
    from tests.spec.conformance.readings import Reading

_INTRODUCTION: Final = """\
# Conformance

What RFC 7644 (sections 3 and 4) and RFC 9865 ask of a service provider, in our words, and the test
that shows it; then two profiles of SCIM that buyers ask for, how requests are read that are not
quite those of the RFC, and what suites that others wrote say. For those who judge whether a client
will work, and for those who change the service. RFC 7643 is shown by
`tests/spec/rfc/test_rfc7643_rules.py`.

Written by `python -m tests.spec.conformance` from `tests/spec/conformance/requirements.py` and from
the markers of the tests; `make test` fails when it is not up to date.

MUST stands for MUST NOT, SHALL and REQUIRED as well, and for rules that the text states without
such a word; SHOULD for SHOULD NOT.
"""

_READINGS: Final = """\
## Understood, passed over, refused

What is understood is done. What carries a value and is not understood is refused with an error that
says what to change, and changes nothing. Passed over in silence is only what is listed here. Each
line is an example that `tests/spec/rfc/test_understood_or_refused.py` sends; labels such as E5 are
those of [the clients' shapes](../tests/spec/clients/README.md).
"""

_NESTING: Final = """\
## Groups in groups

A member is a user or a group (RFC 7643 section 4.2), and its id decides which; `$ref` and `type`
are alike in every answer. A group directly within itself is refused; longer circles are taken, and
whatever walks them ends. `tests/spec/rfc/test_groups_in_groups.py` shows it. Limits that are meant:

- `groups` of a user has `direct` ones wherever a user is shown, and `indirect` ones where it is
  answered by itself: by GET, PUT and PATCH of `/Users/{id}`. **Lists, `/.search` and filters have
  direct ones only**, so `groups.type eq "indirect"` finds nobody.
- Indirect groups are found through 200 groups and 10 levels. Where more are there, those found are
  right, others are missing, and a line of the log says so.
- `version` of a user counts what is written to the user, its direct memberships included. It does
  not move when an indirect group comes or goes, and that of a group does not when a member is
  deleted, so a GET with `If-None-Match` may be answered 304 then. Where `display` is asked for, the
  answer is always in full.
- `display` of `members` and of `groups` is shown when `attributes` names it (`returned: request`).
  It is read then and kept nowhere; what a client sends for it does not count. A filter on it finds
  nobody. More than 10,000 names are refused with `tooMany`.
"""

_DIFFERENCES: Final = """\
## Deliberate differences from scim2-server

Generated resources, PATCH requests in both of Entra's dialects, filters, sorted pages by GET and by
`/.search`, and bulk requests go to this service and to scim2-server with its policy for Entra, and
must come out alike (`tests/spec/oracle/`). These differences are meant; each has an example that
fails when it is gone.

"""

_ALLOWED: Final = """\
## Failures of outside suites that stay

`make conformance` runs scim2-tester and scim-sanity against the service and prints their tallies.
It fails on any failure that is not listed here, and on any entry that nothing fails by.

"""


def render(marked: Mapping[str, Sequence[MarkedTest]]) -> str:
    """Return the whole document.

    Args:
        marked: The tests of each requirement.
    """
    return "".join(
        [
            _INTRODUCTION,
            _tally(),
            *(_section(rfc, list(of), marked) for rfc, of in _by_rfc()),
            *map(_profile, PROFILES),
            "\n" + _READINGS + "".join(_readings()),
            "\n" + _NESTING,
            "\n" + _ALLOWED + "".join(_allowed()),
            "\n" + _DIFFERENCES + "".join(_differences()),
        ]
    )


def _by_rfc() -> Iterator[tuple[str, Iterable[Requirement]]]:
    return groupby(REQUIREMENTS, key=lambda requirement: requirement.rfc)


def _tally() -> str:
    departures = sum(bool(each.departure) for each in REQUIREMENTS)
    elsewhere = sum(bool(each.not_ours) for each in REQUIREMENTS)
    shown = len(REQUIREMENTS) - departures - elsewhere
    return (
        f"\nOf {len(REQUIREMENTS)} demands, {shown} are shown by tests, {departures} are not "
        f"followed for a reason that\nis given, and {elsewhere} bind clients.\n"
    )


def _section(
    rfc: str, requirements: list[Requirement], marked: Mapping[str, Sequence[MarkedTest]]
) -> str:
    rows = "".join(
        f"| {each.section} | {each.level} | {_cell(each.text)} | "
        f"{_shown(each, marked.get(each.id, ()))} |\n"
        for each in requirements
    )
    return (
        f"\n## RFC {rfc}\n\n| section | level | what is asked for | shown by |\n|---|---|---|---|\n"
    ) + rows


def _shown(requirement: Requirement, tests: Sequence[MarkedTest]) -> str:
    links = ", ".join(f"[{test.name}](../tests/{test.file})" for test in tests)
    if requirement.departure:
        text = f"**Not followed.** {_cell(requirement.departure)}"
        return f"{text} {links}" if links else text
    if requirement.not_ours:
        return _cell(requirement.not_ours)
    return links


def _profile(profile: Profile) -> str:
    rows = "".join(
        f"| {each.level} | {_cell(each.text)} | {_met(each)} |\n" for each in profile.demands
    )
    return (
        f"\n## {profile.title}\n\n{profile.about}\n\n"
        "| level | what is asked for | how it is met |\n|---|---|---|\n"
    ) + rows


def _met(demand: Demand) -> str:
    if demand.departure:
        return f"**Not followed.** {_cell(demand.departure)}"
    if demand.not_ours:
        return _cell(demand.not_ours)
    files = (test.split("::") for test in demand.tests)
    links = ", ".join(f"[{name}](../tests/{file})" for file, name in files)
    needs = f"by {demand.needs}" if demand.tests and demand.needs else demand.needs
    return ": ".join(filter(None, (needs, links)))


def _readings() -> Iterator[str]:
    kinds = (("Understood", UNDERSTOOD), ("Passed over", PASSED_OVER), ("Refused", REFUSED))
    for title, readings in kinds:
        rows = map(_reading, readings)
        yield f"\n### {title}\n\n| what is sent | how it is read |\n|---|---|\n" + "".join(rows)


def _reading(reading: Reading) -> str:
    answer = f" (`{reading.scim_type}`)" if reading.scim_type else ""
    return f"| {_cell(reading.sent)} | {_cell(reading.note)}{answer} |\n"


def _allowed() -> Iterator[str]:
    yield "| suite | check | why it stays |\n|---|---|---|\n"
    for entry in dict.fromkeys(ALLOWED):
        yield f"| {entry.suite} | {_cell(entry.check)} | {_cell(entry.reason)} |\n"


def _differences() -> Iterator[str]:
    yield "| this service | why |\n|---|---|\n"
    for entry in DIFFERENCES:
        yield f"| {_cell(entry.title)} | {_cell(entry.reason)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
