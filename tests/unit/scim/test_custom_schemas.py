"""Schemas and resource types of a deployer's own: what is read of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.scim import discovery
from shared.scim.core_schemas import (
    ENTERPRISE_USER_SCHEMA,
    GROUP,
    GROUP_SCHEMA,
    ROLES_SCHEMA,
    USER,
    USER_SCHEMA,
)
from shared.scim.custom_schemas import read
from shared.scim.schema_documents import SchemaDocumentError, SchemaFile

if TYPE_CHECKING:
    from shared.scim.catalogue import Catalogue
    from shared.scim.schema import ResourceType

Json = dict[str, Any]

EXAMPLES = Path("docs/examples/scim_schemas")
BASE_URL = "https://scim.example.com/scim/v2"
EXTENSION = "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"
DEVICE = "urn:ietf:params:scim:schemas:contoso:2.0:Device"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"


def attribute(name: str = "costCode", **characteristics: Any) -> Json:
    return {"name": name, "type": "string", **characteristics}


def schema(urn: str = EXTENSION, *attributes: Json, **keys: Any) -> Json:
    listed = list(attributes) or [attribute()]
    return {"schemas": [SCHEMA], "id": urn, "name": "Contoso", "attributes": listed, **keys}


def user_with(*urns: str, required: bool | str = False, **keys: Any) -> Json:
    return resource_type(
        "User",
        USER_SCHEMA,
        endpoint="/Users",
        schemaExtensions=[{"schema": urn, "required": required} for urn in urns],
        **keys,
    )


def resource_type(name: str = "Device", urn: str = DEVICE, **keys: Any) -> Json:
    document = {"schemas": [RESOURCE_TYPE], "name": name, "endpoint": f"/{name}s", "schema": urn}
    return {**document, **keys}


def catalogue(*documents: Json) -> Catalogue:
    return read([SchemaFile("own.json", list(documents))])


def extended(*attributes: Json) -> Catalogue:
    """User with an extension of these attributes."""
    return catalogue(schema(EXTENSION, *attributes), user_with(EXTENSION))


def typed(*attributes: Json, **keys: Any) -> ResourceType:
    """A type whose schema has these attributes."""
    (found,) = catalogue(schema(DEVICE, *attributes), resource_type(**keys)).custom
    return found


def problem(*documents: Any) -> str:
    with pytest.raises(SchemaDocumentError) as refusal:
        read([SchemaFile("own.json", list(documents))])
    line = str(refusal.value)
    assert "\n" not in line
    return line


@pytest.fixture(scope="module")
def examples() -> Catalogue:
    """What the files of docs/extending.md add."""
    files = sorted(EXAMPLES.glob("*.json"))
    return read([SchemaFile(file.name, json.loads(file.read_text("utf-8"))) for file in files])


# What is read


def test_without_files_there_is_what_is_built_in() -> None:
    assert read([]).resource_types == (USER, GROUP)


def test_the_examples_add_an_extension_and_a_type(examples: Catalogue) -> None:
    assert [each.name for each in examples.resource_types] == ["User", "Group", "Device"]
    urns = [extension.id for extension in examples.user.extensions]
    assert urns == [ENTERPRISE_USER_SCHEMA, EXTENSION]
    assert examples.group.schema is GROUP.schema
    (device,) = examples.custom
    assert (device.endpoint, device.schema.id) == ("/Devices", DEVICE)


def test_what_discovery_serves_is_what_was_written(examples: Catalogue) -> None:
    served = [
        *discovery.schemas(examples, BASE_URL),
        *discovery.resource_types(examples, BASE_URL),
    ]
    by_id = {document["id"]: document for document in served}
    for file in EXAMPLES.glob("*.json"):
        for document in json.loads(file.read_text("utf-8")):
            assert_within(document, by_id[document["id"]])


def assert_within(written: Any, served: Any) -> None:
    """Assert that all that was written is served; more may be."""
    if isinstance(written, dict):
        for key, value in written.items():
            assert_within(value, served[key])
    elif isinstance(written, list) and written and isinstance(written[0], dict):
        name = "name" if "name" in written[0] else "schema"
        by_name = {each[name]: each for each in served}
        for each in written:
            assert_within(each, by_name[each[name]])
    else:
        assert written == served


def test_what_is_served_can_be_read_again(examples: Catalogue) -> None:
    def own(documents: list[Json]) -> list[Json]:
        return [each for each in documents if "contoso" in json.dumps(each)]

    schemas = own(discovery.schemas(examples, BASE_URL))
    types = own(discovery.resource_types(examples, BASE_URL))
    again = read(
        [SchemaFile("schemas", {"Resources": schemas}), SchemaFile("types", {"Resources": types})]
    )
    assert own(discovery.schemas(again, BASE_URL)) == schemas
    assert own(discovery.resource_types(again, BASE_URL)) == types


def every_object(value: Any) -> list[Json]:
    if isinstance(value, dict):
        return [value, *(each for part in value.values() for each in every_object(part))]
    if isinstance(value, list):
        return [each for part in value for each in every_object(part)]
    return []


def test_entra_can_digest_the_schemas_of_the_examples(examples: Catalogue) -> None:
    """No null anywhere, keys and characteristics in camel case, and a `type` to filter by."""
    served = discovery.schemas(examples, BASE_URL)
    characteristics = {
        "type": {"string", "boolean", "decimal", "integer", "dateTime", "reference", "complex"},
        "mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
        "returned": {"always", "never", "default", "request"},
        "uniqueness": {"none", "server", "global"},
    }
    for each in every_object(served):
        assert None not in each.values()
        if "multiValued" not in each:
            continue
        for key, allowed in {
            **characteristics,
            "type": characteristics["type"] | {"binary"},
        }.items():
            assert each[key] in allowed
        assert {type(each[key]) for key in ("multiValued", "required", "caseExact")} == {bool}
        if each["multiValued"] and each["type"] == "complex" and each["name"] != "members":
            (kind,) = (sub for sub in each["subAttributes"] if sub["name"] == "type")
            assert kind["canonicalValues"]


@pytest.mark.parametrize(
    "content",
    [
        [schema(), user_with(EXTENSION)],
        {"Resources": [schema(), user_with(EXTENSION)], "totalResults": 2},
        [user_with(EXTENSION), schema()],
    ],
    ids=["list", "ListResponse", "in any order"],
)
def test_a_file_holds_documents_in_any_of_these_forms(content: Any) -> None:
    assert [each.id for each in read([SchemaFile("own.json", content)]).user.extensions][1:] == [
        EXTENSION
    ]


def test_a_file_may_hold_one_document_and_use_those_of_another() -> None:
    files = [SchemaFile("a.json", user_with(EXTENSION)), SchemaFile("b.json", schema())]
    assert read(files).user.find(f"{EXTENSION}:costCode") is not None


def test_documents_may_leave_their_own_schemas_out_as_the_rfc_does() -> None:
    documents = [schema(), user_with(EXTENSION)]
    for document in documents:
        del document["schemas"]
    assert len(catalogue(*documents).user.extensions) == 2


def test_what_is_left_out_has_the_default_of_the_rfc() -> None:
    (found,) = extended({"name": "costCode"}).user.extensions[1].attributes
    assert (found.type, found.multi_valued, found.required) == ("string", False, False)
    assert (found.case_exact, found.mutability) == (False, "readWrite")
    assert (found.returned, found.uniqueness) == ("default", "none")


@pytest.mark.parametrize("kind", ["binary", "reference"])
def test_binaries_and_references_are_case_exact_by_nature(kind: str) -> None:
    (found,) = extended(attribute(type=kind)).user.extensions[1].attributes
    assert found.case_exact


def test_every_type_has_the_identifier_that_a_client_gives() -> None:
    names = [each.name for each in typed(attribute("serial")).schema.attributes]
    assert names == ["externalId", "serial"]
    own = attribute("externalId", caseExact=True, description="Number of the asset.")
    (found,) = typed(own).schema.attributes
    assert found.description == "Number of the asset."


def test_built_in_extensions_stay_also_where_they_are_not_named() -> None:
    extensions = catalogue(schema(), user_with(EXTENSION)).user.extensions
    assert [each.id for each in extensions] == [ENTERPRISE_USER_SCHEMA, EXTENSION]


def test_a_group_a_type_and_several_types_may_have_an_extension() -> None:
    group = resource_type(
        "Group", GROUP_SCHEMA, schemaExtensions=[{"schema": EXTENSION, "required": True}]
    )
    device = resource_type(schemaExtensions=[{"schema": EXTENSION.upper()}])
    found = catalogue(schema(), schema(DEVICE), group, device)
    assert found.group.required_extensions == {EXTENSION}
    assert found.custom[0].extensions == found.group.extensions
    assert [each.id for each in found.schemas].count(EXTENSION) == 1


def test_an_attribute_of_an_extension_is_found_with_its_urn_in_any_letter_case() -> None:
    user = extended(attribute()).user
    found = user.find(f"{EXTENSION}:costCode")
    assert found is not None
    assert user.find(f"{EXTENSION.upper()}:COSTCODE") == found
    assert user.find("costcode") == found
    assert user.find("department") != found


@pytest.mark.parametrize(
    ("parts", "many", "labels"),
    [
        (("value", "type", "primary", "display", "$ref", "row"), True, 4),
        (("value", "type"), True, 1),
        (("number", "type", "primary"), True, 0),
        (("value", "type"), False, 0),
    ],
)
def test_what_only_labels_a_value_is_known_by_its_name(
    parts: tuple[str, ...], many: bool, labels: int
) -> None:
    subs = [{"name": part} for part in parts]
    described = attribute(type="complex", multiValued=many, subAttributes=subs)
    (found,) = extended(described).user.extensions[1].attributes
    assert len(found.labels) == labels
    assert found.labels <= {"type", "primary", "display", "$ref"}


def test_a_required_value_is_asked_for_and_labels_without_it_are_not_dropped() -> None:
    subs = [{"name": "value", "required": True}, {"name": "type"}]
    described = attribute(type="complex", multiValued=True, subAttributes=subs)
    (found,) = extended(described).user.extensions[1].attributes
    assert found.labels == frozenset()


def test_a_type_knows_the_schemas_of_the_others() -> None:
    found = catalogue(schema(DEVICE), resource_type())
    assert found.user.other_schemas == found.group.other_schemas == {DEVICE.lower()}
    assert found.custom[0].other_schemas == frozenset()
    assert found.core_schemas == {USER_SCHEMA.lower(), GROUP_SCHEMA.lower(), DEVICE.lower()}


# What is refused: the file, the place, what to put


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], "own.json: holds no document; put a Schema or a ResourceType"),
        (["text"], "own.json: [0] should be an object: a Schema or a ResourceType"),
        ([schema(schemas=["urn:x:y"])], f'own.json: [0].schemas should be ["{SCHEMA}"] or'),
        ([schema(nmae="x")], "own.json: [0].nmae is no key that is known here; put name"),
        (
            [{**schema(), "a\nb": 1}],
            'own.json: [0]["a\\nb"] is no key that is known here; put one of',
        ),
        ([schema(name=None)], "own.json: [0].name should be a string"),
        ([schema(name="")], "own.json: [0].name should not be empty"),
        ([schema(attributes=[])], "own.json: [0].attributes should not be empty"),
        ([schema(attributes={})], "own.json: [0].attributes should be a list"),
        ([schema(attributes=["x"])], "own.json: [0].attributes[0] should be an object"),
        ([{"id": EXTENSION, "name": "x"}], "own.json: [0].attributes is missing; add it"),
        ([{"name": "x", "endpoint": "/x"}], "own.json: [0].schema is missing; add it"),
        ([user_with(EXTENSION, required="no")], "schemaExtensions[0].required should be true or"),
    ],
)
def test_a_document_that_has_not_its_form(documents: list[Any], expected: str) -> None:
    assert expected in problem(*documents)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"type": "text"}, ".type should be 'string', 'boolean', 'decimal', 'integer', 'dateTime'"),
        ({"type": "String"}, ".type should be 'string'"),
        ({"multiValued": "true"}, ".multiValued should be true or false, without quotes"),
        ({"required": 1}, ".required should be true or false"),
        ({"mutability": "writeonly"}, ".mutability should be 'readOnly', 'readWrite', 'immutable'"),
        ({"returned": "yes"}, ".returned should be 'always', 'never', 'default' or 'request'"),
        ({"uniqueness": "tenant"}, ".uniqueness should be 'none', 'server' or 'global'"),
        ({"description": None}, ".description should be a string"),
        ({"multivalued": True}, ".multivalued is no key that is known here; put multiValued"),
        ({"colour": "red"}, ".colour is no key that is known here; put one of name, type,"),
        ({"canonicalValues": "x"}, ".canonicalValues should be a list"),
        ({"canonicalValues": [1]}, ".canonicalValues[0] should be a string"),
        ({"name": "cost code"}, ".name should be letters, digits, _, - and $, a letter first"),
        ({"name": "1st"}, ".name should be letters"),
        ({"name": "a.b"}, ".name should be letters"),
        ({"name": "$ref"}, ".name should be letters"),
        ({"name": "größe"}, ".name should be letters"),
        ({"name": "ID"}, ".name is that of an attribute that every resource has"),
        ({"name": "meta"}, ".name is that of an attribute that every resource has"),
        ({"name": "schemas"}, ".name is that of an attribute that every resource has"),
        ({"name": "externalId"}, ".name is that of an attribute that every resource has"),
        ({"type": "complex"}, ".subAttributes of a complex attribute are missing"),
        ({"subAttributes": [attribute()]}, '.subAttributes are for the type complex; put "type"'),
        ({"type": "boolean", "canonicalValues": ["x"]}, ".canonicalValues are for strings"),
        ({"referenceTypes": ["User"]}, ".referenceTypes are for the type reference"),
        ({"mutability": "writeOnly"}, '.returned of a writeOnly attribute is always "never"'),
        ({"mutability": "readOnly", "required": True}, ".required asks clients for what"),
        ({"uniqueness": "server"}, '.uniqueness is not enforced in an extension; put "none"'),
    ],
    ids=lambda wrong: (
        "-".join(f"{k}={v}" for k, v in wrong.items())[:40] if isinstance(wrong, dict) else ""
    ),
)
def test_an_attribute_of_an_extension_that_cannot_be_served(wrong: Json, expected: str) -> None:
    documents = [schema(EXTENSION, {**attribute(), **wrong}), user_with(EXTENSION)]
    assert f"own.json: [0].attributes[0]{expected}" in problem(*documents)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"type": "complex", "subAttributes": [attribute()]}, ".type of a sub-attribute cannot be"),
        ({"multiValued": True}, ".multiValued of a sub-attribute cannot be true; put false"),
        ({"uniqueness": "server"}, '.uniqueness is not enforced in a sub-attribute; put "none"'),
        ({"mutability": "immutable"}, ".mutability of a part of a multi-valued attribute"),
        ({"mutability": "writeOnly"}, '.returned of a writeOnly attribute is always "never"'),
        ({"name": "$id"}, ".name should be letters"),
        ({"nested": []}, ".nested is no key that is known here"),
    ],
    ids=str,
)
def test_a_part_that_cannot_be_served(wrong: Json, expected: str) -> None:
    whole = attribute(
        "seats", type="complex", multiValued=True, subAttributes=[{**attribute("value"), **wrong}]
    )
    line = problem(schema(EXTENSION, whole), user_with(EXTENSION))
    assert f"own.json: [0].attributes[0].subAttributes[0]{expected}" in line


def test_parts_of_parts_of_parts() -> None:
    inner = attribute()
    for _ in range(400):
        inner = attribute(type="complex", subAttributes=[inner])
    line = problem(schema(EXTENSION, inner), user_with(EXTENSION))
    assert line.startswith("own.json: [0].attributes[0].subAttributes[0].")


def test_two_attributes_of_one_name() -> None:
    line = problem(schema(EXTENSION, attribute("a"), attribute("A")), user_with(EXTENSION))
    assert line.startswith("own.json: [0].attributes[1].name is that of another attribute")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"name": "externalid"}, ".name is the same in every type; put externalId"),
        ({"type": "integer", "caseExact": True}, ".type is the same in every type; put string"),
        ({"caseExact": False}, ".caseExact is the same in every type; put true"),
        ({"caseExact": True, "uniqueness": "server"}, ".uniqueness is the same in every type"),
        ({"caseExact": True, "multiValued": True}, ".multiValued is the same in every type; put f"),
    ],
    ids=str,
)
def test_the_identifier_that_a_client_gives_is_the_same_in_every_type(
    wrong: Json, expected: str
) -> None:
    line = problem(schema(DEVICE, {**attribute("externalId"), **wrong}), resource_type())
    assert f"own.json: [0].attributes[0]{expected}" in line


@pytest.mark.parametrize(
    "kind", [{"type": "integer"}, {"type": "string", "multiValued": True}], ids=str
)
def test_uniqueness_that_is_not_enforced(kind: Json) -> None:
    unique = attribute("serial", uniqueness="server", **kind)
    line = problem(schema(DEVICE, {**unique, **kind}), resource_type())
    assert "[0].attributes[0].uniqueness is enforced for strings that are not multi-valued" in line


def test_more_unique_attributes_than_one_transaction_claims() -> None:
    attributes = [attribute(f"a{n}", uniqueness="server") for n in range(21)]
    line = problem(schema(DEVICE, *attributes), resource_type())
    assert line == "own.json: [1] has 21 unique attributes; put at most 20"


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([schema("contoso")], "[0].id should be a URN of letters"),
        ([schema("urn:x:a b")], "[0].id should be a URN of letters"),
        ([schema("urn:x:a,b")], "[0].id should be a URN of letters"),
        ([schema("urn:x:a[0]")], "[0].id should be a URN of letters"),
        ([schema("urn:x:User:")], "[0].id should be a URN of letters"),
        ([schema(USER_SCHEMA.upper())], "[0].id is the URN of a built-in schema"),
        ([schema(ENTERPRISE_USER_SCHEMA)], "[0].id is the URN of a built-in schema"),
        ([schema(ROLES_SCHEMA)], "[0].id is the URN of a built-in schema"),
        ([schema(), schema(EXTENSION.upper())], "[1].id is the URN of another schema"),
        ([schema()], "[0].id is the URN of a schema that no ResourceType uses"),
        (
            [schema(DEVICE), resource_type(), user_with(DEVICE)],
            "[0].id is the schema of one type and an extension of another; put two schemas",
        ),
    ],
    ids=str,
)
def test_a_schema_that_does_not_fit(documents: list[Json], expected: str) -> None:
    assert f"own.json: {expected}" in problem(*documents)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"name": "A device"}, "name should be up to 40 letters and digits, a letter first"),
        ({"name": "x" * 41}, "name should be up to 40 letters and digits"),
        ({"name": "Schema"}, "name is a name of the protocol; put another one"),
        ({"id": "device-1"}, "id should be the same as name"),
        ({"endpoint": "Devices"}, "endpoint should be / and up to 64 letters"),
        ({"endpoint": "/a/b"}, "endpoint should be / and up to 64 letters"),
        ({"endpoint": "/.search"}, "endpoint should be / and up to 64 letters"),
        ({"endpoint": "/{id}"}, "endpoint should be / and up to 64 letters"),
        ({"endpoint": "/users"}, "endpoint is taken; put a path that nothing else has"),
        ({"endpoint": "/Bulk"}, "endpoint is taken"),
        ({"endpoint": "/me"}, "endpoint is taken"),
        ({"endpoint": "/Schemas"}, "endpoint is taken"),
        ({"endpoint": "/ResourceTypes"}, "endpoint is taken"),
        ({"endpoint": "/ServiceProviderConfig"}, "endpoint is taken"),
        ({"endpoint": "/healthz"}, "endpoint is taken"),
        ({"schema": EXTENSION}, "schema should be the id of a Schema in these files; add that"),
        ({"schema": USER_SCHEMA}, "schema should be the id of a Schema in these files; add that"),
        (
            {"schemaExtensions": [{"schema": "urn:x:y"}]},
            "schemaExtensions[0].schema should be the id of a Schema in these files; add that",
        ),
        (
            {"schemaExtensions": [{"schema": ENTERPRISE_USER_SCHEMA}] * 2},
            "schemaExtensions[1].schema is named twice; leave one out",
        ),
        ({"schemaExtensions": [{"urn": "x"}]}, "schemaExtensions[0].schema is missing; add it"),
    ],
    ids=str,
)
def test_a_type_that_cannot_be_served(wrong: Json, expected: str) -> None:
    line = problem(resource_type(**wrong), schema(DEVICE))
    assert f"own.json: [0].{expected}" in line


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"name": "user"}, "name of the built-in type cannot be changed; put User"),
        ({"endpoint": "/People"}, "endpoint of the built-in type cannot be changed; put /Users"),
        ({"schema": DEVICE}, f"schema of the built-in type cannot be changed; put {USER_SCHEMA}"),
    ],
    ids=str,
)
def test_a_built_in_type_keeps_what_it_is(wrong: Json, expected: str) -> None:
    assert problem(schema(), {**user_with(EXTENSION), **wrong}) == f"own.json: [1].{expected}"


def test_two_types_of_one_name_or_endpoint() -> None:
    other = resource_type("DEVICE", endpoint="/Others")
    assert "[2].name is that of another" in problem(schema(DEVICE), resource_type(), other)
    other = resource_type("Other", endpoint="/DEVICES")
    assert "[2].endpoint is taken" in problem(schema(DEVICE), resource_type(), other)


def test_a_urn_that_reads_like_an_attribute_of_another_schema() -> None:
    for separator in ":.":
        inner = f"{EXTENSION}{separator}costCode"
        line = problem(schema(), schema(inner), user_with(EXTENSION, inner))
        assert "is also the path of the attribute costCode" in line


def test_a_group_has_members_and_its_extensions_have_none() -> None:
    group = resource_type("Group", GROUP_SCHEMA, schemaExtensions=[{"schema": EXTENSION}])
    assert "members" in problem(schema(EXTENSION, attribute("members")), group)


def test_the_file_that_is_wrong_is_named() -> None:
    files = [SchemaFile("good.json", [schema(), user_with(EXTENSION)]), SchemaFile("bad.json", {})]
    with pytest.raises(SchemaDocumentError, match=r"^bad\.json: id is missing; add it$"):
        read(files)


# Whatever is written


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
WORDS = st.sampled_from(
    [
        *("string", "complex", "boolean", "readOnly", "writeOnly", "immutable", "never", "server"),
        *("id", "externalId", "members", "$ref", "User", "Group", "Device", "/Users", "/Me"),
        *(SCHEMA, RESOURCE_TYPE, USER_SCHEMA, GROUP_SCHEMA, EXTENSION, DEVICE),
    ]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key in a JSON value."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [place for key in keys for place in ((value, key), *places(value[key]))]


EXAMPLE_TEXT = json.dumps(
    [json.loads(f.read_text("utf-8")) for f in sorted(EXAMPLES.glob("*.json"))]
)


@settings(
    max_examples=2 * settings().max_examples,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_document_is_read_or_refused_in_one_line_however_it_is_damaged(
    data: st.DataObject,
) -> None:
    documents = json.loads(EXAMPLE_TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        everywhere = places(documents)
        container, key = everywhere[data.draw(st.integers(0, len(everywhere) - 1))]
        if data.draw(st.booleans()):
            container[key] = data.draw(JSON | WORDS)
        elif isinstance(container, dict):
            container[data.draw(st.text(max_size=12) | WORDS)] = container.pop(key)
        else:
            container.append(container[key])
    try:
        found = read([SchemaFile("own.json", each) for each in documents])
    except SchemaDocumentError as error:
        line = str(error)
        assert line.startswith("own.json: ")
        assert "\n" not in line
        assert ";" in line or "should" in line
    else:
        served = [*discovery.schemas(found, BASE_URL), *discovery.resource_types(found, BASE_URL)]
        assert None not in [part for each in every_object(served) for part in each.values()]
