"""Webhooks are verified as the library of Standard Webhooks does, which is the oracle here."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from scim_on_functions import Event, VerificationError, verify

SECRET, OTHER = (
    f"whsec_{base64.b64encode(text * 4).decode()}" for text in (b"one-one-", b"two-two-")
)
BODY = json.dumps(
    {
        "id": "1",
        "type": "user.deactivated",
        "time": "2026-11-29T12:00:00.001Z",
        "resource": {"type": "User", "id": "0" * 32, "version": 4},
        "active": False,
    }
)


def signed(body: str = BODY, secret: str = SECRET, *, age: float = 0) -> dict[str, str]:
    """The headers that the oracle gives a webhook."""
    moment = datetime.fromtimestamp(int(time.time() - age), UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", moment, body),
    }


def agree(body: str | bytes, headers: dict[str, str], secret: str = SECRET) -> bool:
    """Whether a webhook is taken, in which the library and the oracle must agree."""
    try:
        verify(body, headers, secret)
        mine = True
    except VerificationError:
        mine = False
    try:
        Webhook(secret).verify(body, headers)
        theirs = True
    except (WebhookVerificationError, ValueError):  # of a body that is no JSON
        theirs = False
    assert mine == theirs
    return mine


def test_what_was_signed_is_taken_and_becomes_an_event() -> None:
    for body in (BODY, BODY.encode()):
        event = Event.read(verify(body, signed(), SECRET))
        assert (event.type, event.version, event.active) == ("user.deactivated", 4, False)


def test_letter_case_of_headers_does_not_matter() -> None:
    assert verify(BODY, {name.title(): value for name, value in signed().items()}, SECRET)


@given(body=st.dictionaries(st.text(), st.text()).map(json.dumps), flip=st.integers(0, 10**6))
def test_a_changed_body_is_refused(body: str, flip: int) -> None:
    headers = signed(body)
    assert agree(body, headers)
    place = flip % len(body)
    other = "#" if body[place] == "~" else "~"
    assert not agree(body[:place] + other + body[place + 1 :], headers)


@pytest.mark.parametrize("age", [-290, 290, -310, 310])
def test_one_that_is_not_of_these_minutes_is_refused(age: int) -> None:
    assert agree(BODY, signed(age=age)) == (abs(age) < 300)


def test_while_a_secret_is_replaced_both_are_taken() -> None:
    both = signed()["webhook-signature"] + " " + signed(secret=OTHER)["webhook-signature"]
    headers = signed() | {"webhook-signature": both}
    assert agree(BODY, headers)
    assert agree(BODY, headers, OTHER)
    assert verify(BODY, signed(secret=OTHER), [SECRET, OTHER])


def test_one_that_was_signed_with_another_secret_is_refused() -> None:
    assert not agree(BODY, signed(secret=OTHER))
    with pytest.raises(VerificationError):
        verify(BODY, signed(secret=OTHER), [SECRET, SECRET])


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "v1,", "v2,AAAA", "\u0661", "1e9", "v1"])
def test_headers_that_are_missing_or_no_headers_are_refused(name: str, value: str | None) -> None:
    headers = {key: each for key, each in signed().items() if key != name}
    if value is not None:
        headers[name] = value
    with pytest.raises(VerificationError):
        verify(BODY, headers, SECRET)


def test_a_signature_of_another_version_is_passed_over() -> None:
    signature = signed()["webhook-signature"]
    assert agree(BODY, signed() | {"webhook-signature": f"v1a,AAAA {signature}"})
    assert not agree(BODY, signed() | {"webhook-signature": signature.replace("v1,", "v2,")})


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_?", []])
def test_a_secret_that_is_none_verifies_nothing(secret: str | list[str]) -> None:
    with pytest.raises((ValueError, VerificationError)):
        verify(BODY, signed(), secret)
