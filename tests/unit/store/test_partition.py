"""The checker of partitions finds every kind of damage; without that its silence means nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomType
from shared.store.layout import pack_document, pack_ids
from shared.store.store import open_store
from shared.tables.rows import Row
from tests.support.documents import group, setting, user
from tests.support.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext
    from tests.unit.store.conftest import ReadBack

Rows = dict[str, Row]


def key_of(rows: Rows, kind: str) -> str:
    return next(key for key in rows if key.startswith(f"{kind}-"))


def drop(kind: str) -> Callable[[Rows], None]:
    return lambda rows: rows.__delitem__(key_of(rows, kind))


def put(key: str, **values: str | int | bytes) -> Callable[[Rows], None]:
    return lambda rows: rows.__setitem__(key, Row(key, values, "e"))


def change(kind: str, **values: str | int | bytes) -> Callable[[Rows], None]:
    def act(rows: Rows) -> None:
        key = key_of(rows, kind)
        rows[key] = replace(rows[key], values={**rows[key].values, **values})

    return act


def forget_change(verb: str) -> Callable[[Rows], None]:
    def act(rows: Rows) -> None:
        del rows[next(k for k, row in rows.items() if row.values.get("op") == verb)]

    return act


def repeat_change(rows: Rows) -> None:
    rows["l-0"] = replace(rows[key_of(rows, "l")], key="l-0")


IDS = pack_ids(["0" * 32])

DAMAGE = {
    "a claim is missing": drop("un"),
    "the claim on a group is missing": drop("gn"),
    "an e-mail is not indexed": drop("ue"),
    "an externalId is not indexed": drop("ux"),
    "a claim belongs to another": change("un", o="0" * 32),
    "a claim is on another name": change("gn", x="other"),
    "a claim without an owner": put(f"un-{'0' * 40}", o="0" * 32, x="nobody"),
    "a document was changed without its rows": change("u", **pack_document(user("other"))),
    "a membership row is missing": drop("m"),
    "a membership row too many": put(f"m-{'0' * 32}-{'1' * 32}"),
    "a list names a group too many": change("u", **IDS),
    "a counter is missing": drop("cu"),
    "a counter is wrong": change("cg", n=7),
    "a group vanished": drop("g"),
    "a user vanished": drop("u"),
    "a deleted group is not listed": put(f"q-g-{'0' * 32}"),
    "a listed group is not to be swept": put("q", **IDS),
    "the deletions row is empty": put("q"),
    "a deleted user is there": lambda rows: rows.__setitem__(
        f"q-{key_of(rows, 'u')}", Row("q", {}, "e")
    ),
    "a user was written without a change row": change("u", v=9),
    "the change row of an update is missing": forget_change("update"),
    "the change row of a membership is missing": forget_change("members"),
    "a change is recorded twice": repeat_change,
    "a claim of a custom type is missing": drop("rn-device"),
    "a claim of a custom type too many": put(f"rn-device-{'0' * 40}", o="0" * 32, x="none"),
    "an externalId of a custom type is not indexed": drop("rx-device"),
    "a counter of a custom type is wrong": change("cr-device", n=7),
    "a resource of a custom type vanished": drop("r-device"),
    "a resource of a custom type was written without a change row": change("r-device", v=9),
    "a key of an unknown kind": put("zz-1"),
    "a key with a forbidden character": put("cg-A/b", n=0),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_damage_is_found(
    table: AzureTable,
    new_context: NewContext,
    consistent: ReadBack,
    damage: Callable[[Rows], None],
) -> None:
    unique = UniqueAttribute("serial", case_exact=False)
    store = open_store(table, changed_names, custom=[CustomType("Device", (unique,))])
    await store.custom["Device"].create(new_context(), {"serial": "1", "externalId": "2"})
    jo = await store.users.create(
        new_context(), user("jo", externalId="1", emails=[{"value": "jo@x.org"}])
    )
    staff = await store.groups.create(new_context(), group("staff"))
    await store.users.update(new_context(), jo.id, setting(title="Dr"))
    await store.groups.update(new_context(), staff.id, MemberChange(add=(jo.id,)))
    rows = dict((await consistent()).rows)
    damage(rows)
    assert Partition(rows).problems()
