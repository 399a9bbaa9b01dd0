"""Reads JSON values as models, and says in the words of JSON what is wrong with one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    GetCoreSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema

from shared.errors import InvalidValue

_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")

_LONGEST_NAME = 64

_WORDING = {
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


class _NeverNull:
    """Reads a value as the type that stands beside None."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Take the schema of the type out of that of the type or None."""
        inner: CoreSchema = handler(source)["schema"]
        return inner


Omittable = Annotated[_T | None, _NeverNull()]
"""A member of a body that may be left out: it is None then, and null is refused."""


def _whole(number: object) -> object:
    """Take 7.0 for 7, as JSON Schema does."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE = BeforeValidator(_whole)
"""Of a whole number of a body. It stands behind the bounds, or /openapi.json does not have them."""


def _only_true(value: object) -> object:
    """Refuse all but true: 1 and 1.0 are equal to it in Python."""
    if value is not True:
        raise ValueError("should be true")
    return value


OnlyTrue = Annotated[Literal[True], BeforeValidator(_only_true)]
"""A member of a body that is true, or left out."""


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
        raise _refusal(model, value, problem) from None


def _refusal(
    model: type[BaseModel], value: Mapping[str, Any], problem: Mapping[str, Any]
) -> InvalidValue:
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        members = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return InvalidValue(f"The body has a member that is none of these: {members}.")
    path = "".join(_steps(value, problem["loc"])).lstrip(".")
    context = {**problem.get("ctx", {})}
    if "expected" in context:
        context["expected"] = context["expected"].replace("'", '"')
    said = _WORDING.get(problem["type"], OTHERWISE).format_map(context)
    return InvalidValue(f"{path}: {said}.", path=path)


def _steps(value: Any, steps: Sequence[int | str]) -> Iterator[str]:
    """Write the path to a problem, without the names of validators, which name no member."""
    for index, step in enumerate(steps):
        if isinstance(value, list) and isinstance(step, int):
            yield f"[{step}]"
            value = value[step]
        elif isinstance(value, dict) and isinstance(step, str):
            is_missing = step not in value and index == len(steps) - 1
            if step in value or is_missing:
                name = step[:_LONGEST_NAME]
                yield f".{name}" if name.isidentifier() else f"[{json.dumps(name)}]"
                value = value.get(step)
