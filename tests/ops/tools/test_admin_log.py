"""`tools.admin log` and `why`: what was refused, and why somebody is not there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.auth.tenant_tokens import TenantAccess, TenantState
from shared.auth.versions import SecretVersion
from shared.errors import NotFound
from shared.store.provisioning_log import KeptEntry, LogEntry
from tools.admin.commands.why import access_of

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.ops.tools.conftest import Admin


def version(
    name: str, created: float, *, enabled: bool = True, expires: float | None = None
) -> SecretVersion:
    """A version of the secret of a tenant."""
    return SecretVersion(name, enabled, created, expires=expires)


NOW = int(time.time() * 1_000)
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
async def entries(store: Store, context: RequestContext) -> list[KeptEntry]:
    """A refusal of Ana a minute ago, one of Bo two days ago, and what was left out."""
    written = [
        KeptEntry.of(entry)
        for entry in (
            LogEntry(
                NOW - MINUTE,
                "refused",
                request_id="request-1",
                client_request_id="entra-1",
                token="scim-token/1",
                method="PATCH",
                resource_type="User",
                names={"userName": "ana@contoso.test"},
                status=400,
                scim_type="invalidValue",
                operation=2,
                path="emails.value",
                detail="Send\n\x1b[31ma string.",
                milliseconds=12.4,
            ),
            LogEntry(NOW - 2 * DAY, "refused", method="POST", names={"userName": "bo"}, status=409),
            LogEntry(NOW - MINUTE - 1, "leftOut", number=9_700, reason="tooMany"),
        )
    ]
    await store.log.write(context, written)
    return written


async def test_the_log_of_a_day_is_shown_oldest_first(
    table_admin: Admin, entries: list[KeptEntry], tenant: str
) -> None:
    shown = await table_admin("log", "--tenant", tenant)
    assert shown.status == 0
    left_out, refused = shown.out.splitlines()
    assert "leftOut" in left_out
    assert "9,700 (tooMany)" in left_out
    for part in (
        "refused",
        "PATCH User",
        "userName=ana@contoso.test",
        "400 invalidValue",
        "operation 2, emails.value",
        "request request-1",
        "of the client entra-1",
    ):
        assert part in refused
    assert "\x1b" not in shown.out


async def test_attributes_that_were_sent_are_named(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    entry = LogEntry(NOW, "attributes", resource_type="User", shape=("title", "userName"))
    await store.log.write(context, [KeptEntry.of(entry)])
    shown = await table_admin("log", "--tenant", tenant, "--kind", "attributes")
    assert "User  title, userName" in shown.out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--since", "7d"), [1, 2, 0]),
        (("--since", "7d", "--user", "BO"), [1]),
        (("--since", "7d", "--kind", "refused"), [1, 0]),
        (("--since", "7d", "--limit", "1"), [0]),
        (("--since", "1s"), []),
    ],
)
async def test_it_is_cut_down_by_time_user_kind_and_number(
    table_admin: Admin,
    entries: list[KeptEntry],
    tenant: str,
    options: tuple[str, ...],
    expected: list[int],
) -> None:
    shown = await table_admin("log", "--tenant", tenant, *options, "--json")
    assert shown.status == 0, shown.err
    ids = [line.split('"id": "')[1][:24] for line in shown.out.splitlines()]
    assert ids == [entries[index].id for index in expected]


async def test_a_kind_that_is_none_is_refused(table_admin: Admin, tenant: str) -> None:
    ended = await table_admin("log", "--tenant", tenant, "--kind", "broken")
    assert ended.status == 2


async def test_why_says_it_in_words_and_as_json(
    table_admin: Admin, entries: list[KeptEntry], tenant: str
) -> None:
    told = await table_admin("why", tenant, "Ana@contoso.test")
    assert told.status == 0, told.err
    assert "The identity provider tried, and was refused." in told.out
    assert "Requests: request-1" in told.out
    assert "\x1b" not in told.out
    found = (await table_admin("why", tenant, "ana@contoso.test", "--json")).json
    assert found["verdict"] == "refused"
    assert found["requests"] == ["request-1"]


async def test_why_of_a_name_that_no_tenant_can_have_is_refused(table_admin: Admin) -> None:
    assert (await table_admin("why", "no tenant!", "ana")).status == 2


@pytest.mark.parametrize(
    ("versions", "access"),
    [
        ([version("a", 1)], (TenantState.OPEN, None)),
        ([version("a", 1, expires=90)], (TenantState.NO_VALID_TOKEN, 90)),
        ([version("a", 1, enabled=False)], (TenantState.CLOSED, None)),
        ([version("a", 1), version("b", 2, enabled=False)], (TenantState.CLOSED, None)),
        ([version("a", 1, expires=150), version("b", 2, expires=200)], (TenantState.OPEN, 200)),
        ([version("a", 1), version("b", 2, expires=200)], (TenantState.OPEN, 200)),
        ([version("a", 1), version("b", 2, expires=90)], (TenantState.OPEN, 90)),
    ],
)
def test_the_versions_of_its_secret_say_whether_a_tenant_is_open(
    versions: list[SecretVersion], access: tuple[TenantState, float | None]
) -> None:
    assert access_of(versions, now=100) == TenantAccess(*access)


def test_without_versions_there_is_no_tenant() -> None:
    with pytest.raises(NotFound):
        access_of([], now=100)
