"""Models of `/api/v1`: how bodies are read, and how members are described that may be left out."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import InvalidValue

M = TypeVar("M", bound=BaseModel)


class NoQuery(BaseModel):
    """No query parameters."""


def read_model(model: type[M], body: Any) -> M:
    """Read a body as a model.

    Raises:
        InvalidValue: it is not what the model takes; the detail names the member and what is wrong.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        path = ".".join(map(str, first["loc"]))
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        raise InvalidValue(
            f"{path[:64] or 'The body'}: {first['msg']}. The members are: {known}.",
            path=path if path in model.model_fields else None,
        ) from None


def optional(schema: dict[str, Any]) -> None:
    """Describe a member that may be left out."""
    schema.pop("default", None)


def optional_moment(schema: dict[str, Any]) -> None:
    """Describe a time (RFC 3339) that may be left out."""
    optional(schema)
    schema["format"] = "date-time"
