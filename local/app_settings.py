"""What application settings say of functions: names in their triggers, and which are off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTING = re.compile(r"%([^%]+)%")


def resolve(text: str, environ: Mapping[str, str], what: str) -> str:
    """Put settings in the place of `%NAME%`.

    Args:
        text: What stands in the trigger.
        environ: Application settings.
        what: What it is, as it is called in an error.

    Raises:
        LocalError: A setting is missing.
    """
    for setting in _SETTING.findall(text):
        if setting not in environ:
            raise LocalError(f"the setting {setting} that holds its {what} is missing")
    return _SETTING.sub(lambda found: environ[found[1]], text)


def is_disabled(name: str, environ: Mapping[str, str]) -> bool:
    """Whether a setting switches a function off; no variable of a shell has a dot in its name."""
    settings = (f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled")
    return any(environ.get(setting, "").lower() in {"1", "true"} for setting in settings)
