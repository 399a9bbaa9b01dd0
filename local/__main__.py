"""`python -m local`: runs the service; `python -m local token`: shows the token that opens it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from local import children, settings_file
from local.errors import LocalError
from local.run import ROOT, options, run


def main() -> int:
    """Do what the command line says.

    Returns:
        The exit code: 0 when the run was told to end, that of the host when it ended by itself, 1
        when the service cannot run here.
    """
    arguments = _parser().parse_args()
    try:
        if arguments.command == "token":
            print(settings_file.token(settings_file.ensure(arguments.root)))
            return 0
        return asyncio.run(_run(arguments))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:  # a folder that cannot be written, a disk that is full
        print(f"error: {error.filename or 'the system'}: {error.strerror}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "token"], default="run")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the app and host.json")
    parser.add_argument("--app", default="function_app", help="module that holds the FunctionApp")
    parser.add_argument("--stand-in", action="store_true", help="do not use Core Tools")
    parser.add_argument("--leash", action="store_true", help="end when standard input ends")
    return parser


async def _run(arguments: argparse.Namespace) -> int:
    asked = options(
        arguments.root,
        arguments.app,
        os.environ,
        stand_in=arguments.stand_in,
        recorded=not arguments.leash,
    )
    running = asyncio.create_task(run(asked))
    # A first signal lets everything end in order; a second one cancels that too.
    children.on_stop(running.cancel, leashed=arguments.leash)
    try:
        return await running
    except asyncio.CancelledError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
