"""The files in which a deployer describes schemas and resource types: found, and read as JSON.

They are read when a process starts to serve, and when `make run` starts, never at import.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.scim.catalogue import Catalogue
from shared.scim.strict_json import unambiguous
from shared.settings import SCHEMAS, SettingsError

ROOT = Path(__file__).resolve().parent.parent
"""The folder of the app, from which a relative path leads."""


def read_catalogue(path: str | None) -> Catalogue:
    """Read what is served: the built-in resource types and what the files add.

    Args:
        path: the value of `SCIM_SCHEMAS`: a file, or a folder of which every `*.json` is read in
            the order of their names; empty or None for no files.

    Raises:
        SettingsError: a file cannot be read, or describes what cannot be served. It holds one
            line, which names the file, the place in it, and what to put.
    """
    if not path:
        return Catalogue()
    # Imported here: without files nobody needs the models that documents are held against.
    from shared.scim import custom_schemas, schema_documents  # noqa: PLC0415

    try:
        files = [schema_documents.SchemaFile(_name(file), _json(file)) for file in _files(path)]
        return custom_schemas.read(files)
    except schema_documents.SchemaDocumentError as error:
        raise _refused(str(error)) from None


def _files(path: str) -> Iterator[Path]:
    place = ROOT / path
    if not place.is_dir():
        yield place
        return
    files = sorted(file for file in place.glob("*.json") if file.is_file())
    if not files:
        raise _refused(f"{path} holds no .json file; put the path of a file or folder that does")
    yield from files


def _name(file: Path) -> str:
    """Name a file as it is known to whoever has put it there."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def _json(file: Path) -> Any:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"{_name(file)}: byte {error.start} is not UTF-8; save it as that") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(
            f"{_name(file)} cannot be read ({reason}); put the path of a file or folder, from the "
            "folder of the app on"
        ) from None
    try:
        return json.loads(text, object_pairs_hook=unambiguous)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _refused(f"{_name(file)}: {place}: {error.msg}; put JSON") from None
    except (ValueError, RecursionError) as error:
        reason = "nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise _refused(f"{_name(file)}: {reason}") from None


def _refused(problem: str) -> SettingsError:
    return SettingsError((f"{SCHEMAS}: {problem}",))
