"""How models describe members that are left out where they have no value: they are never null."""

from typing import Any


def optional(schema: dict[str, Any]) -> None:
    """Describe a member that may be left out."""
    schema.pop("default", None)


def optional_moment(schema: dict[str, Any]) -> None:
    """Describe a time (RFC 3339) that may be left out."""
    optional(schema)
    schema["format"] = "date-time"
