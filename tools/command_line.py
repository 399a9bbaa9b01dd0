"""What every command line of the tools has in common: its help, and its end with one line."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[1]

FAULT: Final = 70
"""Exit status of a fault of the tool itself, as `EX_SOFTWARE` of sysexits.h."""

_SHOWN_FRAMES: Final = 3
_Function = TypeVar("_Function", bound="Callable[..., Any]")


class CommandError(Exception):
    """A command that ends without its result; the text is one line that says what to do.

    Attributes:
        exit_status: Tells scripts what kind of end it is.
    """

    exit_status: ClassVar[int]


class _Command(TyperCommand):
    """A command that ends with one line, and whose help names no type of a value for a flag."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, `--help` among them."""
        return _as_flags(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            Exit: With the status of the error that ended it, after a line with its text.
        """
        try:
            return super().invoke(ctx)
        except CommandError as error:
            say(f"error: {error}")
            raise typer.Exit(error.exit_status) from error


class _Group(TyperGroup):
    """A group of commands, with the same help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, `--help` among them."""
        return _as_flags(super().get_params(ctx))


def _as_flags(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


class App(typer.Typer):
    """A command line as all tools have it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            cls=_Group,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode="markdown",
            **options,
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[_Function], _Function]:
        """Register a command, as `typer.Typer.command` does."""
        return super().command(name, cls=_Command, **options)

    def run(self, prog_name: str) -> None:
        """Run the command that the process was started with.

        Raises:
            SystemExit: At its end, with its exit status; 70 where the tool itself failed.
        """
        try:
            self(prog_name=prog_name)
        except Exception as error:  # noqa: BLE001 - the last resort: an operator reads no traceback
            say(f"error: {fault_line(error)}")
            raise SystemExit(FAULT) from None


def say(line: str) -> None:
    """Write a line for the person at the terminal, on standard error."""
    typer.echo(printable(line), err=True)


def printable(text: str) -> str:
    """Make visible what a terminal would obey, as the escape sequences in a name of a user."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def fault_line(error: BaseException) -> str:
    """Describe in one line what no command foresaw, without any value that it was about."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"the system refused it{where}: {error.strerror}"
    return (
        f"a fault of this tool, not of what you asked for: {type(error).__name__} at"
        f" {_places(error)}; please report this line to those who gave you the tool"
    )


def _places(error: BaseException) -> str:
    """Name the innermost lines of this project that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [(Path(frame.filename), frame.lineno) for frame in frames]
    named = [f"{file.relative_to(ROOT)}:{line}" for file, line in ours if _is_ours(file)]
    return ", ".join(reversed(named[-_SHOWN_FRAMES:])) or "an unknown place"


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(ROOT) and "site-packages" not in file.parts
