"""API keys by themselves: their names, their form, and what tags make of them."""

from __future__ import annotations

import pytest

from shared import api_keys, tenants
from shared.api_keys import Grant, Scope

RANDOM = "r4nd-0m_" * 5


def test_a_key_says_its_name() -> None:
    assert api_keys.name_in(f"scimkey_crm_{RANDOM}") == "crm"
    assert api_keys.name_in(f"scimkey_crm-of-2_{RANDOM}") == "crm-of-2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scimkey_",
        f"scimkey_{'r' * 43}",
        f"scimkey__{RANDOM}",
        f"scimkey_CRM_{RANDOM}",
        f"SCIMKEY_crm_{RANDOM}",
        f"scimkey_a--b_{RANDOM}",
        f"scimkey_-a_{RANDOM}",
        f"scimkey_{'a' * 41}_{RANDOM}",
        f"scimkey_crm_{'r' * 31}",
        f"scimkey_crm_{'r' * 201}",
        f"scimkey_crm_{RANDOM}!",
        f"scimkey_crm_{RANDOM}\n",
        f" scimkey_crm_{RANDOM}",
        f"x-scimkey_crm_{RANDOM}",
        f"scimkey_crm/x_{RANDOM}",
    ],
)
def test_what_has_not_the_form_of_a_key_says_no_name(text: str) -> None:
    assert api_keys.name_in(text) is None


@pytest.mark.parametrize("name", ["crm", "a", "a-b", "default", "0"])
def test_a_key_has_one_secret_whose_name_is_read_in_any_case(name: str) -> None:
    secret = api_keys.secret_name(name)
    assert api_keys.of_secret(secret) == api_keys.of_secret(secret.upper()) == name
    assert tenants.of_secret(secret) is None


@pytest.mark.parametrize("tenant", ["default", "acme", "apikey", "apikey-crm"])
def test_no_secret_is_of_a_tenant_and_of_a_key(tenant: str) -> None:
    assert api_keys.of_secret(tenants.secret_name(tenant)) is None


@pytest.mark.parametrize("secret", ["scim-apikey", "scim-apikey--", "scim-apikey--a--b", "other"])
def test_other_secrets_hold_no_key(secret: str) -> None:
    assert api_keys.of_secret(secret) is None


@pytest.mark.parametrize("separator", [",", " ", ", ", " ,"])
def test_tags_are_lists_by_commas_or_blanks(separator: str) -> None:
    grant = Grant.of_tags(
        {
            "scopes": separator.join(["identities.read", "events.read"]),
            "tenants": separator.join(["acme", "Default"]),
        }
    )
    assert grant.scopes == {Scope.IDENTITIES_READ, Scope.EVENTS_READ}
    assert grant.tenants == frozenset({"acme", "default"})


def test_without_a_list_of_tenants_all_are_opened_and_without_scopes_nothing_is_allowed() -> None:
    assert Grant.of_tags({"scopes": "tenants.manage"}).opens("acme")
    assert Grant.of_tags({"tenants": "acme"}) == Grant(frozenset(), frozenset({"acme"}))


@pytest.mark.parametrize("text", ["", " ", ",", "acme--x", "*", "all", "\u212aelvin"])
def test_a_list_of_tenants_that_names_none_opens_none(text: str) -> None:
    """Above all it does not open all of them. (`all` is the name of a tenant.)"""
    grant = Grant.of_tags({"scopes": "identities.read", "tenants": text})
    assert grant.tenants is not None
    assert not grant.opens("acme")
    assert not grant.opens(None)


@pytest.mark.parametrize("text", ["identities", "IDENTITIES.READ", "identities.read.all", "*"])
def test_a_scope_that_is_none_allows_nothing_and_is_found(text: str) -> None:
    tags = {"scopes": text, "tenants": "acme, a--b"}
    assert Grant.of_tags(tags).scopes == frozenset()
    assert list(api_keys.unknown_words(tags)) == [text, "a--b"]
