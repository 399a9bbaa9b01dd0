"""infra/connect.sh: the first token, the check of the live service, and the values for Entra."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import az
from tests.support.fakes.azure_front import LOST, refusal

if TYPE_CHECKING:
    from tests.ops.infra.deploy.conftest import Done, Machine

TOKEN = "a-token-of-an-earlier-run"
TRIES = 40


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """One whose vault holds a token."""
    machine.secret(TOKEN, expires=30)
    return machine


async def connect(machine: Machine, *arguments: str) -> Done:
    return await machine.run(
        *("connect.sh", "--key-vault", az.VAULT, "--tenant-url", machine.tenant_url, *arguments)
    )


async def test_a_token_that_is_there_is_used_and_not_shown(machine: Machine) -> None:
    done = await connect(machine)
    assert (done.status, done.err) == (0, "")
    assert machine.commands == [
        "account show",
        "keyvault secret list-versions",
        "keyvault secret download",
    ]
    assert TOKEN not in done.out


async def test_a_token_that_has_expired_is_followed_by_a_new_one(machine: Machine) -> None:
    machine.change(secrets={})
    machine.secret(TOKEN, age_days=400, expires=-35)
    done = await connect(machine)
    assert (done.status, len(machine.versions)) == (0, 2)
    assert "drawn into kv-scim-test" in done.out
    assert "; the former one had expired\n" in done.out


async def test_a_disabled_token_closes_the_tenant_and_is_not_replaced(machine: Machine) -> None:
    version = machine.secret("a-token-that-was-withdrawn", enabled=False)
    done = await connect(machine)
    assert done.error == (
        "the newest version of scim-token is disabled, which closes the tenant: open it with"
        " az keyvault secret set-attributes --vault-name kv-scim-test --name scim-token"
        f" --version {version} --enabled true, then run the same command again"
    )
    assert len(machine.versions) == 2


async def test_any_token_that_the_service_takes_is_carried_as_it_is(machine: Machine) -> None:
    machine.change(secrets={})
    machine.secret("".join(map(chr, range(0x21, 0x7F))) + "\r\n")
    done = await connect(machine, "--show-token")
    assert (done.status, done.err) == (0, "")
    assert "Secret Token:     !\"#$%&'()*+,-./0123" in done.out


FORBIDDEN = (
    "(Forbidden) Caller is not authorized to perform action on resource.\n"
    'Inner error: {"code": "ForbiddenByRbac"}'
)


async def test_a_role_that_was_just_granted_is_waited_for(machine: Machine) -> None:
    machine.fault("keyvault secret list-versions", FORBIDDEN, times=2)
    done = await connect(machine)
    assert (done.status, done.err, machine.pauses) == (0, "", [15, 15])
    assert (
        f"Key Vault:        {az.USER} may not read secrets yet; trying again every 15 s for 10"
        " minutes, as long as a new role may take\n"
    ) in done.out


async def test_who_has_never_been_granted_the_role_is_told_how_before_the_wait(
    machine: Machine,
) -> None:
    machine.fault("keyvault secret list-versions", FORBIDDEN, times=2)
    done = await connect(machine)
    grant = 'az role assignment create --role "Key Vault Secrets Officer"'
    assert done.out.count(f"Key Vault:        unless the role is granted already: {grant}") == 1


async def test_a_role_is_waited_for_as_long_as_it_may_take_and_a_line_a_minute_says_so(
    machine: Machine,
) -> None:
    machine.fault("keyvault secret list-versions", FORBIDDEN, times=TRIES - 1)
    done = await connect(machine)
    assert (done.status, done.err, sum(machine.pauses)) == (0, "", 585)
    lines = [line for line in done.out.splitlines() if "may not read secrets yet" in line]
    assert [line.partition("; ")[2] for line in lines[1:]] == [
        f"{minute} of 10 minutes" for minute in range(1, 10)
    ]


async def test_a_person_without_the_role_is_told_the_command_that_grants_it(
    machine: Machine,
) -> None:
    machine.fault("keyvault secret list-versions", FORBIDDEN, times=TRIES)
    done = await connect(machine)
    scope = az.id_of("Microsoft.KeyVault/vaults", az.VAULT)
    assert done.error == (
        f"{az.USER} may not read secrets of kv-scim-test: run az role assignment create"
        f' --role "Key Vault Secrets Officer" --assignee "{az.USER}" --scope "{scope}",'
        " wait some minutes, then run the same command again"
    )


async def test_a_person_outside_of_the_network_of_the_vault_is_told_where_to_go_on(
    machine: Machine,
) -> None:
    machine.fault(
        "keyvault secret list-versions",
        "(Forbidden) Public network access is disabled and request is not from a trusted service.",
    )
    done = await connect(machine)
    assert done.error.startswith(
        "the vault kv-scim-test takes calls from its own network alone: run infra/connect.sh"
        f" --key-vault kv-scim-test --tenant-url {machine.tenant_url} on a machine in it"
    )
    for where in ("operatorsSubnet", "operatorsPrefix", "docs/infrastructure.md"):
        assert where in done.error


async def test_a_cold_start_and_a_new_token_are_waited_for(machine: Machine) -> None:
    unknown = json.dumps({"detail": "the token"})
    machine.front_fault(
        "GET",
        refusal("503 Service Unavailable"),
        refusal("404 Not Found", "", "text/plain"),
        refusal("401 Unauthorized", unknown, "application/scim+json"),
    )
    done = await connect(machine)
    assert (done.status, done.err, machine.pauses) == (0, "", [15, 15, 15])
    assert done.out.count("not yet") == 1
    assert (
        "Test Connection:  not yet (HTTP 503); trying again every 15 s for 10 minutes" in done.out
    )


WHY_NOT = {
    "503 Service Unavailable": "HTTP 503, Storage is away.",
    "401 Unauthorized": "HTTP 401, the service does not know the token of kv-scim-test",
    "404 Not Found": "HTTP 404, no function answers at ",
}


@pytest.mark.parametrize("status", WHY_NOT)
async def test_while_it_waits_it_says_why(machine: Machine, status: str) -> None:
    body = json.dumps({"detail": "Storage is away."})
    machine.front_fault("GET", refusal(status, body, "application/scim+json"))
    done = await connect(machine)
    assert f"Test Connection:  not yet ({WHY_NOT[status]}" in done.out
    assert (done.status, machine.pauses) == (0, [15])


async def test_a_service_that_does_not_come_is_given_up(machine: Machine) -> None:
    machine.front_fault("GET", *[refusal("503 Service Unavailable")] * TRIES)
    done = await connect(machine)
    assert done.error == "Test Connection failed: HTTP 503"
    assert len(machine.requests) == TRIES
    assert machine.pauses == [15] * (TRIES - 1)
    assert "Paste into" not in done.out


async def test_an_address_where_nothing_listens_is_given_up_in_the_words_of_curl(
    machine: Machine,
) -> None:
    nowhere = "https://127.0.0.1:9/scim/v2"
    done = await machine.run("connect.sh", "--key-vault", az.VAULT, "--tenant-url", nowhere)
    assert done.error.startswith("Readiness failed: curl: (7) Failed to connect")


def unready(**table: str) -> bytes:
    """Return the 503 of an app whose table is not as it should be."""
    checks = {"vault": {"state": "ok", "ms": 1.0}, "table": {"state": "failed", "ms": 1.0, **table}}
    report = json.dumps({"status": "unavailable", "checks": checks})
    return refusal("503 Service Unavailable", report, "application/json")


MAY_NOT_WRITE = unready(
    cause="readOnly", detail="The storage lets the service read its table and not write to it."
)


async def test_a_role_of_the_app_that_is_not_in_force_yet_is_waited_for(machine: Machine) -> None:
    machine.unready(MAY_NOT_WRITE, MAY_NOT_WRITE)
    done = await connect(machine)
    assert (done.status, done.err, machine.pauses) == (0, "", [15, 15])
    assert (
        "Readiness:        not yet (HTTP 503, The storage lets the service read its table and not"
        " write to it.); trying again every 15 s for 10 minutes, as long as a new role may take\n"
    ) in done.out


async def test_the_role_of_the_app_is_waited_for_with_a_line_a_minute(machine: Machine) -> None:
    machine.unready(*[MAY_NOT_WRITE] * (TRIES - 1))
    done = await connect(machine)
    assert (done.status, done.err, sum(machine.pauses)) == (0, "", 585)
    assert done.out.count("Readiness:        not yet") == 10
    assert " write to it.); 9 of 10 minutes\n" in done.out


async def test_an_app_that_may_not_write_is_given_up_in_its_own_words(machine: Machine) -> None:
    machine.unready(*[MAY_NOT_WRITE] * TRIES)
    done = await connect(machine)
    assert done.error == (
        "Readiness failed: HTTP 503, The storage lets the service read its table and not write to"
        " it."
    )
    assert machine.pauses == [15] * (TRIES - 1)
    assert machine.requests == []


@pytest.mark.parametrize("body", ["<html>", '{"totalResults": 0}', "[]", ""])
async def test_something_else_than_a_scim_service_is_told_apart(
    machine: Machine, body: str
) -> None:
    machine.front_fault("GET", refusal("200 OK", body, "application/json"))
    done = await connect(machine)
    assert done.error == (
        f"Test Connection failed: what answers at {machine.tenant_url} is no SCIM service"
    )


async def test_an_app_that_takes_calls_from_entra_alone_is_left_unchecked(
    machine: Machine,
) -> None:
    machine.front_fault("GET", refusal("403 Ip Forbidden"))
    done = await connect(machine)
    assert (done.status, done.err) == (0, "")
    assert "left out: the app does not take calls from here" in done.out
    assert f"Tenant URL:       {machine.tenant_url}\n" in done.out


async def test_a_create_whose_answer_is_lost_leaves_no_user(machine: Machine) -> None:
    machine.front_fault("POST", LOST)
    done = await connect(machine)
    assert (done.status, done.err) == (0, "")
    assert [each.partition(" ")[0] for each in machine.requests] == [
        *("GET", "GET", "POST", "POST", "GET", "DELETE")
    ]
    assert await machine.users() == []


async def test_a_delete_whose_answer_is_lost_is_taken_for_done(machine: Machine) -> None:
    machine.front_fault("DELETE", LOST)
    done = await connect(machine)
    assert (done.status, done.err, await machine.users()) == (0, "", [])


async def interrupted_before_the_delete(machine: Machine, *answers: bytes) -> Done:
    """A run that is ended while it waits to delete its user, and may delete it in leaving."""
    machine.front_fault("DELETE", refusal("503 Service Unavailable"), *answers)
    machine.hang_in_sleep()
    arguments = ("--key-vault", az.VAULT, "--tenant-url", machine.tenant_url)
    return await machine.interrupt(signal.SIGINT, "connect.sh", *arguments)


async def test_a_run_that_is_interrupted_takes_its_user_back(machine: Machine) -> None:
    assert (await interrupted_before_the_delete(machine)).status == 130
    assert await machine.users() == []


async def test_a_user_that_an_interrupted_run_has_left_is_removed(machine: Machine) -> None:
    await interrupted_before_the_delete(machine, refusal("503 Service Unavailable"))
    assert await machine.users() == ["deployment-check@scim.invalid"]
    assert (await connect(machine)).status == 0
    assert await machine.users() == []


WRONG_ARGUMENTS = [
    (("--tenant-url", "https://a.test/scim/v2"), "--key-vault is missing"),
    (("--key-vault", "kv"), "--tenant-url is missing"),
    (("--key-vault", "kv", "--tenant-url", "http://a.test"), "--tenant-url must begin with https"),
    (("--key-vault", "k/v", "--tenant-url", "https://a.test"), '"k/v" is no name of a vault'),
    (("--key-vault", "kv", "--token-days", "-1"), "--token-days needs a value"),
    (("--vault", "kv"), "unknown argument --vault"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG_ARGUMENTS)
async def test_a_wrong_argument_is_one_clear_line_and_azure_is_not_asked(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    done = await machine.run("connect.sh", *arguments)
    assert (done.status, machine.calls) == (2, [])
    assert done.error.startswith(said)
