"""Why a command did not do what it was asked for, and the exit status that says so."""

from __future__ import annotations

from tools.command_line import CommandError


class AdminError(CommandError):
    """A command that ends without its result; the text is one line that says what to do."""


class NotDoneError(AdminError):
    """Nothing was changed: what was asked for is not there, or would do harm."""

    exit_status = 1


class NotThereError(AdminError):
    """There is no such table, or no such tenant."""

    exit_status = 3


class WrongSettingError(AdminError):
    """An option or a setting cannot be used."""

    exit_status = 2


class NoAccessError(AdminError):
    """The vault or the storage did not let us in, or did not answer."""

    exit_status = 3
