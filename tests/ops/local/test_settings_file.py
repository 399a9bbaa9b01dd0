"""local.settings.json."""

from __future__ import annotations

import json
import os
import threading
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from local import settings_file
from local.errors import LocalError
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_made_from_the_sample_with_a_token_and_a_client_secret_for_its_owner_alone(
    project: Path,
) -> None:
    path = settings_file.ensure(project)
    assert path.stat().st_mode & 0o777 == 0o600
    content = json.loads(path.read_text())
    assert content["IsEncrypted"] is False
    assert content["Values"]["FUNCTIONS_WORKER_RUNTIME"] == "python"
    token = settings_file.token(path)
    assert content["Values"]["SCIM_SECRET_TOKEN"] == token
    assert len(urlsafe_b64decode(token + "=")) == 32
    secret = content["Values"]["SCIM_CLIENT_SECRET"]
    assert len(urlsafe_b64decode(secret.removeprefix("scimsecret_") + "=")) == 32
    environ = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **content["Values"]}
    assert Settings.from_environment(environ).client_secret is not None


def test_every_one_has_a_token_of_its_own(project: Path) -> None:
    first = settings_file.token(settings_file.ensure(project))
    (project / "local.settings.json").unlink()
    assert settings_file.token(settings_file.ensure(project)) != first


def test_it_is_never_written_again(project: Path) -> None:
    path = project / "local.settings.json"
    path.write_text("mine")
    os.utime(path, (1, 1))
    settings_file.ensure(project)
    assert (path.read_text(), path.stat().st_mtime) == ("mine", 1)


def test_the_environment_is_taken_out_of_an_older_one_and_nothing_else(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Core Tools set it themselves; some fail where it is set twice."""
    held = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "SCIM_SECRET_TOKEN": "mine", "B": "2"}
    path = project / "local.settings.json"
    path.write_text(json.dumps({"Values": held, "Host": {"CORS": "*"}}))
    settings_file.ensure(project)
    del held["AZURE_FUNCTIONS_ENVIRONMENT"]
    assert json.loads(path.read_text()) == {"Values": held, "Host": {"CORS": "*"}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err.count("\n") == 1
    settings_file.ensure(project)
    assert capsys.readouterr().err == ""


def test_the_sample_leaves_the_environment_to_core_tools() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))
    assert "AZURE_FUNCTIONS_ENVIRONMENT" not in sample["Values"]
    assert sample["Values"]["FUNCTIONS_WORKER_RUNTIME"] == "python"


def test_two_that_make_it_at_once_agree(project: Path) -> None:
    both = threading.Barrier(2, timeout=10)
    tokens: list[str] = []

    def make() -> None:
        both.wait()
        tokens.append(settings_file.token(settings_file.ensure(project)))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


def test_nothing_else_is_left_in_the_folder(project: Path) -> None:
    before = set(project.iterdir())
    assert set(project.iterdir()) | {settings_file.ensure(project)} == before | {
        project / "local.settings.json"
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold a JSON object"),
        ('{"Values": {"A": 1}}', "an object of strings"),
        ('{"IsEncrypted": true, "Values": {}}', "func settings decrypt"),
        ('{"Values": {}}', "holds no SCIM_SECRET_TOKEN"),
    ],
)
def test_a_broken_one_is_told_in_one_line(project: Path, content: str, said: str) -> None:
    (project / "local.settings.json").write_text(content)
    with pytest.raises(LocalError, match=said) as refused:
        settings_file.token(settings_file.ensure(project))
    assert "\n" not in str(refused.value)


def test_without_the_sample_there_is_nothing_to_make_it_from(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"local\.settings\.sample\.json is missing"):
        settings_file.ensure(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"Values": {"SCIM_SCHEMAS": "scim_schemas"}}', {"SCIM_SCHEMAS": "scim_schemas"}),
        ('{"Values": {}}', {}),
        ('{"IsEncrypted": true, "Values": {"SCIM_SCHEMAS": "CfDJ8"}}', {}),
    ],
    ids=["set", "not set", "encrypted"],
)
def test_settings_can_be_read_where_they_can_be_read(
    project: Path, content: str, found: dict[str, str]
) -> None:
    (project / "local.settings.json").write_text(content)
    assert settings_file.readable_values(settings_file.ensure(project)) == found
