"""The library in which Azure runs the app, and these measurements do."""

from importlib.util import find_spec


def require() -> None:
    """End the program with a line that says what to do where the library is missing."""
    if find_spec("azure_functions_runtime") is None:
        raise SystemExit(
            "error: azure-functions-runtime is not installed: run `make install` with Python 3.13"
        )
