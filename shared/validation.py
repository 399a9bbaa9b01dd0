"""JSON values are read as models; what is wrong with one is said in the words of JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import InvalidValue

_M = TypeVar("_M", bound=BaseModel)

_LONGEST_NAME = 64

_SAID = {
    "bool_type": "should be true or false",
    "extra_forbidden": "is not known here; leave it out",
    "greater_than_equal": "should be at least {ge:,}",
    "int_type": "should be a whole number",
    "less_than_equal": "should be at most {le:,}",
    "list_type": "should be a list",
    "literal_error": "should be {expected}",
    "missing": "is missing",
    "model_type": "should be an object",
    "string_pattern_mismatch": "should match the pattern {pattern}",
    "string_too_long": "should have at most {max_length:,} characters",
    "string_too_short": "should not be empty",
    "string_type": "should be a string",
    "too_long": "should have at most {max_length:,} entries",
    "too_short": "should not be empty",
    "tuple_type": "should be a list",
    "value_error": "{error}",
}
"""What is said of each kind of error of pydantic, whose own words are those of Python."""

OTHERWISE = "is not as /openapi.json describes it"
"""What is said of any other kind."""


def read_model(model: type[_M], value: dict[str, Any], *, strict: bool | None = None) -> _M:
    """Read an object as a model.

    Args:
        model: what it is to be.
        value: the object.
        strict: whether no value is converted; None for as the model says of each member.

    Raises:
        InvalidValue: a member is missing, unknown, or not what it should be. The error says where
            the first problem is and what is wanted, and quotes no value.
    """
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(model, problem) from None


def _refusal(model: type[BaseModel], problem: Mapping[str, Any]) -> InvalidValue:
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        members = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return InvalidValue(f"The body has a member that is none of these: {members}.")
    path = _path(problem["loc"])
    context = {**problem.get("ctx", {})}
    if "expected" in context:
        context["expected"] = context["expected"].replace("'", '"')
    said = _SAID.get(problem["type"], OTHERWISE).format_map(context)
    return InvalidValue(f"{path}: {said}.", path=path)


def _path(steps: Sequence[int | str]) -> str:
    """Write where a problem is; the names of validators stand there too, and mean nothing."""
    place = (step for step in steps if isinstance(step, int) or step.isidentifier())
    written = (
        f"[{step}]" if isinstance(step, int) else f".{step[:_LONGEST_NAME]}" for step in place
    )
    return "".join(written).lstrip(".")
