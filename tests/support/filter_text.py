"""Filters as text, so that what was read can be read again."""

from __future__ import annotations

import json

from shared.scim.filters import And, Comparison, Filter, Not, Or, Unknown, ValuePath


def to_text(condition: Filter) -> str:
    """Write a filter in the grammar of RFC 7644 figure 1; parsing it gives an equal filter."""
    match condition:
        case Comparison():
            return _comparison_text(condition)
        case ValuePath():
            return f"{condition.path.text}[{to_text(condition.filter)}]"
        case And():
            return " and ".join(map(_grouped, condition.filters))
        case Or():
            return " or ".join(map(_grouped, condition.filters))
        case Not():
            return f"not ({to_text(condition.filter)})"
        case Unknown():
            return condition.text


def _comparison_text(comparison: Comparison) -> str:
    term = f"{comparison.path.text} {comparison.operator}"
    if comparison.operator == "pr":
        return term
    return f"{term} {json.dumps(comparison.value, ensure_ascii=False)}"


def _grouped(condition: Filter) -> str:
    text = to_text(condition)
    return f"({text})" if isinstance(condition, And | Or) else text
