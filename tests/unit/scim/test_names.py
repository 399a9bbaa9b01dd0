"""Which texts are names of attributes, whether or not a schema has them."""

from __future__ import annotations

import pytest

from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER
from shared.scim.names import is_well_formed


@pytest.mark.parametrize(
    "text",
    [
        *("shoeSize", "name.shoeSize", "$ref", "a-b", "a_1", "x.y.z", "shoe2"),
        *("urn:acme:2.0:User:title", "urn:acme:2.0:User.title", "URN:acme:2.0:User"),
        f"{ENTERPRISE_USER_SCHEMA}:shoeSize",
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        "https://acme.example/schemas/User:title",
    ],
)
def test_a_name_of_an_attribute_or_a_schema_is_well_formed(text: str) -> None:
    assert is_well_formed(text)


def test_so_is_every_name_that_is_known() -> None:
    for of in (USER, GROUP):
        assert all(is_well_formed(path.text) for path in of.attributes)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "a\n", "a..b", ".a", "a.", "a/b", "1a", "a[0]", "emails.0.value", "a,b"),
        *(
            "@odata.type",
            "User:title",
            "urn:x:",
            "urn:x.",
            "'a'",
            "\u201ca\u201d",
            "\N{BALLOON}",
            "é",
        ),
        *("é", "mailto:x", "a\x00", "x" * 100 + " "),
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_well_formed(text)


@pytest.mark.parametrize("text", ["a." * 100_000 + " ", "urn:" + "a:" * 100_000 + " "])
def test_a_long_text_is_read_in_linear_time(text: str) -> None:
    assert not is_well_formed(text)
