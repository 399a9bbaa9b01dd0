"""infra/package_app.py: the package holds what the app needs, whatever lies around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.package_app import FILES, contents, pack
from tests.ops.test_packaging import is_kept_back

ROOT = Path(__file__).parents[4]


def committed() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so there is no list of the files of the project")
    return listed.stdout.splitlines()


def test_it_is_what_funcignore_lets_through() -> None:
    let_through = [file for file in committed() if not is_kept_back(file)]
    assert sorted(set(contents(ROOT)) & set(committed())) == sorted(let_through)


def test_what_work_leaves_behind_is_not_in_it(clone: Path) -> None:
    inside = set(contents(clone))
    assert {name for name in inside if is_kept_back(name)} == set()
    assert "scim_users/.DS_Store" not in inside
    assert not {name for name in inside if name.startswith("tests/")}


def test_it_holds_the_files_as_they_are_at_the_root_of_the_zip(clone: Path, tmp_path: Path) -> None:
    pack(clone, tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as package:
        assert package.namelist() == contents(clone)
        for entry in package.infolist():
            assert package.read(entry) == (clone / entry.filename).read_bytes()
            assert entry.external_attr >> 16 == 0o100644


def test_the_app_loads_from_it_and_from_nothing_else(clone: Path, tmp_path: Path) -> None:
    pack(clone, tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as package:
        package.extractall(tmp_path / "app")
    loads = "import endpoints, function_app; print(len(function_app.app.get_functions()))"
    code = f"import sys; sys.path.insert(0, '.'); {loads}"
    loaded = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code],
        cwd=tmp_path / "app",
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout) > 5


def test_the_same_code_gives_the_same_package(clone: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(clone, tmp_path / "copy")
    for file in copied.rglob("*.py"):
        file.chmod(0o600)
    told = [pack(root, tmp_path / f"{root.name}.zip") for root in (clone, copied)]
    assert told[0] == told[1]
    (copied / "function_app.py").write_text("changed")
    assert pack(copied, tmp_path / "changed.zip") != told[0]


@pytest.mark.parametrize("name", FILES)
def test_without_a_file_that_makes_it_an_app_nothing_is_packed(
    clone: Path, tmp_path: Path, name: str
) -> None:
    copied = shutil.copytree(clone, tmp_path / "copy")
    (copied / name).unlink()
    done = subprocess.run(
        [sys.executable, "-I", str(copied / "infra" / "package_app.py"), "app.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: the code could not be packed: {copied / name} is missing\n"
    assert not (tmp_path / "app.zip").exists()
