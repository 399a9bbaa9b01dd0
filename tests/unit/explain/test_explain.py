"""Why a user is not there: each case by the rows that it leaves, told in words with the remedy."""

from __future__ import annotations

import json
import re
import string
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.auth.tenant_tokens import TenantAccess, TenantState
from shared.explain.english import ENGLISH, ENGLISH_FOR_CUSTOMER
from shared.explain.evidence import MOST_CALLS, gather
from shared.explain.french import FRENCH_FOR_CUSTOMER
from shared.explain.reasoning import explain, moment
from shared.explain.statements import Explanation, Finding, Verdict
from shared.explain.text_catalogue import TextCatalogue, answer_of, remedy_of, text_of, ticket_of
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.provisioning_log import KeptEntry, LogEntry
from shared.store.setup_links import Right
from shared.store.store import open_store
from shared.tables.request_context import Bound
from shared.tenant_settings import patched
from tests.support.documents import group, setting, user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.store.guard_state import Decision
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext

HOUR, DAY = 3_600_000, 86_400_000
OPEN = TenantAccess(TenantState.OPEN, None)
ENDING = TenantAccess(TenantState.OPEN, 1_900_000_000)
EXPIRED = TenantAccess(TenantState.NO_VALID_TOKEN, 1_600_000_000)
CLOSED = TenantAccess(TenantState.CLOSED, None)
ANA = "ana@contoso.test"


def now() -> int:
    return int(time.time() * 1_000)


@pytest.fixture
def log(store: Store, new_context: NewContext) -> Callable[..., Awaitable[None]]:
    """Writes an entry: a refused create of Ana, of now, unless told otherwise."""

    async def write(**values: Any) -> None:
        told: dict[str, Any] = {
            "time": now() + 1_000,
            "kind": "refused",
            "request_id": "request-1",
            "token": "scim-token/1",
            "method": "POST",
            "resource_type": "User",
            "names": {"userName": ANA},
            "status": 400,
            "detail": "Send another value.",
        }
        await store.log.write(new_context(), [KeptEntry.of(LogEntry(**{**told, **values}))])

    return write


@pytest.fixture
def why(store: Store, new_context: NewContext) -> Callable[..., Awaitable[Explanation]]:
    async def ask(asked: str = ANA, access: TenantAccess | None = OPEN) -> Explanation:
        context = new_context()
        found = explain(await gather(store, context, asked, now(), access))
        assert context.meter.calls <= MOST_CALLS
        assert context.meter.entities == 0
        order = [list(Finding).index(each.code) for each in found.findings]
        assert order == sorted(order)
        assert all(text_of(each, ENGLISH) for each in found.findings)
        return found

    return ask


Log = Any
Why = Any


def codes(found: Explanation) -> list[Finding]:
    return [each.code for each in found.findings]


def parameters(found: Explanation, code: Finding) -> dict[str, str | int]:
    return next(dict(each.parameters) for each in found.findings if each.code is code)


# Nobody of that name


async def test_who_never_came_while_others_do_is_out_of_scope(
    store: Store, new_context: NewContext, why: Why
) -> None:
    await store.users.create(new_context(), user("bo"))
    found = await why()
    assert found.verdict is Verdict.OUT_OF_SCOPE
    assert codes(found) == [
        Finding.NOT_FOUND,
        Finding.CONTACT,
        Finding.TOKEN_VALID,
        Finding.LOG_EMPTY,
        Finding.HISTORY_BOUND,
    ]
    assert "scoping filters" in remedy_of(found, ENGLISH)


async def test_a_contact_that_changed_nothing_is_one(log: Log, why: Why) -> None:
    await log(kind="contact", names={}, method="GET")
    assert (await why()).verdict is Verdict.OUT_OF_SCOPE


async def test_an_api_key_is_no_contact(log: Log, why: Why) -> None:
    await log(names={}, is_product=True, status=404, method="GET")
    assert (await why()).verdict is Verdict.NEVER_CONTACTED


async def test_what_the_vendor_does_is_no_contact(
    store: Store, new_context: NewContext, why: Why
) -> None:
    await store.settings.update(new_context(), lambda _: {"requestsPerSecond": 60})
    await store.setup_links.issue(new_context(), [Right.WATCH], 1)
    assert (await why()).verdict is Verdict.NEVER_CONTACTED


@pytest.mark.parametrize("decision", ["release", "undo"])
async def test_a_decision_about_the_guard_is_no_contact(
    table: AzureTable, new_context: NewContext, why: Why, decision: Decision
) -> None:
    store = open_store(table, changed_names)
    made = await seed(store.table, new_context(), users=12, groups=0)
    guard = {"guard": {"users": 2, "percent": 10, "hold": True}}
    await store.settings.update(new_context(), lambda kept: patched(kept, guard))
    for uid in made.users[:6]:
        # The identity provider itself is left out, so that nothing but the decision could count.
        by_tool = replace(new_context(), method="admin")
        await store.users.update(by_tool, uid, lambda kept: {**kept, "active": False})
    await store.guard.check(new_context())
    hold = await store.guard.read_hold(new_context())
    assert hold is not None
    by_api = replace(new_context(), method="POST")
    done = await store.guard.decide(by_api, hold.id, decision, Bound(1_000_000, float("inf")))
    assert done.is_done
    assert (await why()).verdict is Verdict.NEVER_CONTACTED


async def test_an_identity_provider_that_was_not_there_for_a_day_is_silent(
    log: Log, why: Why
) -> None:
    await log(kind="contact", names={}, time=now() - DAY - HOUR)
    found = await why()
    assert found.verdict is Verdict.SILENT
    assert "quarantine" in remedy_of(found, ENGLISH)


@pytest.mark.parametrize(
    ("access", "verdict", "code"),
    [
        (OPEN, Verdict.NEVER_CONTACTED, Finding.TOKEN_VALID),
        (ENDING, Verdict.NEVER_CONTACTED, Finding.TOKEN_VALID_UNTIL),
        (EXPIRED, Verdict.TOKEN_EXPIRED, Finding.TOKEN_NOT_VALID),
        (CLOSED, Verdict.TENANT_CLOSED, Finding.CLOSED),
        (None, Verdict.NEVER_CONTACTED, Finding.TOKEN_UNKNOWN),
    ],
)
async def test_where_nobody_ever_came_the_token_is_looked_at(
    why: Why, access: TenantAccess | None, verdict: Verdict, code: Finding
) -> None:
    found = await why(access=access)
    assert found.verdict is verdict
    assert code in codes(found)


async def test_that_there_is_no_such_tenant_goes_before_its_token(
    store: Store, new_context: NewContext
) -> None:
    evidence = await gather(store, new_context(), ANA, now(), None)
    evidence.has_tenant = False
    found = explain(evidence)
    assert found.verdict is Verdict.NO_TENANT
    assert Finding.ABSENT in codes(found)


async def test_wrong_tokens_of_the_last_day_explain_a_silence(
    store: Store, new_context: NewContext, log: Log
) -> None:
    evidence = await gather(store, new_context(), ANA, now(), OPEN)
    evidence.wrong_tokens = (3, now() - HOUR)
    found = explain(evidence)
    assert (found.verdict, parameters(found, Finding.WRONG_TOKENS)["number"]) == (
        Verdict.WRONG_TOKEN,
        3,
    )
    evidence.wrong_tokens = (3, now() - 2 * DAY)
    assert explain(evidence).verdict is Verdict.NEVER_CONTACTED
    await log(kind="contact", names={})
    evidence = await gather(store, new_context(), ANA, now(), OPEN)
    evidence.wrong_tokens = (3, now())
    assert explain(evidence).verdict is Verdict.OUT_OF_SCOPE


# Refused


async def test_who_was_refused_is_told_why_and_by_which_requests(log: Log, why: Why) -> None:
    await log(
        scim_type="invalidValue",
        path="emails.value",
        detail="emails.value must be a string.",
        client_request_id="entra-7",
    )
    found = await why(ANA.upper())
    assert found.verdict is Verdict.REFUSED
    told = text_of(next(each for each in found.findings if each.code is Finding.REFUSAL), ENGLISH)
    for part in ("400 invalidValue", "emails.value must be a string.", "request-1", "entra-7"):
        assert part in told
    assert found.requests == ("request-1",)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("is_there", [True, False])
async def test_that_the_service_failed_is_no_fault_of_the_client(
    store: Store, new_context: NewContext, log: Log, why: Why, status: int, *, is_there: bool
) -> None:
    if is_there:
        await store.users.create(new_context(), user(ANA, active=True))
    await log(status=status)
    found = await why()
    assert found.verdict is Verdict.NOT_SERVED
    assert "sends it again" in remedy_of(found, ENGLISH)


async def test_of_another_who_had_the_value_nothing_is_told_of_who_has_it(
    store: Store, new_context: NewContext, why: Why
) -> None:
    both = [
        await store.users.create(new_context(), user(name, externalId="7")) for name in ("a", "b")
    ]
    await store.users.delete(new_context(), both[0].id)
    found = await why("7")
    assert found.verdict is Verdict.PRESENT
    assert parameters(found, Finding.LAST_CHANGE)["id"] == both[1].id


async def test_who_has_the_name_is_told(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    owner = await store.users.create(new_context(), user(ANA, externalId="old"))
    await log(status=409, scim_type="uniqueness", names={"userName": ANA, "externalId": "new"})
    assert (await why()).verdict is Verdict.NAME_TAKEN
    found = await why("new")
    assert found.verdict is Verdict.NAME_TAKEN
    assert parameters(found, Finding.OWNER)["id"] == owner.id
    assert "match by userName" in remedy_of(found, ENGLISH)


async def test_a_create_that_comes_twice_takes_no_name_of_another(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    await store.users.create(new_context(), user(ANA, externalId="same", active=True))
    await log(status=409, scim_type="uniqueness", names={"userName": ANA, "externalId": "same"})
    found = await why()
    assert found.verdict is Verdict.PRESENT
    assert Finding.REFUSAL in codes(found)


async def test_a_rename_to_a_name_that_is_taken_is_told(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    ana = await store.users.create(new_context(), user(ANA))
    bo = await store.users.create(new_context(), user("bo"))
    await log(
        method="PATCH",
        status=409,
        scim_type="uniqueness",
        resource_id=ana.id,
        names={"userName": "bo"},
    )
    found = await why()
    assert (found.verdict, parameters(found, Finding.OWNER)["id"]) == (Verdict.NAME_TAKEN, bo.id)


async def test_a_change_that_was_refused_counts_until_one_succeeds(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    ana = await store.users.create(new_context(), user(ANA, active=True))
    await log(method="PATCH", resource_id=ana.id, names={})
    assert (await why()).verdict is Verdict.CHANGE_REFUSED
    await log(time=now() - HOUR, method="PATCH", resource_id=ana.id, names={})
    assert (await why(ana.id)).verdict is Verdict.CHANGE_REFUSED


async def test_a_refusal_before_the_last_change_is_history(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    await log(time=now() - HOUR)
    await store.users.create(new_context(), user(ANA, active=True))
    found = await why()
    assert found.verdict is Verdict.PRESENT
    assert Finding.REFUSAL in codes(found)


@pytest.mark.parametrize(
    "values",
    [
        {"method": "GET", "status": 404},
        {"method": "DELETE", "status": 404},
        {"method": "PATCH", "status": 404},
        {"resource_type": "Group", "names": {"displayName": ANA}},
        {"names": {"userName": "bo"}},
        {"is_product": True},
    ],
    ids=[
        "looked for",
        "deleted twice",
        "changed when it was gone",
        "a group",
        "another",
        "the product",
    ],
)
async def test_what_is_no_refusal_of_the_user_is_none(
    log: Log, why: Why, values: dict[str, Any]
) -> None:
    await log(**values)
    assert Finding.REFUSAL not in codes(await why())


async def test_only_the_newest_3_refusals_are_told(log: Log, why: Why) -> None:
    for number in range(5):
        await log(time=now() + number, request_id=f"request-{number}")
    found = await why()
    assert found.requests == ("request-4", "request-3", "request-2")
    assert codes(found).count(Finding.REFUSAL) == 3


# There, and disabled


async def test_who_is_there_and_active_is_present(
    store: Store, new_context: NewContext, why: Why
) -> None:
    address = {"value": "a.ruiz@contoso.test"}
    ana = await store.users.create(
        new_context(), user(ANA, externalId="7", emails=[address], active=True)
    )
    for asked in (ANA, "ANA@contoso.test", "7", "A.Ruiz@contoso.test", ana.id):
        found = await why(asked)
        assert found.verdict is Verdict.PRESENT
        assert parameters(found, Finding.FOUND)["id"] == ana.id


async def test_who_was_disabled_is_told_with_when_and_by_which_request(
    store: Store, new_context: NewContext, why: Why
) -> None:
    ana = await store.users.create(new_context(), user(ANA, active=True))
    disabling = replace(new_context(), method="PATCH")
    await store.users.update(disabling, ana.id, setting(active=False))
    await store.users.update(new_context(), ana.id, setting(title="Lead"))
    found = await why()
    assert found.verdict is Verdict.DISABLED
    told = parameters(found, Finding.DISABLED_BY)
    assert (told["request"], told["method"], told["token"]) == (
        disabling.request_id,
        "PATCH",
        "test",
    )


async def test_who_came_disabled_is_not_said_to_have_been_disabled(
    store: Store, new_context: NewContext, why: Why
) -> None:
    await store.users.create(new_context(), user(ANA, active=False))
    found = await why()
    assert found.verdict is Verdict.DISABLED
    assert Finding.DISABLED_BY not in codes(found)


async def test_several_of_a_value_are_told_by_their_ids(
    store: Store, new_context: NewContext, why: Why
) -> None:
    both = [
        await store.users.create(new_context(), user(name, externalId="7")) for name in ("a", "b")
    ]
    found = await why("7")
    assert found.verdict is Verdict.AMBIGUOUS
    assert all(each.id in str(parameters(found, Finding.SEVERAL)["ids"]) for each in both)


# Deleted, renamed, passed over


@pytest.mark.parametrize("by", ["userName", "externalId", "email", "id"])
async def test_who_was_deleted_is_told_by_every_value_that_it_had(
    store: Store, new_context: NewContext, why: Why, by: str
) -> None:
    address = {"value": "a.ruiz@contoso.test"}
    ana = await store.users.create(new_context(), user(ANA, externalId="7", emails=[address]))
    deleting = replace(new_context(), method="DELETE")
    await store.users.delete(deleting, ana.id)
    asked = {"userName": ANA, "externalId": "7", "email": "A.RUIZ@contoso.test", "id": ana.id}
    found = await why(asked[by])
    assert found.verdict is Verdict.DELETED
    told = parameters(found, Finding.DELETION)
    assert (told["id"], told["request"]) == (ana.id, deleting.request_id)
    assert found.requests == (deleting.request_id,)


async def test_who_was_renamed_is_told_with_the_new_name(
    store: Store, new_context: NewContext, why: Why
) -> None:
    ana = await store.users.create(new_context(), user(ANA))
    await store.users.update(new_context(), ana.id, setting(userName="ana.ruiz"))
    found = await why()
    assert found.verdict is Verdict.RENAMED
    assert parameters(found, Finding.RENAMING)["userName"] == "ana.ruiz"
    await store.users.delete(new_context(), ana.id)
    gone = await why()
    assert gone.verdict is Verdict.DELETED


async def test_the_later_of_a_deletion_and_a_refusal_is_the_reason(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    ana = await store.users.create(new_context(), user(ANA))
    await log(time=now() - HOUR)
    await store.users.delete(new_context(), ana.id)
    assert (await why()).verdict is Verdict.DELETED
    await log(request_id="request-2")
    found = await why()
    assert found.verdict is Verdict.REFUSED
    assert Finding.DELETION in codes(found)


async def test_an_id_that_a_group_names_and_nobody_has_was_passed_over(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    stranger = "f" * 32
    sales = await store.groups.create(new_context(), group("Sales"))
    context = new_context()
    await store.groups.update(context, sales.id, MemberChange(add=(stranger,)))
    assert context.skipped == [stranger]
    await log(kind="skippedMembers", resource_id=sales.id, members=(stranger,), names={})
    found = await why(stranger)
    assert found.verdict is Verdict.SKIPPED_MEMBER
    assert parameters(found, Finding.PASSED_OVER)["group"] == sales.id


# Bounds, and what is not known


async def test_it_says_that_the_log_is_not_whole(log: Log, why: Why) -> None:
    await log(kind="leftOut", number=9_700, reason="tooMany", names={}, token="", method="")
    await log(kind="leftOut", number=5, reason="rateLimit", names={}, token="", method="")
    found = await why()
    assert parameters(found, Finding.LEFT_OUT)["number"] == 9_700


async def test_where_nothing_was_found_the_answer_says_how_far_was_looked(
    log: Log, why: Why
) -> None:
    oldest = now() - 7 * DAY
    await log(kind="contact", names={}, time=oldest)
    await log(kind="contact", names={})
    found = await why()
    assert found.verdict is Verdict.OUT_OF_SCOPE
    answer = answer_of(found, ENGLISH)
    assert f"provisioning log since {moment(oldest)} were looked at" in answer
    assert f"changes since {parameters(found, Finding.HISTORY_BOUND)['time']}" in answer
    await log(kind="leftOut", number=9_700, reason="tooMany", names={}, token="", method="")
    assert "too many in a minute: 9700." in answer_of(await why(), ENGLISH)


@pytest.mark.parametrize("verdict", ["present", "refused", "deleted"])
async def test_every_answer_says_how_far_back_was_looked(
    store: Store, new_context: NewContext, log: Log, why: Why, verdict: str
) -> None:
    if verdict == "refused":
        await log()
    else:
        ana = await store.users.create(new_context(), user(ANA, active=True))
        if verdict == "deleted":
            await store.users.delete(new_context(), ana.id)
    found = await why()
    of_log = Finding.LOG_BOUND if verdict == "refused" else Finding.LOG_EMPTY
    assert (found.verdict, codes(found)[-2:]) == (verdict, [of_log, Finding.HISTORY_BOUND])


async def test_it_reads_so_much_and_says_how_far_it_came(
    store: Store,
    new_context: NewContext,
    log: Log,
    why: Why,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.explain.evidence.PAGE_ROWS", 5)
    monkeypatch.setattr("shared.explain.evidence.MOST_ENTRIES", 10)
    monkeypatch.setattr("shared.explain.evidence.MOST_CHANGES", 1)
    for number in range(11):
        await log(names={"userName": "bo"}, time=now() + number)
    bo = await store.users.create(new_context(), user("bo"))
    await store.users.update(new_context(), bo.id, setting(title="Lead"))
    found = await why()
    assert Finding.LOG_BOUND in codes(found)


@pytest.mark.parametrize("others", [0, 30])
async def test_what_it_costs_does_not_grow_with_the_tenant(
    store: Store, new_context: NewContext, others: int
) -> None:
    for number in range(others):
        await store.users.create(new_context(), user(f"user-{number}"))
    context = new_context()
    await gather(store, context, ANA, now(), OPEN)
    # Who has it, the log, who of the deleted had it, and the change rows of 400 days.
    assert context.meter.calls == 3 + 1 + 3 + 7


async def test_a_deletion_is_found_behind_more_changes_than_are_read(
    store: Store, new_context: NewContext, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.explain.evidence.MOST_CHANGES", 1)
    ana = await store.users.create(new_context(), user(ANA))
    deleting = replace(new_context(), method="DELETE")
    await store.users.delete(deleting, ana.id)
    for number in range(3):
        await store.users.create(new_context(), user(f"user-{number}"))
    found = await why()
    assert found.verdict is Verdict.DELETED
    assert parameters(found, Finding.DELETION)["request"] == deleting.request_id


async def test_what_was_before_a_known_deletion_is_not_read(
    store: Store, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user(ANA))
    await store.users.delete(new_context(), ana.id)
    context = new_context()
    evidence = await gather(store, context, ANA, now(), OPEN)
    assert [each.change.verb for each in evidence.changes] == ["delete"]
    # As above; the row of the deletion, and what is behind it, from a day ahead on.
    assert context.meter.calls == 3 + 1 + 3 + 1 + 3


async def test_of_a_deletion_and_a_later_rename_the_rename_is_the_reason(
    store: Store, new_context: NewContext, why: Why
) -> None:
    first = await store.users.create(new_context(), user(ANA))
    await store.users.delete(new_context(), first.id)
    second = await store.users.create(new_context(), user(ANA))
    await store.users.update(new_context(), second.id, setting(userName="ana.ruiz"))
    found = await why()
    assert found.verdict is Verdict.RENAMED
    assert parameters(found, Finding.RENAMING)["id"] == second.id


# The texts


CATALOGUES = (ENGLISH, ENGLISH_FOR_CUSTOMER, FRENCH_FOR_CUSTOMER)


def places_in(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)}


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_every_code_has_a_text(catalogue: TextCatalogue) -> None:
    assert catalogue.answers.keys() == catalogue.remedies.keys() == set(Verdict)
    assert catalogue.findings.keys() == set(Finding)
    assert catalogue.headings.keys() == ENGLISH.headings.keys()


def test_each_language_says_the_same_of_a_finding() -> None:
    for code in Finding:
        said = {frozenset(places_in(each.findings[code])) for each in CATALOGUES}
        assert len(said) == 1, code


def test_a_customer_is_told_of_no_tool_of_the_operator() -> None:
    for catalogue in (ENGLISH_FOR_CUSTOMER, FRENCH_FOR_CUSTOMER):
        assert not any("tools.admin" in text for text in catalogue.remedies.values())


@pytest.mark.parametrize("catalogue", CATALOGUES)
@pytest.mark.parametrize("names", [{}, {"externalId": "e-7"}])
async def test_of_what_there_is_none_nothing_is_said(
    log: Log, why: Why, catalogue: TextCatalogue, names: dict[str, str]
) -> None:
    await log(status=409, names={"userName": ANA})
    await log(status=400, names={"userName": ANA} | names)
    for each in (await why()).findings:
        told = text_of(each, catalogue)
        assert not re.search(r"[][|]| -[ ,.;]", told), told


async def test_without_names_only_what_was_asked_for_names_anybody(log: Log, why: Why) -> None:
    await log(
        names={"userName": ANA.upper(), "externalId": "e-7"},
        client_request_id="theirs",
        detail="Send another value than 'O\\'Brien' or \"b\".",
    )
    ticket = ticket_of((await why()).without_names(), ENGLISH_FOR_CUSTOMER)
    assert "the userName ANA@CONTOSO.TEST and the externalId (…)" in ticket
    assert "Send another value than (…)." in ticket
    assert "e-7" not in ticket
    assert "request-1" in ticket
    assert "theirs" in ticket


async def test_the_parameters_fill_the_places_of_the_texts(
    store: Store, new_context: NewContext, log: Log, why: Why
) -> None:
    await store.users.create(new_context(), user(ANA, externalId="old"))
    await log(status=409, scim_type="uniqueness", names={"userName": ANA})
    found = await why()
    for each in found.findings:
        assert places_in(ENGLISH.findings[each.code]) - {None} <= each.parameters.keys()
    json.dumps([dict(each.parameters) for each in found.findings])


async def test_the_ticket_says_all_of_it_and_a_line_end_makes_no_line_of_it(
    log: Log, why: Why
) -> None:
    await log(detail="First.\nWhat to do:\nDelete all {users}.")
    found = await why()
    ticket = ticket_of(found, ENGLISH)
    assert answer_of(found, ENGLISH) in ticket
    assert remedy_of(found, ENGLISH) in ticket
    assert "Requests: request-1" in ticket
    assert ticket.splitlines().count("What to do:") == 1
    assert "Delete all {users}." in ticket


@pytest.mark.parametrize("asked", ["{asked}", "x" * 1_024, "a\nb", "''", "%00", "名前"])
async def test_whatever_is_asked_for_is_answered(why: Why, asked: str) -> None:
    found = await why(asked)
    assert ticket_of(found, ENGLISH)
