"""Directory files: what they say, and one line for what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.provision.directory import Group
from tools.provision.files import DirectoryFileError, load
from tools.provision.mapping import COLUMNS

CSV = """\
id,userName,displayName,email,active,manager,groups
1,ana@x.example,Ana Ruiz,ana@x.example,,,Sales; R&D
2,bo@x.example,"Bo ""B"" Li",,no,ANA@x.example,R&D;R&D;
"""
USERS = [
    {"id": "1", "userName": "ana@x.example", "displayName": "Ana Ruiz"},
    {"id": "2", "userName": "bo@x.example", "active": False, "manager": "ANA@x.example"},
]


def write(folder: Path, name: str, content: str | bytes | dict[str, Any]) -> Path:
    file = folder / name
    if isinstance(content, dict):
        content = json.dumps(content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def problem(file: Path) -> str:
    with pytest.raises(DirectoryFileError) as caught:
        load(file)
    line = str(caught.value)
    assert line.startswith(f"{file}: ")
    assert "\n" not in line
    return line.removeprefix(f"{file}: ")


def test_csv_has_a_row_for_each_user(tmp_path: Path) -> None:
    directory = load(write(tmp_path, "people.csv", CSV))
    ana, bo = directory.users
    assert (ana.id, ana.active, ana.manager) == ("1", True, None)
    assert ana.values == {
        "externalId": "1",
        "userName": "ana@x.example",
        "displayName": "Ana Ruiz",
        'emails[type eq "work"].value': "ana@x.example",
    }
    assert (bo.active, bo.manager, bo.values["displayName"]) == (False, "1", 'Bo "B" Li')
    assert directory.groups == (
        Group("Sales", "Sales", ("1",)),
        Group("R&D", "R&D", ("1", "2")),
    )


def test_csv_takes_every_mapped_column_and_a_byte_order_mark(tmp_path: Path) -> None:
    header, row = ",".join(COLUMNS), ",".join(f"v-{column}" for column in COLUMNS)
    file = write(tmp_path, "all.CSV", f"\ufeff{header}\r\n{row}\r\n")
    assert load(file).users[0].values == {path: f"v-{name}" for name, path in COLUMNS.items()}


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_spreadsheet_may_separate_by_something_else(
    tmp_path: Path, separator: str, mark: str
) -> None:
    rows = [
        ("userName", "displayName", "groups"),
        ("ana", "Ruiz, Ana", '"Sales;R&D"'),
        ("bo", "Li", ""),
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    directory = load(write(tmp_path, "p.csv", f"{mark}{text}\r\n"))
    assert [user.values.get("displayName") for user in directory.users] == ["Ruiz, Ana", "Li"]
    assert [group.display_name for group in directory.groups] == ["Sales", "R&D"]


def test_a_group_may_have_a_semicolon_in_its_name(tmp_path: Path) -> None:
    cell = '"Sales; ""R;D"" ;""A ""quoted"" one"""'
    with_quotes = 'userName,groups\nana,"Sales; ""R;D""; Say ""hi"""\n'
    directory = load(write(tmp_path, "p.csv", with_quotes))
    assert [group.display_name for group in directory.groups] == ["Sales", "R;D", 'Say "hi"']
    broken = write(tmp_path, "broken.csv", f"userName,groups\nana,{cell}\n")
    assert problem(broken).startswith("row 2: groups: ")


def test_without_an_id_the_user_name_is_the_id(tmp_path: Path) -> None:
    (user,) = load(write(tmp_path, "p.csv", "userName\nana\n")).users
    assert (user.id, user.values["externalId"]) == ("ana", "ana")


@pytest.mark.parametrize(
    ("text", "active"),
    [("true", True), ("YES", True), ("1", True), ("False", False), ("0", False), (" no ", False)],
)
def test_active_is_a_word(tmp_path: Path, text: str, active: bool) -> None:
    (user,) = load(write(tmp_path, "p.csv", f"userName,active\nana,{text}\n")).users
    assert user.active is active


def test_json_has_users_and_groups(tmp_path: Path) -> None:
    groups = [
        {"id": "g", "displayName": "R&D", "members": ["bo@x.example", "BO@x.example"]},
        {"displayName": "Empty"},
    ]
    directory = load(write(tmp_path, "d.json", {"users": USERS, "groups": groups}))
    assert [user.id for user in directory.users] == ["1", "2"]
    assert (directory.users[1].active, directory.users[1].manager) == (False, "1")
    assert directory.groups == (Group("g", "R&D", ("2",)), Group("Empty", "Empty", ()))


def test_a_group_of_a_file_has_groups_as_members(tmp_path: Path) -> None:
    team = {"id": "g", "displayName": "R&D"}
    groups = [{"displayName": "All", "groups": ["R&D", "r&d"]}, team]
    directory = load(write(tmp_path, "d.json", {"users": USERS, "groups": groups}))
    assert directory.groups == (Group("All", "All", groups=("g",)), Group("g", "R&D"))
    groups = [{"displayName": "All", "groups": ["Sales"]}, team]
    wrong = write(tmp_path, "d.json", {"users": USERS, "groups": groups})
    assert problem(wrong) == "groups[0]: groups: no group of the file has the displayName 'Sales'"


def test_a_byte_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    assert problem(write(tmp_path, "p.csv", b"userName\n\xff\n")) == "not UTF-8 at byte 9"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "row 1: the column userName is missing"),
        ("id,name\n1,x\n", "row 1: unknown column 'name'; known are "),
        ("id\n1\n", "row 1: the column userName is missing"),
        ("userName\nana\n\n,\n", "row 4: more cells than the header has columns"),
        ("userName,title\nana,x\n ,y\n", "row 3: userName is missing"),
        ("userName\nana\nANA\n", "row 3: userName 'ana' is already used by row 2"),
        ("userName,id\nana,1\nbo,1\n", "row 3: id '1' is already used by row 2"),
        (
            "userName,manager\nana,zoe\n",
            "row 2: manager: no user of the file has the userName 'zoe'",
        ),
        (
            "userName,active\nana,perhaps\n",
            "row 2: active: expected true or false, found 'perhaps'",
        ),
        ('userName\n"ana\n', "row 2: unexpected end of data"),
        ("userName;name\nana;x\n", "row 1: unknown column 'name'; known are "),
        ("userName,title;email\nana,x;y\n", "row 1: unknown column 'title;email'; known are "),
        ("userName;title\nana;x;y\n", "row 2: more cells than the header has columns"),
        (
            "userName,email\nana,ana@x.example;a@x.example\n",
            "row 2: email: expected one address, found a semicolon",
        ),
        ('userName,groups\nana,"""R;D"\n', "row 2: groups: unexpected end of data"),
    ],
)
def test_what_is_wrong_in_a_csv_is_said_with_its_row(
    tmp_path: Path, content: str, line: str
) -> None:
    assert problem(write(tmp_path, "p.csv", content)).startswith(line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "Expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ([], 'expected an object with "users" and "groups"'),
        ({"people": []}, 'expected an object with "users" and "groups"'),
        ({"users": {}}, "users: expected a list"),
        ({"users": ["ana"]}, "users[0]: expected an object"),
        ({"users": [{"userName": 5}]}, "users[0]: userName: expected text, found 5"),
        ({"users": [{"userName": "a", "groups": "x"}]}, "users[0]: unknown column 'groups'"),
        ({"groups": [{"members": []}]}, "groups[0]: displayName is missing"),
        ({"groups": [{"displayName": "G", "members": "ana"}]}, "groups[0]: members: expected a li"),
        (
            {"groups": [{"displayName": "G", "members": ["ana"]}]},
            "groups[0]: members: no user of the file has the userName 'ana'",
        ),
        (
            {"groups": [{"id": "1", "displayName": "G"}, {"id": "2", "displayName": "g"}]},
            "groups[1]: displayName 'g' is already used by groups[0]",
        ),
        (
            {"groups": [{"id": "1", "displayName": "G"}, {"id": "1", "displayName": "H"}]},
            "groups[1]: id '1' is already used by groups[0]",
        ),
        ({"groups": [{"displayName": "G", "owner": "x"}]}, "groups[0]: unknown column 'owner'"),
    ],
)
def test_what_is_wrong_in_a_json_file_is_said_with_its_place(
    tmp_path: Path, content: Any, line: str
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    assert problem(write(tmp_path, "d.json", text)).startswith(line)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    assert problem(write(tmp_path, "d.xlsx", "")) == "expected a file that ends in .csv or .json"


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert problem(tmp_path / "none.csv") == "No such file or directory"
