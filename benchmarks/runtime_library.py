"""The library in which Azure runs the app, and these measurements do."""

from importlib.util import find_spec
from pathlib import Path

_PACKAGES = ("azure_functions_runtime", "azurefunctions")


def require() -> None:
    """End the program with a line that says what to do where the library is missing."""
    if find_spec("azure_functions_runtime") is None:
        raise SystemExit(
            "error: azure-functions-runtime is not installed: run `make install` with Python 3.13"
        )


def alone(folder: Path) -> Path:
    """Make a folder that holds the library and nothing else, as Azure's worker brings it.

    Args:
        folder: Where to make it.
    """
    library = folder / "runtime library"
    library.mkdir()
    for name in _PACKAGES:
        spec = find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(name)
        (library / name).symlink_to(next(iter(spec.submodule_search_locations)))
    return library
