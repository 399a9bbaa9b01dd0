"""Laws that hold for every input, tried on generated ones."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, User

from shared.errors import InvalidFilter, InvalidValue, ScimError
from shared.scim import documents, members, patch
from shared.scim.catalogue import Catalogue
from shared.scim.core_schemas import GROUP, USER
from shared.scim.filters import (
    And,
    Comparison,
    Filter,
    Not,
    Or,
    Unknown,
    ValuePath,
    matches,
    parse_filter,
)
from shared.scim.messages import parse_patch
from shared.scim.paths import PatchPath, parse_path
from shared.scim.projection import Projection
from shared.scim.schema import Attribute, AttributePath, ResourceType, Schema
from tests.support.filter_text import to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scim.operations import PatchOperation
    from shared.scim.schema import AttributeReturned, Document

# No deadline: the machines that run this are shared. Derandomized: a failure is of this change.
tried = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

# --- What a client may send -------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["", "True", "false", "work", "\ud800", "\x00", '{"value":"x"}', "2030-01-31"]
    )
)
NAMES = sorted(
    {
        name
        for path in (*USER.attributes, *GROUP.attributes)
        for name in (
            path.text,
            path.attribute.name,
            path.attribute.name.upper(),
            *(sub.name for sub in path.attribute.sub_attributes),
            *(f"{path.text}.{sub.name}" for sub in path.attribute.sub_attributes),
        )
    }
    | {schema.id for schema in Catalogue().schemas}
)
names = st.sampled_from(NAMES) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | st.dictionaries(st.sampled_from(["value", "type", "primary"]), inner, max_size=3)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(names, values, max_size=6).map(
    lambda body: {"userName": "ana", "displayName": "Ana", **body}
)
paths = names | st.builds(
    "{}[{}]{}".format,
    names,
    st.sampled_from(
        ['type eq "work"', 'primary eq "True"', "value pr", 'x eq 1 or type ne "a"', "", "(", '"']
    ),
    st.sampled_from(["", ".value", ".type", ".x", ".", "value"]),
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "Remove", "copy"])},
    optional={"path": paths | scalars, "value": values},
)
patches = st.fixed_dictionaries({"Operations": st.lists(operations, max_size=5)})
resource_types = st.sampled_from(Catalogue().resource_types)


def outcome(step: Callable[[], Any]) -> Any:
    """Return what a step gives; None if it refuses. Any other exception is a failure."""
    with contextlib.suppress(ScimError):
        return step()
    return None


def created(resource_type: ResourceType, body: Any) -> Document:
    document: Document | None = outcome(lambda: documents.create(resource_type, body))
    if document is not None:
        return document
    return {"userName": "ana", "active": True} if resource_type is USER else {"displayName": "Ana"}


# --- Documents and PATCH ----------------------------------------------------------------------


@tried
@given(resource_types, values | bodies)
def test_a_body_is_kept_or_refused(resource_type: ResourceType, body: Any) -> None:
    before = copy.deepcopy(body)
    document = outcome(lambda: documents.create(resource_type, body))
    assert json.dumps(body) == json.dumps(before)
    if document is not None:
        check(resource_type, document)
        assert documents.create(resource_type, document) == document
        assert documents.replace(resource_type, {}, document) == document
    outcome(lambda: members.from_document(body))


@tried
@given(resource_types, bodies, patches)
def test_a_patch_gives_a_document_or_is_refused_and_never_writes_into_its_input(
    resource_type: ResourceType, body: Document, message: Document
) -> None:
    document = created(resource_type, body)
    before = copy.deepcopy(document)
    sent = json.dumps(message)
    changed = outcome(lambda: patch.apply(resource_type, document, parse_patch(message)))
    assert document == before
    assert json.dumps(message) == sent
    if changed is not None:
        check(resource_type, changed)


@tried
@given(bodies, patches)
def test_a_patch_of_a_group_falls_into_members_and_the_rest(
    body: Document, message: Document
) -> None:
    parted = outcome(lambda: members.split_members(GROUP, parse_patch(message)))
    if parted is not None:
        rest, change = parted
        assert not set(change.add) & set(change.remove)
        assert not (change.replace and change.remove)
        assert all(member and member == member.strip() for member in change.add + change.remove)
        once = outcome(lambda: patch.apply(GROUP, created(GROUP, body), rest))
        whole = outcome(lambda: patch.apply(GROUP, created(GROUP, body), parse_patch(message)))
        assert once == whole


@tried
@given(patches)
def test_a_refused_operation_is_named(message: Document) -> None:
    message["Operations"].append({"op": "replace", "path": "active", "value": "banana"})
    with pytest.raises(ScimError) as refusal:
        patch.apply(USER, {"userName": "ana", "active": True}, parse_patch(message))
    assert refusal.value.operation is not None
    assert 0 <= refusal.value.operation < len(message["Operations"])


@tried
@given(values)
def test_a_message_is_read_or_refused(message: Any) -> None:
    outcome(lambda: parse_patch(message))


def check(resource_type: ResourceType, document: Document) -> None:
    """Hold a stored document against the schema, by rules of its own."""
    json.dumps(document, ensure_ascii=False).encode()
    known = {path.text: path for path in resource_type.attributes}
    for name in documents.changed_names(None, document):
        path = known[name]
        assert path.is_writable
        check_value(path.attribute, path.read(document))
    for path in resource_type.required:
        assert path.read(document).strip()


def check_value(attribute: Attribute, value: Any) -> None:
    if attribute.multi_valued:
        assert isinstance(value, list)
        assert value
        assert sum(isinstance(e, dict) and e.get("primary") is True for e in value) <= 1
    for element in value if attribute.multi_valued else [value]:
        if attribute.type == "complex":
            assert isinstance(element, dict)
            assert element
            for name, part in element.items():
                sub = attribute.sub_attribute(name)
                assert sub is not None
                assert sub.name == name
                check_value(sub, part)
        else:
            assert type(element) is (bool if attribute.type == "boolean" else str)
            assert element != ""


# --- Projection -------------------------------------------------------------------------------

MOMENT = "2030-01-31T12:00:00.000Z"
lists_of_names = st.none() | st.lists(names, max_size=4).map(",".join)


def presented(resource_type: ResourceType, document: Document) -> Document:
    return documents.present(
        resource_type,
        document,
        id="1f",
        created=MOMENT,
        modified=MOMENT,
        version='W/"1"',
        location=f"https://host/scim/v2{resource_type.endpoint}/1f",
    )


@tried
@given(resource_types, bodies, lists_of_names, lists_of_names)
def test_a_projection_shows_a_part_of_the_resource_and_always_its_id(
    resource_type: ResourceType, body: Document, attributes: str | None, excluded: str | None
) -> None:
    resource = presented(resource_type, created(resource_type, body))
    try:
        projection = Projection.parse(resource_type, attributes, excluded)
    except InvalidValue:
        reject()
    shown = projection.apply({**resource, "password": "p", "u-row": 1})
    assert (shown["id"], shown["schemas"]) == ("1f", resource["schemas"])
    assert is_part(shown, resource)
    assert all(projection.includes(name) for name in shown)


def is_part(shown: Any, whole: Any) -> bool:
    if isinstance(shown, dict):
        return all(name in whole and is_part(part, whole[name]) for name, part in shown.items())
    if isinstance(shown, list) and shown and isinstance(shown[0], dict):
        return all(any(is_part(element, other) for other in whole) for element in shown)
    return bool(shown == whole)


RETURNED: st.SearchStrategy[AttributeReturned] = st.sampled_from(
    ["always", "default", "request", "never"]
)


@st.composite
def described(draw: st.DrawFn) -> ResourceType:
    """A resource type of which every attribute and part is returned as chance has it."""

    def part(name: str) -> Attribute:
        return Attribute(name, returned=draw(RETURNED))

    def attributes(prefix: str) -> tuple[Attribute, ...]:
        complex_one = Attribute(
            f"{prefix}c",
            "complex",
            returned=draw(RETURNED),
            multi_valued=draw(st.booleans()),
            sub_attributes=(part("a"), part("b"), part("value")),
        )
        return (part(f"{prefix}s"), part(f"{prefix}t"), complex_one)

    core = Schema("urn:x:2.0:Thing", "Thing", "", attributes("x"))
    extension = Schema("urn:y:2.0:Thing", "More", "", attributes("y"))
    return ResourceType("Thing", "/Things", "", core, (extension,))


def filled(resource_type: ResourceType) -> Document:
    """A resource with a value for every attribute and part."""
    document: Document = {}
    for path in resource_type.attributes:
        parts = {sub.name: "v" for sub in path.attribute.sub_attributes}
        value: Any = parts or "v"
        document = documents.put(document, path, [value] if path.attribute.multi_valued else value)
    return document


@tried
@given(described(), st.data())
def test_a_projection_keeps_to_what_the_schema_says_of_each_part(
    resource_type: ResourceType, data: st.DataObject
) -> None:
    paths = [
        AttributePath(
            path.extension, path.attribute, sub, f"{path.text}.{sub.name}" if sub else path.text
        )
        for path in resource_type.attributes
        for sub in (None, *path.attribute.sub_attributes)
    ]
    lists = st.none() | st.lists(st.sampled_from(paths), min_size=1, max_size=4)
    attributes, excluded = data.draw(lists), data.draw(lists)
    projection = Projection.parse(resource_type, listed(attributes), listed(excluded))
    shown = projection.apply(filled(resource_type))
    for path in paths:
        is_named = attributes is not None and path in attributes
        is_shown = is_there(path, shown)
        returned = {path.attribute.returned, path.leaf.returned}
        if "never" in returned:
            assert not is_shown
        if path.leaf.returned == "request" and not is_named:
            has_named_part = path.sub_attribute is None and any(
                other.whole == path.whole for other in attributes or ()
            )
            assert not is_shown or has_named_part
        if path.leaf.returned == "always" and path.sub_attribute is None:
            assert is_shown or not any(
                is_there(AttributePath(path.extension, path.attribute, sub, ""), shown)
                for sub in path.attribute.sub_attributes
            )
        if excluded and not attributes and path in excluded and path.leaf.returned != "always":
            assert not is_shown


def listed(paths: list[AttributePath] | None) -> str | None:
    return None if paths is None else ",".join(path.text for path in paths)


def is_there(path: AttributePath, shown: Document) -> bool:
    value = path.read(shown)
    if path.sub_attribute is None:
        return value is not None
    elements = value if isinstance(value, list) else [value or {}]
    return any(path.sub_attribute.name in element for element in elements)


@tried
@given(bodies)
def test_an_independent_library_accepts_what_is_presented(body: Document) -> None:
    resource = presented(USER, created(USER, body))
    # The library checks the formats of URLs, certificates and addresses, and this service does not.
    for name in ("profileUrl", "photos", "x509Certificates", "emails"):
        resource.pop(name, None)
    user = User[EnterpriseUser].model_validate(resource)
    assert (user.id, user.user_name) == ("1f", resource["userName"])


# --- Filters ----------------------------------------------------------------------------------


def comparisons(path: AttributePath) -> st.SearchStrategy[Filter]:
    texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
    kind = path.leaf.type
    if kind == "complex":
        return st.builds(Comparison, st.just(path), st.just("pr"), st.none())
    if kind == "boolean":
        return st.builds(Comparison, st.just(path), st.sampled_from(["eq", "ne"]), st.booleans())
    if kind == "dateTime":
        times = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
        return st.builds(Comparison, st.just(path), st.sampled_from(["eq", "gt", "le"]), times)
    if kind == "binary":
        certificates = st.sampled_from(["QUI", "QUI=", "QUJD\r\nQUJD"])
        return st.builds(Comparison, st.just(path), st.sampled_from(["eq", "ne"]), certificates)
    some = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
    compared = st.builds(Comparison, st.just(path), st.sampled_from(some), texts)
    none = st.builds(Comparison, st.just(path), st.sampled_from(["eq", "ne", "pr"]), st.none())
    return compared | none


def value_paths(path: AttributePath) -> st.SearchStrategy[Filter]:
    subs = [AttributePath(None, sub, None, sub.name) for sub in path.attribute.sub_attributes]
    return st.builds(ValuePath, st.just(path), combined(st.sampled_from(subs).flatmap(comparisons)))


def combined(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        terms,
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
            | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
        ),
        max_leaves=6,
    )


all_paths = [path for name in NAMES if (path := USER.find(name)) is not None]
# A term on what is never returned is one on an unknown attribute.
shown_paths = [path for path in all_paths if path.attribute.returned != "never"]
complex_paths = [path for path in USER.attributes if path.attribute.type == "complex"]
filters = combined(
    st.sampled_from(shown_paths).flatmap(comparisons)
    | st.sampled_from(complex_paths).flatmap(value_paths)
    | st.just(Unknown('shoes[size eq "9"].colour pr'))
)


@tried
@given(filters, bodies)
def test_the_text_of_a_filter_reads_as_the_same_filter(condition: Filter, body: Document) -> None:
    read = parse_filter(to_text(condition), USER)
    assert read == condition
    resource = presented(USER, created(USER, body))
    assert matches(read, resource) is matches(condition, resource)
    found = {matches(condition, resource), matches(Not(condition), resource)}
    assert found == {True, False} or ("shoes" in to_text(condition) and found == {False})


@st.composite
def patch_paths(draw: st.DrawFn) -> PatchPath:
    """Paths of PATCH operations, with a filter where the attribute has elements."""
    target = draw(st.sampled_from(all_paths))
    if not (target.attribute.multi_valued and target.attribute.type == "complex"):
        return PatchPath(target)
    subs = [AttributePath(None, sub, None, sub.name) for sub in target.attribute.sub_attributes]
    conditions = combined(st.sampled_from(subs).flatmap(comparisons))
    return PatchPath(target, draw(st.none() | conditions))


def path_text(path: PatchPath) -> str:
    if path.filter is None:
        return path.target.text
    sub = path.target.sub_attribute
    return f"{path.target.whole}[{to_text(path.filter)}]" + (f".{sub.name}" if sub else "")


@tried
@given(patch_paths())
def test_the_text_of_a_path_reads_as_the_same_path(path: PatchPath) -> None:
    assert parse_path(path_text(path), USER) == path


@tried
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "userName",
                "emails",
                "[",
                "]",
                "(",
                ")",
                " ",
                "eq",
                "and",
                "not",
                '"',
                "\\",
                ".x",
                "1",
            ]
        )
        | st.text(max_size=2)
    ).map("".join)
)
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidFilter):
        condition = parse_filter(text, USER)
        assert parse_filter(to_text(condition), USER) == condition


# --- Operations that mostly can be done -------------------------------------------------------


def sound(attribute: Attribute, *, is_element: bool = False) -> st.SearchStrategy[Any]:
    """Values of an attribute's type, or of one element of it."""
    if attribute.multi_valued and not is_element:
        return st.lists(sound(attribute, is_element=True), max_size=3)
    if attribute.type == "complex":
        return st.fixed_dictionaries(
            {}, optional={sub.name: sound(sub) for sub in attribute.sub_attributes}
        )
    return st.booleans() if attribute.type == "boolean" else st.sampled_from(["a", "A", "b", ""])


@st.composite
def sound_operations(draw: st.DrawFn, *, filtered: bool = True) -> Document:
    path = draw(patch_paths() if filtered else st.sampled_from(all_paths).map(PatchPath))
    target = path.target
    is_element = path.filter is not None
    value = sound(target.leaf, is_element=is_element and target.sub_attribute is None)
    op = draw(st.sampled_from(["add", "replace", "remove"]))
    return {"op": op, "path": path_text(path)} | ({} if op == "remove" else {"value": draw(value)})


def applied(document: Document | None, operation: PatchOperation) -> Document | None:
    """Return the document after one operation; None if it, or one before it, was refused."""
    if document is None:
        return None
    changed: Document | None = outcome(lambda: patch.apply(USER, document, [operation]))
    return changed


# An element that has nothing but labels is looked at when all operations are done.
unlabelled = sound_operations().filter(lambda operation: ".primary" not in operation["path"])


@tried
@given(bodies, st.lists(unlabelled, min_size=1, max_size=5))
def test_a_patch_is_all_of_its_operations_in_order_or_nothing(
    body: Document, operations: list[Document]
) -> None:
    document = created(USER, body)
    parsed = parse_patch({"Operations": operations})
    step: Document | None = document
    for operation in parsed:
        step = applied(step, operation)
    assert outcome(lambda: patch.apply(USER, document, parsed)) == step


@tried
@given(bodies, sound_operations(filtered=False))
def test_an_operation_without_a_filter_done_twice_is_done_once(
    body: Document, operation: Document
) -> None:
    (parsed,) = parse_patch({"Operations": [operation]})
    once = applied(created(USER, body), parsed)
    assert applied(once, parsed) == once
