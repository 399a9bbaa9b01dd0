"""RFC 6750: whatever is wrong with the token or the tenant, the answer is the same 401."""

import secrets
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from tests.support.challenges import ANYWHERE, without_address
from tests.support.fixtures import raw_http
from tests.support.fixtures.raw_http import RawAnswer
from tests.support.fixtures.scim_client import Scim, refused, shown
from tests.support.fixtures.service import RunningService

Seen = tuple[int, list[tuple[str, str]], bytes]

WRONG = "Bearer a-token-of-nobody-at-all"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a tenant of the service is, and what opens it."""

    base_url: str
    tenant: str
    token: str

    async def knock(
        self, *headers: str, tenant: str | None = None, path: str | None = None
    ) -> RawAnswer:
        """Send GET /Users with these header lines; path and tenant go out as they are written."""
        target = path or f"/tenants/{self.tenant if tenant is None else tenant}/scim/v2/Users"
        lines = [f"GET {target} HTTP/1.1", "Host: scim.example.com", "Connection: close", *headers]
        request = "".join(f"{line}\r\n" for line in [*lines, ""])
        return await raw_http.send(self.base_url, request.encode("latin-1"))

    @property
    def key(self) -> str:
        """The header that opens the tenant."""
        return f"Authorization: Bearer {self.token}"


@pytest.fixture
def door(running_service: RunningService, scim: Scim) -> Door:
    return Door(running_service.base_url, scim.tenant_url.split("/")[4], scim.token)


def seen(answer: RawAnswer) -> Seen:
    """All that a client can see of an answer, but for the id, time and address of the request."""
    aside = {"request-id", "date", "connection", "content-length", "transfer-encoding"}
    headers = [
        (name.lower(), without_address(value))
        for name, value in answer.headers.items()
        if name.lower() not in aside
    ]
    return answer.status, sorted(headers), answer.body


async def refusal(door: Door) -> Seen:
    """What a wrong token sees."""
    answer = seen(await door.knock(f"Authorization: {WRONG}"))
    assert answer[0] == 401
    assert ("www-authenticate", ANYWHERE) in answer[1]
    return answer


@pytest.mark.parametrize(
    "header",
    [
        "Authorization:",
        "Authorization: ",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: {token}",
        "Authorization: Bearer{token}",
        "Authorization: Bearer:{token}",
        "Authorization: Bearer={token}",
        'Authorization: Bearer "{token}"',
        "Authorization: Bearer\t{token}",
        "Authorization: Bearer {token} {token}",
        "Authorization: Bearer {token} x",
        "Authorization: Bearer {token}, x",
        "Authorization: Bearer {token},Bearer {token}",
        "Authorization: Token {token}",
        "Authorization: Bearer {token},{token}",
        "Authorization: Bearer {token};",
        "Authorization: Bearer {token}x",
        "Authorization: Bearer x{token}",
        "Authorization: Bearer %20{token}",
        "Authorization: Bearer Bearer {token}",
        "Authorization: Basic {token}",
        "Authorization: Basic Og==",
        "Authorization: Digest username={token}",
        "Authorization: Negotiate {token}",
        'Authorization: Bearer realm="scim", token="{token}"',
        "Authorization: Bearer null",
        "Authorization: Bearer undefined",
        "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.",
        "Authorization: Bearer x",
        f"Authorization: Bearer {'x' * 4_096}",
        f"Authorization: Bearer {'x' * 4_097}",
        f"Authorization: Bearer {'x' * 7_000}",
        f"Authorization: Bearer {'x' * 20_000}",
        f"Authorization: Bearer {' ' * 7_000}" + "{token}x",
        "X-Authorization: Bearer {token}",
        "Proxy-Authorization: Bearer {token}",
        "Cookie: Authorization=Bearer {token}; access_token={token}",
        "X-Functions-Key: {token}",
    ],
)
async def test_every_malformed_credential_gets_the_answer_of_a_wrong_token(
    door: Door, header: str
) -> None:
    line = header.replace("{token}", door.token)
    expected = await refusal(door)
    assert seen(await door.knock(line)) == expected
    assert seen(await door.knock(line, tenant="nobody")) == expected
    assert seen(await door.knock(line, path="/scim/v2/Users")) == expected


async def test_a_token_in_other_letters_is_a_wrong_one(door: Door) -> None:
    expected = await refusal(door)
    for token in (door.token.swapcase(), door.token[:-1], door.token[::-1]):
        assert seen(await door.knock(f"Authorization: Bearer {token}")) == expected


@pytest.mark.parametrize(
    "value", ["Be\u00e0rer {token}", "Bearer\u00a0{token}", "Bearer {token}\u00e9"]
)
async def test_a_header_that_is_no_ascii_opens_nothing_and_says_nothing(
    door: Door, value: str
) -> None:
    """The host refuses it before a function is called."""
    line = f"Authorization: {value.replace('{token}', door.token)}"
    answer = seen(await door.knock(line))
    assert answer[0] in {400, 401}
    assert seen(await door.knock(line, tenant="nobody")) == answer
    assert seen(await door.knock(line, path="/scim/v2/Users")) == answer


async def test_a_token_is_read_from_the_header_alone(door: Door, scim: Scim) -> None:
    """RFC 6750 sections 2.2 and 2.3: not from the query, where logs would keep it, nor a body."""
    none = {"Authorization": None}
    for query in (f"access_token={door.token}", f"code={door.token}", f"token={door.token}"):
        refused(await scim.get(f"/Users?{query}", headers=none), 401)
    form = {**none, "Content-Type": "application/x-www-form-urlencoded"}
    content = f"access_token={door.token}".encode()
    refused(await scim.request("POST", "/Users", content=content, headers=form), 401)


@pytest.mark.parametrize("second", [WRONG, "Basic Og==", "Bearer {token}"])
async def test_two_headers_are_no_token_even_if_one_of_them_is_right(
    door: Door, second: str
) -> None:
    other = f"Authorization: {second.replace('{token}', door.token)}"
    expected = await refusal(door)
    assert seen(await door.knock(door.key, other)) == expected
    assert seen(await door.knock(other, door.key)) == expected


@pytest.mark.parametrize(
    "header", ["authorization: bearer {token}", "AUTHORIZATION:   BEARER    {token}  "]
)
async def test_letter_case_and_spaces_do_not_matter(door: Door, header: str) -> None:
    assert (await door.knock(header.replace("{token}", door.token))).status == 200


@pytest.mark.parametrize(
    "form",
    [
        "",
        "default",
        "DEFAULT",
        "%64efault",
        "{}-",
        "-{}",
        "{}--{}",
        "{}.",
        ".{}",
        "{}/",
        "/{}",
        "%2F{}",
        "{}%2F",
        "x%2F{}",
        "{}%2Fscim",
        "{}%5C",
        "{}%00",
        "%00{}",
        "{}%20",
        "%20{}",
        "{}+",
        "{}%0A",
        "{}%0D%0AX:1",
        "{}%09",
        "{};x=1",
        "{}:443",
        "{}@x",
        "x@{}",
        "*{}",
        "{}*",
        "(({}))",
        "'{}'",
        "{}'%20or%20'1'%20eq%20'1",
        "{}%27",
        "{}%22",
        "{}%C3%A9",
        "{}%E2%80%8B",
        "{}%EF%BC%97",
        "%E2%84%AA{}",
        "{}%FF",
        "{}%C0%AE",
        "{}%ED%A0%80",
        "{}%",
        "{}%2",
        "{}%zz",
        "{}%u0061",
        "%2574{}",
        ".",
        "..",
        "%2e%2e",
        "..%2F{}",
        "{}/..",
        "{}/../{}x",
        "{}a" + "b" * 40,
        "{}" + "a" * 7_000,
        "scim-token--{}",
        "%24{}",
        "{{tenant}}",
    ],
)
async def test_an_odd_tenant_name_says_nothing_of_whether_the_tenant_exists(
    door: Door, form: str
) -> None:
    """The same form of a name that nobody bears gets the same answer, with whatever token."""
    nobody = f"t{secrets.token_hex(2)}"
    assert len(nobody) == len(door.tenant)
    for header in (door.key, f"Authorization: {WRONG}"):
        answers = [
            seen(await door.knock(header, tenant=form.format(*[name] * 3)))
            for name in (door.tenant, nobody)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] in {400, 401, 404, 414}


@pytest.mark.parametrize("length", [1, 2, 39, 40, 41, 100])
async def test_a_name_of_any_length_gets_the_answer_of_a_wrong_token(
    door: Door, length: int
) -> None:
    assert seen(await door.knock(door.key, tenant="a" * length)) == await refusal(door)


@pytest.mark.parametrize("path", ["{}", "{}/", "{}/scim", "{}/scim/v2/", "{}/scim/v1/Users", ""])
async def test_a_path_beside_the_service_says_nothing_of_whether_the_tenant_exists(
    door: Door, path: str
) -> None:
    answers = [
        seen(await door.knock(f"Authorization: {WRONG}", path=f"/tenants/{path.format(name)}"))
        for name in (door.tenant, "nobody")
    ]
    assert answers[0] == answers[1]


async def test_an_encoded_letter_is_that_letter(door: Door, scim: Scim) -> None:
    """RFC 3986 section 2.3; the links in the answer are those of the tenant all the same."""
    encoded = "".join(f"%{ord(letter):02X}" for letter in door.tenant)
    answer = await door.knock(door.key, tenant=encoded)
    assert answer.status == 200
    user = await scim.create_user()
    url = scim.tenant_url.replace(door.tenant, quote(door.tenant.upper()))
    read = shown(await Scim(scim.http, url, scim.token).get(f"/Users/{user['id']}"))
    assert read["meta"]["location"] == user["meta"]["location"]
