"""The files of a deployer's schemas: found, read, or refused with one line that names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.schema_files import ROOT, read_catalogue
from shared.scim.catalogue import Catalogue
from shared.settings import SettingsError

EXAMPLES = ROOT / "docs" / "examples" / "scim_schemas"

Put = Callable[[str, bytes | str], str]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file into a folder and return the folder's path."""

    def write(name: str, content: bytes | str) -> str:
        encoded = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(encoded)
        return str(tmp_path)

    return write


def problem(path: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        read_catalogue(path)
    (line,) = refusal.value.problems
    assert line.startswith("SCIM_SCHEMAS: ")
    assert "\n" not in line
    return line.removeprefix("SCIM_SCHEMAS: ")


@pytest.mark.parametrize("path", ["", None])
def test_without_a_path_there_is_what_is_built_in(path: str | None) -> None:
    assert read_catalogue(path) == Catalogue()


@pytest.mark.parametrize("path", ["docs/examples/scim_schemas", str(EXAMPLES)])
def test_a_folder_is_read_from_the_folder_of_the_app_on(path: str) -> None:
    catalogue = read_catalogue(path)
    assert [each.name for each in catalogue.custom] == ["Device"]
    assert len(catalogue.user.extensions) == 2


def test_one_file_may_be_named() -> None:
    catalogue = read_catalogue("docs/examples/scim_schemas/cost.json")
    assert (len(catalogue.user.extensions), catalogue.custom) == (2, ())


def test_of_a_folder_every_json_file_counts_and_nothing_else(put: Put) -> None:
    put("device.json", (EXAMPLES / "device.json").read_text("utf-8"))
    put("README.md", "no JSON")
    folder = put("cost.json", b"\xef\xbb\xbf" + (EXAMPLES / "cost.json").read_bytes())
    (Path(folder) / "more.json").mkdir()
    catalogue = read_catalogue(folder)
    assert (len(catalogue.user.extensions), len(catalogue.custom)) == (2, 1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ": line 1, column 1: Expecting value; put JSON"),
        ('{\n  "id": 1 "name"}', ": line 2, column 11: Expecting ',' delimiter; put JSON"),
        ("{]", ": line 1, column 2: Expecting property name enclosed in double quotes; put JSON"),
        (b'{"name": "\xff"}', ": byte 10 is not UTF-8; save it as that"),
        ('{"id": "a", "id": "b"}', ': an object has the key "id" twice; leave one out'),
        ("[" * 100_000, ": nests too deeply"),
        ("[]", ": holds no document; put a Schema or a ResourceType"),
        ('{"id": NaN}', ": id should be a string"),
        ('{"schemas": []}', ": schemas should be "),
    ],
    ids=["empty", "comma", "bracket", "latin-1", "twice", "deep", "none", "NaN", "no document"],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place(
    put: Put, content: bytes | str, expected: str
) -> None:
    folder = put("own.json", content)
    assert problem(folder).startswith(f"{folder}/own.json{expected}")


def test_a_path_that_leads_nowhere_is_told_as_it_was_given() -> None:
    assert problem("scim_schemas/none.json").startswith(
        "scim_schemas/none.json cannot be read (No such file or directory); put the path of"
    )


def test_a_folder_without_files_is_a_mistake(put: Put) -> None:
    folder = put("notes.txt", "nothing")
    assert (
        problem(folder)
        == f"{folder} holds no .json file; put the path of a file or folder that does"
    )


def test_the_first_thing_that_is_wrong_is_told_with_its_file_and_place(put: Put) -> None:
    documents = json.loads((EXAMPLES / "cost.json").read_text("utf-8"))
    documents[0]["attributes"][1]["type"] = "money"
    folder = put("cost.json", json.dumps(documents))
    assert problem(folder) == (
        f"{folder}/cost.json: [0].attributes[1].type should be 'string', 'boolean', 'decimal',"
        " 'integer', 'dateTime', 'reference', 'binary' or 'complex'"
    )
