"""Holds command lines against the parser of azure-cli, as az does before it runs a command.

The command tables, the arguments and the parser are those of the published package. Nothing is run
and nobody is asked: what needs a sign-in or a subscription to be known is not found here.
"""

from __future__ import annotations

import logging
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from azure.cli.core import AzCli, CommandIndex, MainCommandsLoader
from azure.cli.core._help import AzCliHelp
from azure.cli.core.commands import AzCliCommandInvoker
from azure.cli.core.parser import AzCliCommandParser
from knack.util import CLIError

from tests.ops.infra.azure_cli.shell import VALUE

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Set
    from pathlib import Path

    from tests.ops.infra.azure_cli.shell import Words


_log = logging.getLogger(__name__)

RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/x"


class RefusedError(Exception):
    """What az would say instead of running the command."""


class _Parser(AzCliCommandParser):
    """The parser, which lets what is known at run time alone pass for any value."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # A shortened option works until another one begins alike.
        super().__init__(*arguments, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise RefusedError(message)

    def validation_error(self, message: str) -> NoReturn:
        raise RefusedError(message)

    def _get_value(self, action: Action, text: str) -> Any:
        if action.dest == "_jmespath_query":
            text = text.replace(VALUE, "x")
        return text if VALUE in text else super()._get_value(action, text)

    def _check_value(self, action: Action, value: Any) -> None:
        if action.choices is None or value in action.choices or VALUE in str(value):
            return
        choices = ", ".join(sorted(map(str, action.choices)))
        raise RefusedError(f"{value!r} is none of {choices}")


class _Invoker(AzCliCommandInvoker):
    """The way of a command line from its words to its command, which is not run."""

    def _validation(self, parsed: Any) -> None:
        """Let the validators say what is missing; that nobody is signed in is no matter here."""
        try:
            super()._validation(parsed)
        except CLIError as error:
            if "az login" not in str(error):
                raise
        except RefusedError as error:
            _log.debug("what it looks into is not here: %s", error)

    def resolve_confirmation(self, command: Any, parsed: Any) -> None:
        """Ask nobody."""

    def resolve_warnings(self, command: Any, parsed: Any) -> None:
        """Warn nobody."""

    def _run_jobs_serially(self, *_: Any) -> tuple[list[Any], list[Any]]:
        return [], []

    _run_jobs_concurrently = _run_jobs_serially


class AzureCli:
    """The published azure-cli, without its extensions."""

    def __init__(self, folder: Path) -> None:
        """Begin with the settings of a new user, in a folder that is empty."""
        self._cli = AzCli(
            cli_name="az",
            config_dir=str(folder),
            config_env_var_prefix="AZURE",
            commands_loader_cls=MainCommandsLoader,
            invocation_cls=_Invoker,
            parser_cls=_Parser,
            help_cls=AzCliHelp,
        )
        self._loaded: dict[str, Set[str]] = {}

    def check(self, words: Words) -> None:
        """Parse a command line.

        Raises:
            RefusedError: az would not run it.
        """
        name = takewhile(lambda word: not word.startswith("-"), words)
        if not any(" ".join(words[:n]) in self._commands(words[0]) for n, _ in enumerate(name, 1)):
            raise RefusedError("there is no such command")
        try:
            self._invoker().execute([_known(*pair) for pair in pairwise(("", *words))])
        except RefusedError:
            raise
        except (Exception, SystemExit) as error:
            raise RefusedError(str(error)) from error

    def knows(self, words: Words) -> bool:
        """Tell whether words are the name of a command or of a group of commands."""
        name = " ".join(words)
        return any(f"{each} ".startswith(f"{name} ") for each in self._commands(words[0]))

    def _commands(self, first: str) -> Set[str]:
        """Return the commands that begin with a word, and load no other module of az for them."""
        if first not in self._loaded:
            invoker = self._invoker()
            index = CommandIndex(self._cli).get_packaged_core_index()
            known = invoker.commands_loader.load_command_table([first]) if first in index else {}
            self._loaded[first] = {each for each in known if each.split()[0] == first}
        return self._loaded[first]

    def _invoker(self) -> Any:
        cli = self._cli
        cli.invocation = cli.invocation_cls(
            cli_ctx=cli,
            parser_cls=cli.parser_cls,
            commands_loader_cls=cli.commands_loader_cls,
            help_cls=cli.help_cls,
        )
        return cli.invocation


def _known(option: str, word: str) -> str:
    """Put in what az looks into before it parses: a file, the id of a resource."""
    if option == "--ids" and VALUE in word:
        return RESOURCE_ID
    return VALUE if word.startswith("@") else word
