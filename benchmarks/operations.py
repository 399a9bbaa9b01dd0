"""The operations that are measured over HTTP: those of which provisioning consists."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks.client import Answered, Request
from benchmarks.people import patch, user_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.directory import Directory

PAGE = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that is measured.

    Attributes:
        name: As the report has it.
        requests: Makes requests for a directory, as many as there can be.
        is_right: Tells whether an answer is what was asked for; a wrong one is not measured.
    """

    name: str
    requests: Callable[[Directory], Iterator[Request]]
    is_right: Callable[[Answered], bool]


def _create(directory: Directory) -> Iterator[Request]:
    while True:
        yield directory.creation()


def _get(directory: Directory) -> Iterator[Request]:
    while True:
        member = directory.member()
        yield Request("GET", f"/Users/{member}")


def _by_user_name(directory: Directory) -> Iterator[Request]:
    while True:
        yield _found_by(f'userName eq "{user_name(directory.number())}"')


def _by_external_id(directory: Directory) -> Iterator[Request]:
    while True:
        yield _found_by(f'externalId eq "external-{directory.number()}"')


def _patch(directory: Directory) -> Iterator[Request]:
    while True:
        title = f"Title {secrets.token_hex(8)}"  # of nobody yet: each changes something
        yield _patched(
            f"/Users/{directory.member()}", {"op": "Replace", "path": "title", "value": title}
        )


def _page(directory: Directory) -> Iterator[Request]:
    del directory
    while True:
        yield Request("GET", f"/Users?startIndex=1&count={PAGE}")


def _add(directory: Directory) -> Iterator[Request]:
    there = frozenset(directory.added)
    for other in (each for each in directory.others if each not in there):
        operation = {"op": "Add", "path": "members", "value": [{"value": other}]}
        yield _patched(f"/Groups/{directory.ids.group}", operation, other)


def _remove(directory: Directory) -> Iterator[Request]:
    for other in directory.added:
        operation = {"op": "Remove", "path": f'members[value eq "{other}"]'}
        yield _patched(f"/Groups/{directory.ids.group}", operation, other)


def _check(directory: Directory) -> Iterator[Request]:
    while True:
        condition = f'id eq "{directory.ids.group}" and members.value eq "{directory.member()}"'
        path = f"/Groups?filter={quote(condition)}&excludedAttributes=members"
        yield Request("GET", path)


def _get_group(directory: Directory) -> Iterator[Request]:
    while True:
        yield Request("GET", f"/Groups/{directory.ids.group}?excludedAttributes=members")


def _found_by(condition: str) -> Request:
    return Request("GET", f"/Users?filter={quote(condition)}")


def _patched(path: str, operation: dict[str, Any], subject: str = "") -> Request:
    return Request("PATCH", path, json.dumps(patch(operation)).encode(), subject)


def _has_id(answer: Answered) -> bool:
    return bool(answer.json()["id"])


def _finds_one(answer: Answered) -> bool:
    return bool(answer.json()["totalResults"] == 1)


def _has_page(answer: Answered) -> bool:
    page = answer.json()
    return bool(len(page["Resources"]) == PAGE < page["totalResults"])


def _has_no_members(answer: Answered) -> bool:
    return "members" not in answer.json()


def _is_done(answer: Answered) -> bool:
    return answer.status in {200, 204}


CREATE = Operation("create a user", _create, _has_id)
ADD = Operation("add a member", _add, _is_done)
REMOVE = Operation("remove a member", _remove, _is_done)
LIST = Operation(f"list a page of {PAGE}", _page, _has_page)
OPERATIONS = (
    CREATE,
    Operation("get a user", _get, _has_id),
    Operation("`userName eq`", _by_user_name, _finds_one),
    Operation("`externalId eq`", _by_external_id, _finds_one),
    Operation("PATCH one attribute", _patch, _is_done),
    LIST,
    ADD,
    REMOVE,
    Operation("membership check", _check, _finds_one),
    Operation("get the group without members", _get_group, _has_no_members),
)


def note(operation: Operation, directory: Directory, requests: Sequence[Request]) -> None:
    """Note in a directory who has come into the group, and who has left it, by these requests."""
    subjects = [each.subject for each in requests]
    if operation is ADD:
        directory.added += subjects
    elif operation is REMOVE:
        gone = set(subjects)
        directory.added = [each for each in directory.added if each not in gone]
