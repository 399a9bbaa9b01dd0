"""Holds texts against azure-cli. Runs in .venv-azure-cli, for tests/ops/infra/test_az_commands.py.

stdin: texts, as `{"place": "docs/x.md", "row": 3, "kind": "shell", "unit": "docs", "text": ...}`.
A text of the kind `shell` is a program, `name` names a command or gives it whole, and `prose` may
do so among other words. Texts of a unit share their functions.
stdout: `{"lines": [...], "problems": [...], "left_out": [...], "pins": [...]}`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from packaging.requirements import Requirement

from tests.ops.infra.azure_cli import prose
from tests.ops.infra.azure_cli.shell import VALUE, Program, UnreadableError, spoken

if TYPE_CHECKING:
    from tests.ops.infra.azure_cli.parser import AzureCli
    from tests.ops.infra.azure_cli.shell import Line, Words

OF_EXTENSIONS = {("monitor", "log-analytics", "query")}
"""Commands of az's extensions, which az fetches itself when one is first used."""


class Check:
    """What is found in texts, and what az says of it."""

    def __init__(self, az: AzureCli, refused: type[Exception]) -> None:
        self._az = az
        self._refused = refused
        self._programs: defaultdict[str, Program] = defaultdict(Program)
        self.lines: dict[str, None] = {}
        self.problems: list[str] = []
        self.left_out: set[str] = set()

    def learn(self, source: dict[str, Any]) -> None:
        """Note the functions of a program, which another text of the unit may call."""
        try:
            self._programs[source["unit"]].learn(source["text"])
        except UnreadableError as error:
            self.problems.append(f"{source['place']}: {error}")

    def read(self, source: dict[str, Any]) -> None:
        """Check every command line of a text."""
        text, row, place = source["text"], source["row"], source["place"]
        if source["kind"] != "shell":
            for line in prose.lines(text, row):
                self._in_prose(place, line, whole=source["kind"] == "name")
            return
        try:
            for line in self._programs[source["unit"]].lines(text):
                self._typed(place, row, line)
            for at, said in spoken(text):
                for line in prose.lines(said, row + at):
                    self._in_prose(place, line, whole=False)
        except UnreadableError as error:
            self.problems.append(f"{place}: {error}")

    def _typed(self, place: str, row: int, line: Line) -> None:
        self._hold(f"{place}:{row + line.row + 1}", line.words, (line.words,))

    def _in_prose(self, place: str, line: Line, *, whole: bool) -> None:
        where, words = f"{place}:{line.row + 1}", line.words
        if any(word.startswith("-") for word in words) and not _is_a_name(words):
            # A sentence may name an option and leave its value out.
            self._hold(where, words, (words, (*words, VALUE)))
        else:
            names = tuple(takewhile(lambda word: not word.startswith("-"), words))
            if whole and names[:3] not in OF_EXTENSIONS and not self._az.knows(names):
                self.problems.append(f"{where}: az {' '.join(names)}: there is no such command")

    def _hold(self, where: str, words: Words, forms: tuple[Words, ...]) -> None:
        if words[:3] in OF_EXTENSIONS:
            self.left_out.add(" ".join(words[:3]))
            return
        self.lines[f"{where}: az {' '.join(words)}"] = None
        said = [self._said(form) for form in forms]
        if all(said):
            self.problems.append(f"{where}: az {' '.join(words)}: {said[0]}")

    def _said(self, words: Words) -> str:
        try:
            self._az.check(words)
        except self._refused as error:
            return str(error)
        return ""


def _is_a_name(words: Words) -> bool:
    """Tell whether the options of a command are left out, but for those of every command."""
    return {word for word in words if word.startswith("-")} <= {"--query", "--output"}


def unfit_pins() -> list[str]:
    """Return what azure-cli asks for and gets in another version; what is left out is left out."""
    unfit = []
    for requirement in map(Requirement, requires("azure-cli") or ()):
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            continue
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and not requirement.specifier.contains(installed, prereleases=True):
            unfit.append(f"{requirement}, not {installed}")
    return unfit


def _nobody(*_: object, **__: object) -> NoReturn:
    raise OSError("nobody is asked")


def main() -> None:
    """Check what stands on standard input."""
    sources = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AZURE_CONFIG_DIR"] = folder
        os.environ["AZURE_EXTENSION_DIR"] = f"{folder}/extensions"
        os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "false"
        os.environ["AZURE_AAZ_FULL_LOAD"] = "true"
        # Imported here because importing azure-cli reads these.
        from tests.ops.infra.azure_cli.parser import AzureCli, RefusedError  # noqa: PLC0415

        logging.disable(logging.CRITICAL)
        socket.getaddrinfo = _nobody
        check = Check(AzureCli(Path(folder)), RefusedError)
        # Twice, for a function that hands on to one that is defined after it.
        for source in 2 * [source for source in sources if source["kind"] == "shell"]:
            check.learn(source)
        for source in sources:
            check.read(source)
    result = {
        "lines": list(check.lines),
        "problems": list(dict.fromkeys(check.problems)),
        "left_out": sorted(check.left_out),
        "pins": unfit_pins(),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
