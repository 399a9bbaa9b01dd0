"""Models of bodies: what is read is held against them, and what may be left out is never null."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import InvalidSyntax, InvalidValue

_M = TypeVar("_M", bound=BaseModel)


def optional(schema: dict[str, Any]) -> None:
    """Describe a member that may be left out."""
    schema.pop("default", None)


def optional_moment(schema: dict[str, Any]) -> None:
    """Describe a time (RFC 3339) that may be left out."""
    optional(schema)
    schema["format"] = "date-time"


def read_body(model: type[_M], body: Any) -> _M:
    """Read the body of a request as a model.

    Raises:
        InvalidSyntax: it is no object.
        InvalidValue: a member is missing, unknown, or not what it should be. No value is quoted.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    try:
        return model.model_validate(body, strict=True)
    except ValidationError as error:
        raise _refusal(model, error) from None


def _refusal(model: type[BaseModel], error: ValidationError) -> InvalidValue:
    """Say what the first problem is."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    members = ", ".join(field.alias or name for name, field in model.model_fields.items())
    if problem["type"] == "extra_forbidden":
        return InvalidValue(f"The body has a member that is none of these: {members}.")
    name = ".".join(map(str, problem["loc"]))
    message = problem["msg"]
    return InvalidValue(f"{name}: {message[0].lower()}{message[1:]}.", path=name)
