"""Files of parameters: TOML that is held to a description."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

_Model = TypeVar("_Model", bound=BaseModel)


class ParametersError(Exception):
    """A file of parameters cannot be used; the text says which value, and why."""


def read(model: type[_Model], file: Path) -> _Model:
    """Read a file as a model describes it.

    Raises:
        ParametersError: it is no TOML, or a value is missing, unknown or cannot be.
    """
    try:
        return model.model_validate(tomllib.loads(file.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ParametersError(f"{file.name}: {error}") from error
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ParametersError(f"{file.name}: {'; '.join(wrong)}") from error
