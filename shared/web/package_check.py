"""Whether the packages that lie beside the app fit the Python that runs it.

A package that was built for another Python is deployed and indexed without a complaint. Then no
request can be served, and the import that fails names a module that seems to be there.
"""

from collections.abc import Iterable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

SITE_PACKAGES = Path(".python_packages", "lib", "site-packages")
"""Where the packages lie, relative to the app."""

_APP = Path(__file__).parents[2]


class MismatchedPackagesError(ImportError):
    """The packages are built for another Python; the message is one line and names both."""


def check_packages(app: Path = _APP, suffixes: Sequence[str] = EXTENSION_SUFFIXES) -> None:
    """Look through the compiled modules of the packages. It reads folders, so not at each start.

    Args:
        app: Folder of the app.
        suffixes: Of the compiled modules that this Python imports, its own first.

    Raises:
        MismatchedPackagesError: One of them is for another Python.
    """
    names = [file.name for file in (app / SITE_PACKAGES).rglob("*.so")]
    others = sorted(_builds(names) - set(suffixes))
    if others:
        raise MismatchedPackagesError(
            f"The packages are built for {_shown(others[0])} and this is {_shown(suffixes[0])}:"
            " deploy a package that infra/package_app.py makes, and let the function app run the"
            " Python that the template names."
        )


def _builds(names: Iterable[str]) -> set[str]:
    """Return the suffixes of compiled modules, without those that name no version of Python."""
    suffixes = {name[name.index(".") :] for name in names if "." in name}
    return {suffix for suffix in suffixes if suffix.startswith((".cpython-", ".pypy"))}


def _shown(suffix: str) -> str:
    return suffix.removeprefix(".").removesuffix(".so")
