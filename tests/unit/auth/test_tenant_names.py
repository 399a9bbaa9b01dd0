"""How tenants are named in paths, in the vault and in settings."""

from __future__ import annotations

import re

import pytest

from shared import tenants

ODD = [
    "",
    "default",
    "DEFAULT",
    "-acme",
    "acme-",
    "a--b",
    "-",
    "a" * 41,
    "ac me",
    "acme ",
    "acme\n",
    "acme/b",
    "acme%2Fb",
    "..",
    "a.b",
    "a_b",
    "a'b",
    "a\x00b",
    "acmé",
    "acme\u200b",
    "\u212adeep",  # the Kelvin sign, a "k" in lower case
    "١٢٣",
]


def test_the_path_without_a_tenant_is_that_of_the_default_one() -> None:
    assert tenants.of_path(None) == "default"


@pytest.mark.parametrize("name", ["a", "7", "acme", "a-b-c", "4d5e6f", "a" * 40])
def test_a_tenant_is_named_by_letters_digits_and_single_dashes(name: str) -> None:
    assert tenants.of_path(name) == name
    assert tenants.of_path(name.upper()) == name


@pytest.mark.parametrize("name", ODD)
def test_every_other_form_in_a_path_is_an_unknown_tenant(name: str) -> None:
    assert tenants.of_path(name) is None


@pytest.mark.parametrize("name", ["default", "a", "acme", "a-b"])
def test_the_name_of_a_secret_leads_back_to_its_tenant(name: str) -> None:
    assert tenants.of_secret(tenants.secret_name(name)) == name
    assert tenants.of_secret(tenants.secret_name(name).upper()) == name


def test_the_secrets_are_named_for_people_to_find() -> None:
    assert tenants.secret_name("default") == "scim-token"
    assert tenants.secret_name("acme") == "scim-token--acme"


@pytest.mark.parametrize("name", [f"scim-token--{name}" for name in ODD] + ["scim-feed--acme", "x"])
def test_a_secret_of_any_other_name_belongs_to_no_tenant(name: str) -> None:
    assert tenants.of_secret(name) is None


@pytest.mark.parametrize(
    ("suffix", "tenant"),
    [("ACME", "acme"), ("acme", "acme"), ("AB_CD", "ab-cd"), ("ab-cd", "ab-cd")],
)
def test_a_setting_writes_a_dash_as_an_underscore(suffix: str, tenant: str) -> None:
    assert tenants.of_setting(suffix) == tenant


@pytest.mark.parametrize("suffix", ["", "DEFAULT", "A__B", "_A", "A B"])
def test_a_setting_of_any_other_ending_belongs_to_no_tenant(suffix: str) -> None:
    assert tenants.of_setting(suffix) is None


@pytest.mark.parametrize("purpose", ["readiness", "verify"])
def test_a_scratch_partition_is_that_of_no_tenant(purpose: str) -> None:
    partition = tenants.scratch(purpose)
    assert re.fullmatch(r"[0-9a-z-]+", partition)  # a key that needs no escape
    assert tenants.of_path(partition) is None
    assert tenants.of_setting(partition) is None
    assert tenants.of_secret(f"scim-token--{partition}") is None
