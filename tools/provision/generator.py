"""A directory from a seed, and what becomes of it by the next cycle.

The same arguments give the same directory on every machine and every supported Python.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from tools.provision import names
from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import COLUMNS

_DOMAIN: Final = "nordwind.example"
_SPAN: Final = 8  # direct reports of one manager


def generate(
    users: int = 1000, groups: int = 50, seed: int = 1, *, nested: bool = False
) -> Directory:
    """Draw a directory: everybody active, managers in one tree, the first group with all users.

    Args:
        users: how many users, at least 0.
        groups: how many groups, at least 0: all users, then by department, by site, by project.
        seed: decides everything else.
        nested: add groups of these groups, and one of those: three levels.
    """
    draw = _random("generate", seed, users)
    people = _people(draw, users)
    flat = tuple(_groups(draw, people, groups))
    above = _groups_above(_random("nested", seed), flat) if nested else ()
    return Directory(people, (*flat, *above))


def evolve(directory: Directory, seed: int) -> Directory:
    """Draw the next state of a directory: about one object in twelve changes.

    Users: two in a hundred each are renamed, change their job, are disabled (and lose their
    manager) and move to another group; half of those disabled earlier are restored; one in a
    hundred is purged, as many are hired. Groups: one in twenty is renamed, one in fifty deleted,
    as many founded.
    """
    return _Evolution(directory, _random("evolve", seed, len(directory.users))).next()


def _random(*parts: object) -> Random:
    return Random(" ".join(map(str, parts)))  # noqa: S311 - test data, never a secret


def _identifier(draw: Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def _people(draw: Random, count: int) -> tuple[User, ...]:
    taken: set[str] = set()
    people: list[User] = []
    for number in range(count):
        manager = people[(number - 1) // _SPAN].id if number else None
        people.append(_person(draw, number, manager, taken))
    return tuple(people)


def _person(draw: Random, number: int, manager: str | None, taken: set[str]) -> User:
    given, family = draw.choice(names.GIVEN_NAMES), draw.choice(names.FAMILY_NAMES)
    department, cost_center = draw.choice(names.DEPARTMENTS)
    city, region, postal_code, country, prefix, locale, timezone, street = draw.choice(names.SITES)
    columns = {
        "id": _identifier(draw),
        **_naming(given[0], family[0], _mailbox(f"{given[1]}.{family[1]}", taken)),
        "title": draw.choice(names.TITLES),
        "userType": "Contractor" if draw.random() < 0.1 else "Employee",
        "preferredLanguage": locale,
        "locale": locale,
        "timezone": timezone,
        "workPhone": f"{prefix}{draw.randrange(10_000):04}",
        "street": f"{street} {draw.randrange(1, 200)}",
        "city": city,
        "region": region,
        "postalCode": postal_code,
        "country": country,
        "employeeNumber": f"{number + 1:06}",
        "department": department,
        "costCenter": cost_center,
        "organization": "Nordwind",
        "division": "Operations" if cost_center >= "4000" else "Business",
    }
    columns.update(_occasional(draw, given[0], prefix))
    return User(columns["id"], _by_path(columns), manager=manager)


def _mailbox(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}{number}"
    taken.add(name)
    return name


def _naming(given: str, family: str, mailbox: str) -> dict[str, str]:
    return {
        "userName": f"{mailbox}@{_DOMAIN}",
        "displayName": f"{given} {family}",
        "givenName": given,
        "familyName": family,
        "formattedName": f"{given} {family}",
        "email": f"{mailbox.title()}@{_DOMAIN}",
    }


def _occasional(draw: Random, given: str, prefix: str) -> dict[str, str]:
    """Draw what only some people have, so that PATCHes meet attributes that are not there."""
    optional = {
        "mobilePhone": f"{prefix}{draw.randrange(10_000):04}",
        "fax": f"{prefix}{draw.randrange(10_000):04}",
        "nickName": given[:3],
        "role": draw.choice(("Reader", "Editor", "Admin")),
    }
    return {column: value for column, value in optional.items() if draw.random() < 0.4}


def _by_path(columns: dict[str, str]) -> dict[str, str]:
    return {COLUMNS[column]: value for column, value in columns.items()}


def _groups(draw: Random, people: Sequence[User], count: int) -> Iterable[Group]:
    rosters: list[tuple[str, list[str]]] = [("All staff", [person.id for person in people])]
    rosters += _by_value("department", people)
    rosters += _by_value("city", people)
    size = min(len(people), max(1, len(people) // 14))
    while len(rosters) < count:
        number = len(rosters)
        project = names.PROJECTS[number % len(names.PROJECTS)]
        team = sorted(draw.sample(range(len(people)), size))
        rosters.append((f"Project {project} {number}", [people[at].id for at in team]))
    for name, members in rosters[:count]:
        yield Group(_identifier(draw), name, tuple(members))


def _groups_above(draw: Random, groups: Sequence[Group]) -> tuple[Group, ...]:
    """Draw a group for each kind of groups, and one that has those as members."""
    kinds = {"Departments": "Department: ", "Sites": "City: ", "Projects": "Project "}
    above = [
        Group(_identifier(draw), name, groups=tuple(group.id for group in below))
        for name, prefix in kinds.items()
        if (below := [group for group in groups if group.display_name.startswith(prefix)])
    ]
    return (*above, Group(_identifier(draw), "Nordwind", groups=tuple(each.id for each in above)))


def _by_value(column: str, people: Sequence[User]) -> list[tuple[str, list[str]]]:
    rosters: dict[str, list[str]] = {}
    for person in people:
        rosters.setdefault(f"{column.title()}: {person.values[COLUMNS[column]]}", []).append(
            person.id
        )
    return list(rosters.items())


class _Evolution:
    """The changes between two states, each drawing on users that no other change has taken."""

    def __init__(self, directory: Directory, draw: Random) -> None:
        self._draw = draw
        self._users = {user.id: user for user in directory.users}
        self._groups = {group.id: group for group in directory.groups}
        self._active = [user.id for user in directory.users if user.active]
        self._disabled = [user.id for user in directory.users if not user.active]
        self._everybody = directory.groups[0].id if directory.groups else None
        # The mailboxes of people who leave are not given again in the same step.
        self._mailboxes = {user.user_name.partition("@")[0] for user in directory.users}
        self._draw.shuffle(self._active)

    def next(self) -> Directory:
        """Apply every kind of change once and return the new state."""
        share = -(-len(self._active) // 50)  # two in a hundred, rounded up
        for user in self._take(share):
            self._rename(user)
        for user in self._take(share):
            self._change_job(user)
        for user in self._take(share):
            self._users[user.id] = replace(user, active=False, manager=None)
        for user in self._take(share):
            self._move(user)
        for identifier in self._disabled[: -(-len(self._disabled) // 2)]:
            self._users[identifier] = replace(self._users[identifier], active=True)
        for user in self._take(-(-share // 2)):
            self._purge(user)
        for _ in range(-(-share // 2)):
            self._hire()
        self._reorganise()
        return Directory(tuple(self._users.values()), tuple(self._groups.values()))

    def _take(self, count: int) -> list[User]:
        taken, self._active = self._active[:count], self._active[count:]
        return [self._users[identifier] for identifier in taken]

    def _rename(self, user: User) -> None:
        given = user.values[COLUMNS["givenName"]]
        local = user.user_name.partition(".")[0].partition("@")[0]
        family, latin = self._draw.choice(names.FAMILY_NAMES)
        naming = _naming(given, family, _mailbox(f"{local}.{latin}", self._mailboxes))
        self._users[user.id] = replace(user, values={**user.values, **_by_path(naming)})

    def _change_job(self, user: User) -> None:
        department, cost_center = self._draw.choice(names.DEPARTMENTS)
        job = {
            "title": f"Lead {self._draw.choice(names.TITLES)}",
            "department": department,
            "costCenter": cost_center,
            "mobilePhone": f"+32 470 {self._draw.randrange(100_000):05}",
            "role": "Admin",
        }
        manager = self._users.get(user.manager or "")
        promoted = manager.manager if manager and manager.manager else user.manager
        values = {**user.values, **_by_path(job)}
        self._users[user.id] = replace(user, values=values, manager=promoted)

    def _move(self, user: User) -> None:
        movable = [each for each in self._groups.values() if each.id != self._everybody]
        left = [group for group in movable if user.id in group.members]
        joined = [group for group in movable if user.id not in group.members]
        if left:
            self._leave(self._draw.choice(left), user.id)
        if joined:
            group = self._draw.choice(joined)
            self._groups[group.id] = replace(group, members=(*group.members, user.id))

    def _leave(self, group: Group, user_id: str) -> None:
        members = tuple(member for member in group.members if member != user_id)
        self._groups[group.id] = replace(group, members=members)

    def _purge(self, user: User) -> None:
        """Remove a user; direct reports go to the manager above, as in any organisation."""
        del self._users[user.id]
        for report in [each for each in self._users.values() if each.manager == user.id]:
            self._users[report.id] = replace(report, manager=user.manager)
        for group in [each for each in self._groups.values() if user.id in each.members]:
            self._leave(group, user.id)

    def _hire(self) -> None:
        manager = self._active[0] if self._active else None
        number = 900_000 + self._draw.randrange(100_000)
        person = _person(self._draw, number, manager, self._mailboxes)
        self._users[person.id] = person
        if self._everybody:
            group = self._groups[self._everybody]
            self._groups[group.id] = replace(group, members=(*group.members, person.id))

    def _reorganise(self) -> None:
        """Rename, delete and found groups; the one with all users stays."""
        movable = [each for each in self._groups if each != self._everybody]
        if not movable:
            return
        self._draw.shuffle(movable)
        some, few = -(-len(movable) // 20), -(-len(movable) // 50)
        for identifier in movable[few : few + some]:
            group = self._groups[identifier]
            name = f"{group.display_name} ({self._draw.choice(names.PROJECTS)})"
            self._groups[identifier] = replace(group, display_name=name)
        for identifier in movable[:few]:
            self._dissolve(identifier)
        for _ in range(few):
            group = Group(_identifier(self._draw), f"Task force {self._draw.randrange(10**6)}")
            team = tuple(self._users)[: 1 + len(self._users) // 20]
            self._groups[group.id] = replace(group, members=team)

    def _dissolve(self, identifier: str) -> None:
        """Delete a group, which leaves the groups that it is in."""
        del self._groups[identifier]
        for group in [each for each in self._groups.values() if identifier in each.groups]:
            left = tuple(each for each in group.groups if each != identifier)
            self._groups[group.id] = replace(group, groups=left)
