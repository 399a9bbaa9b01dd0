"""A logo that lies in the folder of the portal goes into the package, and stands on the pages."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import httpx

from infra.package_app import contents
from local import service

ROOT = Path(__file__).parents[2]
LOGO = "portal/logo.png"
SAMPLE = "local.settings.sample.json"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


async def test_a_logo_in_the_folder_of_the_portal_is_packed_and_shown(tmp_path: Path) -> None:
    project, package = tmp_path / "project", tmp_path / "package"
    for path in contents(ROOT):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, project / path)
    (project / LOGO).write_bytes(PIXEL)
    assert LOGO in contents(project)
    for path in contents(project):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, package / path)
    # What runs it here asks for the file, and reads nothing else from beside the app.
    shutil.copyfile(ROOT / SAMPLE, package / SAMPLE)
    environ = {"SCIM_PORTAL_LOGO": LOGO, "SCIM_PORTAL_PRODUCT": "Contoso Rooms"}
    async with (
        service.running(environ=environ, root=package) as running,
        httpx.AsyncClient(base_url=running.base_url, timeout=60, trust_env=False) as http,
    ):
        page = await http.get("/portal/open")
        found = re.search(r'<img class="logo" src="([^"]+)" alt="" height="28">', page.text)
        assert found, page.text
        picture = await http.get(found[1])
    assert (picture.headers["content-type"], picture.content) == ("image/png", PIXEL)
    assert "<span>Contoso Rooms</span>" in page.text
