"""The product's own database: the copy of the directory, the sessions, and the checkpoint."""

import hashlib
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from scim_on_functions import (
    Access,
    Event,
    GroupRecord,
    Ids,
    MembershipRecord,
    Records,
    UserRecord,
    roles_of,
)

SESSION_SECONDS = 8 * 3_600
"""After that somebody signs in again, and `access` is asked again."""

ENDING = {"user.deactivated", "user.deleted"}

_TOGETHER = 500
_CHECKPOINT = "feed"

_METADATA = sa.MetaData()
_users = sa.Table(
    "users",
    _METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.JSON(none_as_null=True)),
    sa.Column("listed", sa.Integer, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
)
_groups = sa.Table(
    "groups",
    _METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("document", sa.JSON(none_as_null=True)),
    sa.Column("listed", sa.Boolean, nullable=False),
)
_memberships = sa.Table(
    "memberships",
    _METADATA,
    sa.Column("group_id", sa.String, primary_key=True),
    sa.Column("member_id", sa.String, primary_key=True, index=True),
    sa.Column("member_type", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("present", sa.Boolean, nullable=False),
)
_sessions = sa.Table(
    "sessions",
    _METADATA,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("user_id", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("ends", sa.Float, nullable=False),
)
_checkpoints = sa.Table(
    "checkpoints",
    _METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("cursor", sa.String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in: who, and with which roles."""

    user_id: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is provisioned, as the page shows them."""

    name: str
    is_active: bool
    groups: tuple[str, ...]
    roles: tuple[str, ...]


class Database:
    """All that the product keeps. It is a `Replica` and a `Checkpoint` of the client library."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        _METADATA.create_all(self._engine)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    # The checkpoint.

    def load_cursor(self) -> str | None:
        """Read how far the feed was followed."""
        with self._engine.connect() as connection:
            cursor: str | None = connection.scalar(sa.select(_checkpoints.c.cursor))
            return cursor

    def save_cursor(self, cursor: str) -> None:
        """Keep how far the feed was followed."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_checkpoints))
            connection.execute(sa.insert(_checkpoints), {"name": _CHECKPOINT, "cursor": cursor})

    # The copy of the directory.

    def load(self, users: Collection[str], groups: Collection[str]) -> Records:
        """Read records (`Replica.load`)."""
        with self._engine.connect() as connection:
            user_rows = _rows(connection, _users, _users.c.id, users)
            group_rows = _rows(connection, _groups, _groups.c.id, groups)
            members = {*users, *groups}
            of_members = _rows(connection, _memberships, _memberships.c.member_id, members)
            in_groups = _rows(
                connection,
                _memberships,
                _memberships.c.group_id,
                groups,
                _memberships.c.member_type == "Group",
            )
            return Records(
                [UserRecord(row.id, row.version, row.document, row.listed) for row in user_rows],
                [GroupRecord(row.id, row.document, row.listed) for row in group_rows],
                [*{MembershipRecord(*each) for each in (*of_members, *in_groups)}],
            )

    def ids(self) -> Ids:
        """Read who is there (`Replica.ids`)."""
        with self._engine.connect() as connection:
            users = connection.scalars(sa.select(_users.c.id).where(_users.c.document.is_not(None)))
            found = frozenset(users)
            groups = connection.scalars(
                sa.select(_groups.c.id).where(_groups.c.document.is_not(None))
            )
            return Ids(found, frozenset(groups))

    def save(self, records: Records) -> None:
        """Write records (`Replica.save`), and have sessions follow.

        Those who may not be here have none any more, and the others have the roles of now. A record
        that is older than a session says nothing of it.
        """
        outside = [each.id for each in records.users if not each.is_active]
        with self._engine.begin() as connection:
            _replace(connection, _users, [_user_values(each) for each in records.users])
            _replace(connection, _groups, [_group_values(each) for each in records.groups])
            _replace(
                connection, _memberships, [_membership_values(each) for each in records.memberships]
            )
            for part in _parts(outside):
                connection.execute(sa.delete(_sessions).where(_sessions.c.user_id.in_(part)))
            _give_roles(connection, records.users)

    # Sessions.

    def end_sessions(self, events: Iterable[Event]) -> None:
        """End the sessions that are older than a user's deactivation or deletion.

        Also of somebody who is active again by now. A session that was begun after that has a
        version that is not lower, so an event that comes late does not end it.
        """
        with self._engine.begin() as connection:
            for event in events:
                if event.type in ENDING:
                    connection.execute(
                        sa.delete(_sessions).where(
                            _sessions.c.user_id == event.resource_id,
                            _sessions.c.version < (event.version or 0),
                        )
                    )

    def begin_session(self, access: Access, name: str) -> str:
        """Begin a session for somebody whom `access` lets in, and return its token.

        Of the token a digest is kept, so that who reads the database cannot use it.
        """
        token = secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.ends < time.time()))
            connection.execute(
                sa.insert(_sessions),
                {
                    "digest": _digest(token),
                    "user_id": access.id,
                    "version": access.version,
                    "name": name,
                    "roles": list(access.roles),
                    "ends": time.time() + SESSION_SECONDS,
                },
            )
        return token

    def session(self, token: str) -> Session | None:
        """Find the session of a token, unless the copy says that its user may not be here."""
        with self._engine.connect() as connection:
            row = connection.execute(_VALID.where(_sessions.c.digest == _digest(token))).first()
            return None if row is None else _session(row)

    def end_session(self, token: str) -> None:
        """End one session."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.digest == _digest(token)))

    def signed_in(self) -> list[Session]:
        """List who is signed in."""
        with self._engine.connect() as connection:
            return [_session(row) for row in connection.execute(_VALID.order_by(_sessions.c.name))]

    def people(self, most: int = 200) -> list[Person]:
        """List who is provisioned, with the names of their groups; the first of them."""
        with self._engine.connect() as connection:
            users = connection.execute(
                sa.select(_users).where(_users.c.document.is_not(None)).limit(most)
            ).all()
            groups = _group_names(connection, [user.id for user in users])
        people = (
            Person(
                user.document["userName"],
                user.is_active,
                tuple(sorted(groups.get(user.id, ()))),
                roles_of(user.document),
            )
            for user in users
        )
        return sorted(people, key=lambda each: each.name)


# `access` has let in whom the copy does not know yet, or not in the version that it has seen.
_VALID = (
    sa.select(_sessions)
    .outerjoin(_users, _users.c.id == _sessions.c.user_id)
    .where(
        _sessions.c.ends > sa.bindparam("now", callable_=time.time),
        sa.or_(_users.c.id.is_(None), _users.c.is_active, _users.c.version < _sessions.c.version),
    )
)


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Let readers read while somebody writes."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _session(row: Any) -> Session:
    return Session(row.user_id, row.name, tuple(row.roles))


def _parts(values: Collection[str]) -> Iterator[list[str]]:
    """Cut values into parts that fit into a query."""
    every = list(values)
    for start in range(0, len(every), _TOGETHER):
        yield every[start : start + _TOGETHER]


def _rows(
    connection: sa.Connection,
    table: sa.Table,
    column: sa.Column[Any],
    values: Collection[str],
    *conditions: sa.ColumnElement[bool],
) -> Iterator[Any]:
    """Read the rows that have one of many values."""
    for part in _parts(values):
        yield from connection.execute(sa.select(table).where(column.in_(part), *conditions))


def _replace(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows over those with the same keys, in any database."""
    if rows:
        key = [column == sa.bindparam(f"key_{column.name}") for column in table.primary_key]
        keys = [{f"key_{each.name}": row[each.name] for each in table.primary_key} for row in rows]
        connection.execute(sa.delete(table).where(*key), keys)
        connection.execute(sa.insert(table), rows)


def _give_roles(connection: sa.Connection, users: Collection[UserRecord]) -> None:
    """Give the sessions of users the roles that these have now."""
    given = [
        {"of": each.id, "seen": each.version, "now": list(each.roles)}
        for each in users
        if each.is_active
    ]
    if given:
        connection.execute(
            sa.update(_sessions)
            .where(
                _sessions.c.user_id == sa.bindparam("of"),
                _sessions.c.version <= sa.bindparam("seen"),
            )
            .values(roles=sa.bindparam("now", type_=sa.JSON)),
            given,
        )


def _user_values(record: UserRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "version": record.version,
        "document": record.document,
        "listed": record.listed,
        "is_active": record.is_active,
    }


def _group_values(record: GroupRecord) -> dict[str, Any]:
    return {"id": record.id, "document": record.document, "listed": record.listed}


def _membership_values(record: MembershipRecord) -> dict[str, Any]:
    return {
        "group_id": record.group_id,
        "member_id": record.member_id,
        "member_type": record.member_type,
        "version": record.version,
        "present": record.present,
    }


def _group_names(connection: sa.Connection, users: Collection[str]) -> dict[str, list[str]]:
    """Read the names of the groups of users, by the ids of the users."""
    names: dict[str, list[str]] = {}
    query = sa.select(_memberships.c.member_id, _groups.c.document).join(
        _groups, _groups.c.id == _memberships.c.group_id
    )
    for part in _parts(users):
        rows = connection.execute(
            query.where(
                _memberships.c.member_id.in_(part),
                _memberships.c.present,
                _groups.c.document.is_not(None),
            )
        )
        for user_id, group in rows:
            names.setdefault(user_id, []).append(group["displayName"])
    return names
