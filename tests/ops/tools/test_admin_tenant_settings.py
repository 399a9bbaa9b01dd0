"""`tools.admin tenant show` and `set`: the settings of a tenant, through the storage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.documents import group

if TYPE_CHECKING:
    from pathlib import Path

    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.ops.tools.conftest import Admin

ENTRIES = [
    {"group": {"displayName": "Admins"}, "role": "admin", "priority": 1},
    {"group": {"externalId": "g-1"}, "role": "user", "priority": 2},
]


@pytest.fixture
async def named(store: Store, context: RequestContext, tenant: str) -> str:
    """A tenant that exists, because it holds a group."""
    await store.groups.create(context, group("Admins"))
    return tenant


@pytest.fixture
def role_map(tmp_path: Path) -> Path:
    file = tmp_path / "roles.json"
    file.write_text(json.dumps(ENTRIES))
    return file


async def test_settings_are_set_shown_and_unset(
    table_admin: Admin, named: str, role_map: Path
) -> None:
    changed = await table_admin(
        *("tenant", "set", named, "--role-map", str(role_map), "--requests-per-second", "100"),
        "--json",
    )
    assert changed.status == 0, changed.err
    told = {"tenant": named, "roleMap": ENTRIES, "requestsPerSecond": 100}
    assert changed.json == told | {"set": ["roleMap", "requestsPerSecond"]}
    assert "no group now for 1 entries of the role map, the first is 1" in changed.err
    shown = await table_admin("tenant", "show", named)
    assert shown.status == 0, shown.err
    assert "requestsPerSecond  100" in shown.out
    assert "Admins" in shown.out
    unset = await table_admin("tenant", "set", named, "--unset", "requestsPerSecond", "--json")
    assert unset.json == {"tenant": named, "roleMap": ENTRIES, "set": ["roleMap"]}


async def test_the_history_tells_who_set_what(
    table_admin: Admin, named: str, role_map: Path
) -> None:
    await table_admin("tenant", "set", named, "--role-map", str(role_map))
    changes = (await table_admin("changes", "--tenant", named, "--json")).out.splitlines()
    last: dict[str, Any] = json.loads(changes[-1])
    told = (last["resource"], last["id"], last["verb"], last["attributes"], last["token"])
    assert told == ("Tenant", named, "settings", ["roleMap"], "admin")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name a setting"),
        (("--requests-per-second", "24"), "requestsPerSecond"),
        (("--unknown-members", "drop"), "unknownMembers"),
        (("--unset", "profiles"), '"profiles" is no setting of a tenant'),
        (("--profile", "strict"), "profile"),
        (("--guard", "hold"), "--guard is no JSON"),
        (("--guard", '{"held": true}'), "held"),
        (
            ("--guard", '{"hold": false, "releaseAfterHours": 4}'),
            "set hold to true, or send releaseAfterHours as null as well",
        ),
        (("--role-map", "nowhere.json"), "nowhere.json cannot be read"),
    ],
)
async def test_what_is_no_setting_is_refused(
    table_admin: Admin,
    store: Store,
    context: RequestContext,
    named: str,
    *,
    options: Any,
    said: str,
) -> None:
    ended = await table_admin("tenant", "set", named, *options)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())
    assert (await store.settings.read(context)).version == 0


async def test_a_tenant_that_does_not_exist_is_not_set(table_admin: Admin) -> None:
    ended = await table_admin("tenant", "set", "nobody", "--requests-per-second", "50")
    assert ended.status == 3
    assert "there is no tenant nobody" in ended.err


async def test_of_the_guard_what_is_named_is_changed(
    table_admin: Admin, store: Store, context: RequestContext, named: str
) -> None:
    for guard in ('{"hold": true, "users": 25}', '{"percent": 5}'):
        ended = await table_admin("tenant", "set", named, "--guard", guard)
        assert ended.status == 0, ended.err
    kept = (await store.settings.read(context)).settings.guard
    assert kept is not None
    assert (kept.hold, kept.users, kept.percent) == (True, 25, 5)
