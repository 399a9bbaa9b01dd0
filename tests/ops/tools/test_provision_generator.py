"""The generated directory: the same for everybody, large, mixed, and consistent in itself."""

import hashlib
import json
from dataclasses import asdict

import pytest

from tools.provision.directory import Directory
from tools.provision.generator import evolve, generate
from tools.provision.mapping import COLUMNS, MANAGER

SIZES = [(0, 0), (1, 1), (2, 3), (7, 60), (200, 30)]


def digest(directory: Directory) -> str:
    made = asdict(directory)
    for group in made["groups"]:
        if not group["groups"]:  # which is so of all, unless `nested` was asked for
            del group["groups"]
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()


def ids(directory: Directory) -> set[str]:
    return {user.id for user in directory.users}


def test_the_same_seed_gives_the_same_directory_on_every_python() -> None:
    directory = generate(users=40, groups=12, seed=3)
    assert digest(directory)[:16] == "7cfe66fd551a01ba"
    assert digest(evolve(evolve(directory, 1), 2))[:16] == "88d02f8f23985c41"


def test_another_seed_gives_another_directory() -> None:
    assert digest(generate(20, 5, 1)) != digest(generate(20, 5, 2))
    assert digest(evolve(generate(20, 5, 1), 1)) != digest(evolve(generate(20, 5, 1), 2))


def test_by_default_there_are_1000_users_and_50_groups_one_of_them_with_everybody() -> None:
    directory = generate()
    assert (len(directory.users), len(directory.groups)) == (1000, 50)
    assert set(directory.groups[0].members) == ids(directory)
    assert 4500 <= directory.memberships() <= 5500
    assert all(user.active for user in directory.users)


def test_names_come_from_many_scripts_and_some_groups_need_escaping() -> None:
    directory = generate()
    names = "".join(user.values["displayName"] for user in directory.users)
    for letter in "éøÑŁΕДさ王김ل":
        assert letter in names
    assert any("&" in group.display_name for group in directory.groups)
    assert any(not group.display_name.isascii() for group in directory.groups)


def test_every_mapped_attribute_occurs() -> None:
    seen = {path for user in generate().users for path in user.values}
    assert seen == set(COLUMNS.values())
    assert MANAGER not in seen


def test_managers_form_one_tree() -> None:
    directory = generate(users=100, groups=1)
    manager = {user.id: user.manager for user in directory.users}
    assert sum(above is None for above in manager.values()) == 1
    depths = [depth(user.id, manager) for user in directory.users]
    assert max(depths) == 3


def depth(user: str, manager: dict[str, str | None]) -> int:
    above = manager[user]
    return 0 if above is None else 1 + depth(above, manager)


@pytest.mark.parametrize(("users", "groups"), SIZES)
def test_every_state_is_consistent(users: int, groups: int) -> None:
    directory = generate(users, groups, seed=5)
    for seed in range(4):
        user_names = [user.user_name for user in directory.users]
        group_names = [group.display_name for group in directory.groups]
        assert len(set(user_names)) == len(user_names)
        assert len(set(group_names)) == len(group_names)
        assert all(user.manager in ids(directory) | {None} for user in directory.users)
        assert all(user.manager != user.id for user in directory.users)
        for group in directory.groups:
            assert len(set(group.members)) == len(group.members)
            assert set(group.members) <= ids(directory)
        directory = evolve(directory, seed)


def test_an_evolution_holds_every_kind_of_change() -> None:
    before = generate(users=200, groups=30)
    middle = evolve(before, 1)
    after = evolve(middle, 2)
    old = {user.id: user for user in middle.users}
    new = {user.id: user for user in after.users}
    both = old.keys() & new.keys()
    assert old.keys() - new.keys()
    assert new.keys() - old.keys()
    assert any(old[each].user_name != new[each].user_name for each in both)
    assert any(old[each].values.keys() < new[each].values.keys() for each in both)
    assert any(old[each].active and not new[each].active for each in both)
    assert any(new[each].active and not old[each].active for each in both)
    assert any(old[each].manager and not new[each].manager for each in both)
    groups = {group.id: group for group in middle.groups}
    later = {group.id: group for group in after.groups}
    kept = groups.keys() & later.keys()
    assert groups.keys() - later.keys()
    assert later.keys() - groups.keys()
    assert any(groups[each].display_name != later[each].display_name for each in kept)
    moved = {
        each for each in kept if set(groups[each].members) & both != set(later[each].members) & both
    }
    assert len(moved) >= 2
