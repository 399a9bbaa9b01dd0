"""The library is built as a wheel, and works where nothing else of the project is."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from scim_on_functions import __version__

FOLDER = Path(__file__).parents[3] / "clients" / "python"

USE = """
import scim_on_functions
print(scim_on_functions.__file__)
print(scim_on_functions.Client("https://id.example.com", "scimkey_crm_x").tenant("acme"))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # What builds it is installed, so that nothing is asked of a network.
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(FOLDER))
    (built,) = folder.glob("*.whl")
    return built


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_holds_the_library_with_its_types_and_its_license(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    sources = {f"scim_on_functions/{file.name}" for file in FOLDER.glob("src/*/*.py")}
    assert sources | {"scim_on_functions/py.typed"} == {
        name for name in names if ".dist-info/" not in name
    }
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_it_says_what_it_is_and_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    assert metadata["Name"] == "scim-on-functions-client"
    assert metadata["Version"] == __version__
    assert metadata.get_all("Requires-Dist") == ["httpx<1,>=0.27"]
    assert metadata["Requires-Python"] == ">=3.11"


def test_it_is_imported_from_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = str(tmp_path / "venv" / "bin" / "python")
    options = ["--no-deps", "--no-index", "--quiet"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, str(wheel))
    # httpx comes from where the tests have it.
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "httpx.pth").write_text(sysconfig.get_path("purelib"))
    place, shown = run(python, "-I", "-c", USE).splitlines()
    assert Path(place).is_relative_to(site)
    assert "Tenant" in shown
