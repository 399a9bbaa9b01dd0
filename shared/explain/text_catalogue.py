"""How an answer is said: one catalogue of texts for each language and each kind of reader."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.explain.reasoning import moment
from shared.explain.statements import NONE, Explanation, Finding, Statement, Verdict


@dataclass(frozen=True, slots=True)
class TextCatalogue:
    """All texts of a language, for one kind of reader.

    Attributes:
        answers: by verdict, why the user is not there.
        remedies: by verdict, what to do next.
        findings: by finding, with its parameters in braces. Of what stands in brackets, with
            bars between, the first is said of which all parameters have a value, or nothing.
        headings: of the block for a ticket.
    """

    answers: Mapping[Verdict, str]
    remedies: Mapping[Verdict, str]
    findings: Mapping[Finding, str]
    headings: Mapping[str, str]


_WHERE_NOTHING_WAS_FOUND = frozenset(
    {Verdict.NEVER_CONTACTED, Verdict.WRONG_TOKEN, Verdict.SILENT, Verdict.OUT_OF_SCOPE}
)
_CHOICE, _PLACE = re.compile(r"\[([^]]*)\]"), re.compile(r"\{(\w+)\}")
_BOUNDS = frozenset({Finding.LEFT_OUT, Finding.LOG_EMPTY, Finding.LOG_BOUND, Finding.HISTORY_BOUND})


def answer_of(explanation: Explanation, catalogue: TextCatalogue) -> str:
    """Say why the user is not there; where nothing was found, also how far was looked."""
    answer = catalogue.answers[explanation.verdict]
    if explanation.verdict not in _WHERE_NOTHING_WAS_FOUND:
        return answer
    bounds = (each for each in explanation.findings if each.code in _BOUNDS)
    return " ".join([answer, *(text_of(each, catalogue) for each in bounds)])


def remedy_of(explanation: Explanation, catalogue: TextCatalogue) -> str:
    """Say what to do next."""
    return catalogue.remedies[explanation.verdict]


def text_of(statement: Statement, catalogue: TextCatalogue) -> str:
    """Say what was found."""
    return sentence_of(statement, catalogue).format_map(statement.parameters)


def sentence_of(statement: Statement, catalogue: TextCatalogue) -> str:
    """Choose the sentence for what was found; values are still to be put in the places of it."""

    def known(choice: re.Match[str]) -> str:
        return next(filter(has_values, choice[1].split("|")), "")

    def has_values(text: str) -> bool:
        return all(statement.parameters[name] != NONE for name in _PLACE.findall(text))

    return _CHOICE.sub(known, catalogue.findings[statement.code])


def ticket_of(explanation: Explanation, catalogue: TextCatalogue) -> str:
    """Write the whole answer as text, to be pasted into a ticket; it holds no secret."""
    headings = catalogue.headings
    question = {
        "asked": explanation.asked,
        "tenant": explanation.tenant,
        "time": moment(explanation.time),
    }
    lines = [
        headings["question"].format_map(question),
        answer_of(explanation, catalogue),
        headings["found"],
        *(f"- {text_of(each, catalogue)}" for each in explanation.findings),
        headings["remedy"],
        remedy_of(explanation, catalogue),
    ]
    if explanation.requests:
        lines.append(headings["requests"].format(requests=", ".join(explanation.requests)))
    return "\n".join(map(_in_one_line, lines))


def _in_one_line(text: str) -> str:
    """Take out line ends, which what was sent may hold, and what else a terminal would obey."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())
