"""What a request leaves in the log: one line of JSON, and nothing about a person."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.fixtures.scim_client import ENTERPRISE, Scim
from tests.support.fixtures.service import RunningService

SECRETS = {
    "userName": "zuleika.mcgillicuddy",
    "e-mail": "private-address-7141",
    "display name": "Zuleika Who Is Nobody Else",
    "group name": "Conspirators of 1605",
    "externalId": "external-5f21c0",
    "literal": "needle-in-a-haystack",
    "path": "secret-path-8812",
    "department": "Bureau of Sabotage",
    "password": "correct-horse-battery",
    "wrong token": "wr0ng-t0ken-wr0ng-t0ken",
}

FIELDS = {
    "request",
    "method",
    "route",
    "status",
    "ms",
    "clientRequest",
    "trace",
    "tenant",
    "token",
    "resource",
    "calls",
    "entities",
    "scimType",
    "operation",
    "path",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was answered, and what its line must say besides the status."""

    answer: httpx.Response
    says: dict[str, Any]


async def _life(scim: Scim) -> list[Seen]:
    """Much of what a client does."""
    seen: list[Seen] = []

    async def send(
        method: str, path: str, body: Any = None, *, says: dict[str, Any], **how: Any
    ) -> Any:
        answer = await scim.request(method, path, body, **how)
        seen.append(Seen(answer, {"method": method, **says}))
        return answer.json() if answer.content else None

    route = "tenants/{tenant}/scim/v2/"
    users, user_route = {"route": f"{route}Users"}, {"route": f"{route}Users/{{id}}"}
    groups, group_route = {"route": f"{route}Groups"}, {"route": f"{route}Groups/{{id}}"}
    zuleika = {
        "userName": SECRETS["userName"],
        "displayName": SECRETS["display name"],
        "externalId": SECRETS["externalId"],
        "password": SECRETS["password"],
        "emails": [{"value": SECRETS["e-mail"], "type": "work"}],
        ENTERPRISE: {"department": SECRETS["department"]},
    }
    user = await send("POST", "/Users", zuleika, says={**users, "calls": 2, "entities": 6})
    mine = {**user_route, "resource": user["id"]}
    await send("POST", "/Users", zuleika, says={**users, "scimType": "uniqueness"})
    await send("GET", f"/Users/{user['id']}", says={**mine, "calls": 1, "entities": 0})
    await send("GET", f"/Users?filter=userName+eq+%22{SECRETS['literal']}%22", says=users)
    await send(
        "GET",
        f"/Users?filter=userName+is+%22{SECRETS['literal']}%22",
        says={**users, "scimType": "invalidFilter"},
    )
    for path, value, scim_type in (
        ("active", SECRETS["literal"], "invalidValue"),
        ("userName", "", "mutability"),
    ):
        operations = [{"op": "add", "path": "title", "value": SECRETS["literal"]}]
        operations.append({"op": "replace", "path": path, "value": value})
        says = {**mine, "scimType": scim_type, "operation": 1, "path": path}
        await send("PATCH", f"/Users/{user['id']}", {"Operations": operations}, says=says)
    bad_path = {"op": "add", "path": f"emails[{SECRETS['path']}", "value": "x"}
    says = {**mine, "scimType": "invalidPath", "operation": 0}
    await send("PATCH", f"/Users/{user['id']}", {"Operations": [bad_path]}, says=says)
    body = {"displayName": SECRETS["group name"], "members": [{"value": user["id"]}]}
    group = await send("POST", "/Groups", body, says=groups)
    remove = {"op": "remove", "path": f'members[value eq "{SECRETS["literal"]}"]'}
    says = {**group_route, "resource": group["id"]}
    await send("PATCH", f"/Groups/{group['id']}", {"Operations": [remove]}, says=says)
    await send("GET", f"/Users/{SECRETS['path']}", says=user_route)
    await send("GET", f"/{SECRETS['path']}", says={"route": f"{route}{{endpoint}}"})
    await send("GET", f"/{SECRETS['path']}/a/b", says={"route": "{*path}"})
    await send("PROPFIND", "/Users", says=users)
    await send("POST", "/Users", content=SECRETS["literal"].encode(), says=users)
    wrong = {"Authorization": f"Bearer {SECRETS['wrong token']}"}
    await send("GET", "/Users", headers=wrong, says=users)
    await send("DELETE", f"/Groups/{group['id']}", says=says)
    await send("DELETE", f"/Users/{user['id']}", says=mine)
    return seen


async def test_each_request_leaves_one_line_that_says_what_happened_and_to_whom_not(
    running_service: RunningService, scim: Scim
) -> None:
    tenant = scim.tenant_url.split("/")[4]
    for seen in await _life(scim):
        line = await running_service.log_line(seen.answer)
        status = seen.answer.status_code
        assert line.keys() <= FIELDS
        assert line["status"] == status
        assert line["ms"] >= 0
        assert seen.says.items() <= line.items()
        opened = status != 401 and line["route"] != "{*path}"
        assert line.get("tenant") == (tenant if opened else None)
        assert line.get("token") == ("development" if opened else None)


async def test_no_line_of_the_log_names_a_person_or_a_secret(
    running_service: RunningService, scim: Scim
) -> None:
    seen = await _life(scim)
    await running_service.log_line(seen[-1].answer)

    output = "\n".join(running_service.output)
    told = [kind for kind, value in SECRETS.items() if value.lower() in output.lower()]
    assert told == []
    assert scim.token not in output
    assert running_service.default.token not in output
    assert "Traceback" not in output
