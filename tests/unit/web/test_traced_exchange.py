"""What a trace keeps of a request: its values, no secret, and no more than fits into a property."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.scim.core_schemas import USER
from shared.store.trace_content import TraceContent
from shared.telemetry.request_record import RequestRecord
from shared.web.bodies import Body
from shared.web.traced_exchange import (
    LEFT_OUT,
    MOST_EXCHANGE_BYTES,
    MOST_TARGET_BYTES,
    MOST_UNREAD_BYTES,
    names_of_hidden,
    names_user,
    without_secrets,
    write_exchange,
    write_left_out,
)

HOST = "https://scim.example.com"
URN = "urn:ietf:params:scim:schemas:core:2.0:User"


def exchange(
    body: Any = None,
    answer: Any = None,
    url: str = f"{HOST}/scim/v2/Users",
    *,
    is_read: bool = True,
) -> RequestRecord:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = Body(b"" if body is None else content, "application/scim+json", 10_000_000)
    if is_read and body is not None and not isinstance(body, bytes):
        sent.read()
    record = RequestRecord("request", "POST", "scim/v2/Users", tenant="acme", url=url, body=sent)
    record.answer, record.status = answer, 201
    return record


def kept(record: RequestRecord, hidden: frozenset[str] = frozenset()) -> TraceContent:
    return TraceContent.unpack(write_exchange(record, hidden))


def test_values_are_kept_as_they_were_sent_and_answered() -> None:
    sent, answered = {"userName": "ána", "active": True, "n": [1, None]}, {"id": "1", "ö": 'a"b\n'}
    content = kept(exchange(sent, answered, f"{HOST}/scim/v2/Users?filter=userName%20eq%20%22a%22"))
    assert json.loads(content.body) == sent
    assert json.loads(content.answer) == answered
    assert content.told["target"] == "/scim/v2/Users?filter=userName%20eq%20%22a%22"
    assert (content.told["method"], content.told["status"]) == ("POST", 201)
    assert "bodyCutFrom" not in content.told


def test_a_request_without_bodies_has_none() -> None:
    content = kept(exchange())
    assert (content.body, content.answer) == (b"", b"")


def test_an_answer_that_goes_out_as_bytes_is_kept() -> None:
    assert json.loads(kept(exchange(answer=b'{"a": 1}')).answer) == {"a": 1}


def test_a_body_that_the_request_did_not_come_to_read_is_kept() -> None:
    assert json.loads(kept(exchange({"userName": "ana"}, is_read=False)).body) == {
        "userName": "ana"
    }


@pytest.mark.parametrize(
    "sent",
    [b'{"password": "hunter2"', b"password=hunter2", b"\xff", b" " * (MOST_UNREAD_BYTES + 1)],
)
def test_of_what_is_no_json_the_length_is_told_alone(sent: bytes) -> None:
    content = kept(exchange(sent))
    assert content.body == b""
    assert content.told["unreadBytes"] == len(sent)


# Secrets

SECRET = "hunter2"


@pytest.mark.parametrize(
    "sent",
    [
        {"password": SECRET},
        {"PassWord": SECRET},
        {f"{URN}:password": SECRET},
        {"password": {"value": SECRET}},
        {"password": [SECRET]},
        {"newPassword": SECRET, "client_secret": SECRET, "client_assertion": SECRET},
        {"Operations": [{"op": "replace", "path": "password", "value": SECRET}]},
        {"Operations": [{"op": "replace", "Path": "User.PASSWORD", "Value": SECRET}]},
        {"Operations": [{"op": "add", "path": f"{URN}:password", "value": {"value": SECRET}}]},
        {"Operations": [{"op": "add", "value": {"password": SECRET}}]},
        {"Operations": [{"op": "add", "value": f'{{"password": "{SECRET}"}}'}]},
        {"Operations": [{"op": "add", "value": f' [{{"pass\\u0077ord": "{SECRET}"}}]'}]},
        {"Operations": [{"op": "remove", "path": f'x[password eq "{SECRET}"]'}]},
        {"Operations": [{"method": "POST", "data": {"userName": "ana", "password": SECRET}}]},
        {"schemas": [], "filter": f'password eq "{SECRET}"'},
        {"filter": f"userName eq \"a\" or PASSWORD sw '{SECRET}'"},
    ],
)
def test_no_secret_is_kept_in_whatever_form_it_is_sent(sent: Any) -> None:
    packed = write_exchange(exchange(sent, sent))
    assert SECRET.encode() not in packed
    assert LEFT_OUT.encode() in packed


@pytest.mark.parametrize(
    "query",
    [
        f"filter=password%20eq%20%22{SECRET}%22",
        f"filter=p%61ssword+eq+%22{SECRET}%22",
        f"access_token={SECRET}",
        f"client%5fsecret={SECRET}",
    ],
)
def test_no_secret_is_kept_of_a_query(query: str) -> None:
    target = kept(exchange(url=f"{HOST}/scim/v2/Users?count=1&{query}")).told["target"]
    assert SECRET not in target
    assert target.startswith("/scim/v2/Users?count=1&")
    assert target.endswith(f"={LEFT_OUT}")


def test_what_only_names_a_secret_attribute_is_kept() -> None:
    url = f"{HOST}/scim/v2/Users?excludedAttributes=password"
    assert kept(exchange(url=url)).told["target"] == "/scim/v2/Users?excludedAttributes=password"
    assert without_secrets({"path": "password"}) == {"path": "password"}
    assert without_secrets({"title": "Password {clerk}"}) == {"title": "Password {clerk}"}


def test_attributes_that_no_answer_shows_are_left_out() -> None:
    assert names_of_hidden([USER.schema]) == {"password"}
    sent = {"pin": "1234", "shipping": "x", "path": "urn:a:b:pin", "value": "1234"}
    assert without_secrets(sent, frozenset({"pin"})) == {
        "pin": LEFT_OUT,
        "shipping": "x",
        "path": "urn:a:b:pin",
        "value": LEFT_OUT,
    }


# Bounds


def test_what_is_too_long_is_cut_and_says_so() -> None:
    long = {"title": "é" * MOST_EXCHANGE_BYTES}
    content = kept(exchange(long, long, f"{HOST}/{'x' * 9_000}"))
    whole = len(json.dumps(long, ensure_ascii=False, separators=(",", ":")).encode())
    assert content.told["bodyCutFrom"] == content.told["answerCutFrom"] == whole
    assert len(content.body) + len(content.answer) <= MOST_EXCHANGE_BYTES
    assert content.body.decode().startswith('{"title":"éé')
    assert len(content.told["target"]) == MOST_TARGET_BYTES
    quotes = '"' * 9_000
    assert len(write_exchange(exchange(long, long, f"{HOST}/{quotes}"))) < 65_536 - 49


def test_a_long_body_beside_a_short_answer_takes_its_room() -> None:
    long = {"title": "x" * (MOST_EXCHANGE_BYTES - 1_000)}
    assert json.loads(kept(exchange(long, {"id": "1"})).body) == long
    assert json.loads(kept(exchange({"id": "1"}, long)).answer) == long


def test_a_number_of_those_that_were_left_out() -> None:
    content = TraceContent.unpack(write_left_out({"tooMany": 3}))
    assert content == TraceContent({"leftOut": {"tooMany": 3}})


# Whom a request names


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (exchange({"userName": "Ana@contoso.test"}), True),
        (exchange({"Operations": [{"value": [{"value": "ana@contoso.test"}]}]}), True),
        (exchange(answer={"Resources": [{"userName": "ANA@contoso.test"}]}), True),
        (exchange(url=f"{HOST}/scim/v2/Users?filter=userName+eq+%22ana%40contoso.test%22"), True),
        (exchange({"userName": "ana@contoso.test.example"}), False),
        (exchange({"title": "of ana@contoso.test"}, {"userName": "bo"}), False),
        (exchange(), False),
    ],
)
def test_a_user_is_named_by_a_whole_value(record: RequestRecord, *, named: bool) -> None:
    assert names_user(record, "ana@contoso.test") is named


def test_a_user_is_named_by_its_id_in_the_path() -> None:
    record = exchange()
    record.resource_id = "0a" * 16
    assert names_user(record, "0A" * 16)
