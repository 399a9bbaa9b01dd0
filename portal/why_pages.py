"""Why: why a user is not there, in words, with what to do and a block for a ticket."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import TYPE_CHECKING, Final

from portal.rendering import render
from shared.explain.english import ENGLISH_FOR_CUSTOMER
from shared.explain.evidence import gather, read_access
from shared.explain.french import FRENCH_FOR_CUSTOMER
from shared.explain.reasoning import explain
from shared.explain.statements import Finding, Verdict
from shared.explain.text_catalogue import TextCatalogue, remedy_of, sentence_of, ticket_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portal.texts import Language
    from portal.visit import Visit
    from shared.explain.statements import Explanation, Statement
    from shared.web.responses import ScimResponse

MOST_ASKED: Final = 1_024

_CATALOGUES: Final[Mapping[Language, TextCatalogue]] = {
    "en": ENGLISH_FOR_CUSTOMER,
    "fr": FRENCH_FOR_CUSTOMER,
}
_TONES: Final[Mapping[Verdict, str]] = {
    Verdict.PRESENT: "passed",
    Verdict.DISABLED: "waiting",
    Verdict.AMBIGUOUS: "waiting",
    Verdict.DELETED: "waiting",
    Verdict.RENAMED: "waiting",
    Verdict.OUT_OF_SCOPE: "waiting",
}
"""How a verdict is shown; every other one tells of a failure."""

_TIMES: Final = frozenset({"time", "created"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence.

    Attributes:
        text: what it says; of a time as programs read it.
        is_value: whether it comes from the rows, and so may be written in any direction.
        seconds: of a time, in POSIX seconds; else None.
    """

    text: str
    is_value: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer in the language of the visitor.

    Attributes:
        tone: how it is shown: `passed`, `waiting` or `failed`.
        reason: why the user is not there.
        remedy: what to do next.
        findings: what it rests on.
        user_id: of the user who was found; "" without one.
        ticket: all of it as text, without names that were not asked for.
    """

    tone: str
    reason: str
    remedy: str
    findings: list[list[Piece]]
    user_id: str
    ticket: str


async def show_why(visit: Visit) -> ScimResponse:
    """GET of the box and of the answer: some 15 calls for a tenant with few rows, 36 at most."""
    asked = visit.query.get("q", "").strip()[:MOST_ASKED]
    answer = _shown(await _explain(visit, asked), visit) if asked else None
    return render(visit, "why.html", q=asked, answer=answer)


async def _explain(visit: Visit, asked: str) -> Explanation:
    context, services = visit.entered.context, visit.services
    access = await read_access(services.tenant_tokens, context.tenant)
    evidence = await gather(services.store, context, asked, int(time.time() * 1_000), access)
    wrong = services.refused_tokens.of(context.tenant)
    evidence.wrong_tokens = None if wrong is None else (wrong.number, wrong.last)
    return explain(evidence)


def _shown(explanation: Explanation, visit: Visit) -> ShownAnswer:
    catalogue = _CATALOGUES[visit.texts.language]
    found = (each for each in explanation.findings if each.code is Finding.FOUND)
    return ShownAnswer(
        tone=_TONES.get(explanation.verdict, "failed"),
        # How far was looked stands among what was found.
        reason=catalogue.answers[explanation.verdict],
        remedy=remedy_of(explanation, catalogue),
        findings=[list(pieces_of(each, catalogue)) for each in explanation.findings],
        user_id=next((str(each.parameters["id"]) for each in found), ""),
        ticket=ticket_of(explanation.without_names(), catalogue),
    )


def pieces_of(statement: Statement, catalogue: TextCatalogue) -> Iterator[Piece]:
    """Take a sentence apart, so that times can be shown in the zone of the visitor."""
    for text, name, _, _ in Formatter().parse(sentence_of(statement, catalogue)):
        if text:
            yield Piece(text)
        if name:
            value = str(statement.parameters[name])
            yield Piece(value, is_value=True, seconds=_seconds(value) if name in _TIMES else None)


def _seconds(moment: str) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None
