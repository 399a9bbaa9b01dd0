"""Azurite as a child process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from azure.data.tables.aio import TableServiceClient

from local import azurite
from local.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

    from local.azurite import Azurite


async def tables(storage: Azurite) -> list[str]:
    async with TableServiceClient.from_connection_string(storage.connection_string) as client:
        return [table.name async for table in client.list_tables()]


async def create(storage: Azurite, name: str) -> None:
    async with TableServiceClient.from_connection_string(storage.connection_string) as client:
        await client.create_table(name)


async def test_two_run_side_by_side_and_share_nothing() -> None:
    async with azurite.running() as one, azurite.running() as other:
        await create(one, "first")
        assert await tables(one) == ["first"]
        assert await tables(other) == []


async def test_all_three_services_have_an_endpoint() -> None:
    async with azurite.running() as storage:
        assert set(storage.ports) == {"blob", "queue", "table"}
        for service, port in storage.ports.items():
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
            endpoint = f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/devstoreaccount1;"
            assert endpoint in storage.connection_string


async def test_data_is_kept_in_the_folder_it_is_given(tmp_path: Path) -> None:
    place = tmp_path / "made" / "for it"
    async with azurite.running(location=place) as storage:
        await create(storage, "kept")
    assert storage.process.returncode is not None
    async with azurite.running(location=place) as storage:
        assert await tables(storage) == ["kept"]


async def test_a_folder_has_one_azurite(tmp_path: Path) -> None:
    async with azurite.running(location=tmp_path):
        with pytest.raises(LocalError, match="another run of the service keeps its data in"):
            async with azurite.running(location=tmp_path):
                raise AssertionError("it runs")
    async with azurite.running(location=tmp_path) as storage:
        assert await tables(storage) == []


async def test_a_busy_port_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=rf"port {port} of the table storage is busy"):
            async with azurite.running(ports={"blob": 0, "queue": 0, "table": port}):
                raise AssertionError("it runs")


async def test_without_node_it_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match=r"node is missing: install Node\.js 22"):
        async with azurite.running():
            raise AssertionError("it runs")


@pytest.mark.parametrize("said", ["v18.20.4", "Segmentation fault", ""])
async def test_a_node_that_is_too_old_or_broken_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho '{said}'\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match=r"Azurite wants Node\.js 22 or newer"):
        async with azurite.running():
            raise AssertionError("it runs")


async def test_what_azurite_says_last_is_the_reason_why_it_did_not_start(tmp_path: Path) -> None:
    (tmp_path / "__azurite_db_table__.json").mkdir()
    with pytest.raises(LocalError, match=r"Azurite did not start: .*EISDIR"):
        async with azurite.running(location=tmp_path):
            raise AssertionError("it runs")


async def test_without_its_package_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azurite, "ROOT", tmp_path)
    with pytest.raises(LocalError, match="make azurite"):
        async with azurite.running():
            raise AssertionError("it runs")
