"""One synchronisation cycle, in the order in which Entra works.

A cycle compares the directory with what was last sent, so that the first one (nothing was sent)
is the initial cycle and every other is incremental. What the directory lost is deleted first,
because a name may have been given again since. Then users, their managers (both ends must
exist), groups without members, and memberships.
"""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import quote

from tools.provision import wire
from tools.provision.answers import find, identifier_of
from tools.provision.client import ScimClient
from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import COLUMNS, read_values
from tools.provision.results import Operation, ServiceError
from tools.provision.state import State, SyncedGroup, SyncedUser
from tools.provision.watch import Watch, for_each


class Match(StrEnum):
    """An attribute that users of the service can be found by."""

    USER_NAME = "userName"
    EXTERNAL_ID = "externalId"
    EMAIL = "email"

    @property
    def path(self) -> str:
        """The path that a filter names."""
        return COLUMNS["id" if self is Match.EXTERNAL_ID else self.value]


_GONE: Final = frozenset({404})

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to synchronise.

    Attributes:
        dialect: how PATCH operations are written.
        manager: how a manager is written.
        match: tried one after the other, never combined; the first one is also probed.
        batch: how many members one PATCH adds or removes at most; Entra's own number is not
            documented.
        check_references: ask before a manager or a member is set whether it is already there.
    """

    dialect: wire.Dialect = wire.Dialect.LEGACY
    manager: wire.ManagerShape = wire.ManagerShape.STRING
    match: tuple[Match, ...] = (Match.USER_NAME,)
    batch: int = 50
    check_references: bool = False


async def check_connection(client: ScimClient, settings: Settings) -> None:
    """Do what Test Connection does, and every cycle again before it begins.

    A random user and a random group are asked for; the answer must be an empty ListResponse.

    Raises:
        ServiceError: when it is anything else.
    """
    nobody = str(uuid.uuid4())
    users = wire.query(filter=wire.equals(settings.match[0].path, nobody))
    groups = wire.query(excludedAttributes="members", filter=wire.equals("displayName", nobody))
    for path in (f"/Users?{users}", f"/Groups?{groups}"):
        found = await find(client, Operation.TEST_CONNECTION, path)
        if found:
            raise ServiceError(
                Operation.TEST_CONNECTION, f"a random name finds {len(found)} resources: {path}"
            )


class Cycle:
    """Brings a service from its last known state to a state of the directory."""

    def __init__(self, client: ScimClient, state: State, settings: Settings, watch: Watch) -> None:
        self._client = client
        self._state = state
        self._settings = settings
        self._watch = watch
        self._owners = {user.target_id: source_id for source_id, user in state.users.items()}
        self._group_owners = {group.target_id: name for name, group in state.groups.items()}

    async def run(self, directory: Directory) -> None:
        """Synchronise; an object that fails is recorded in the ledger and stops no other.

        Raises:
            ServiceError: when the connection check fails, before anything is changed.
        """
        await check_connection(self._client, self._settings)
        kept_groups = {group.id for group in directory.groups}
        kept_users = {user.id for user in directory.users}
        lost_groups = sorted(self._state.groups.keys() - kept_groups)
        lost_users = sorted(self._state.users.keys() - kept_users)
        await self._each("deleted groups", lost_groups, self._delete_group, str)
        await self._each("deleted users", lost_users, self._delete_user, str)
        await self._each("users", directory.users, self._sync_user, _name_of_user)
        await self._each("managers", directory.users, self._sync_manager, _name_of_user)
        await self._each("groups", directory.groups, self._sync_group, _name_of_group)
        await self._each("memberships", directory.groups, self._sync_members, _name_of_group)

    async def _each(
        self,
        stage: str,
        items: Sequence[_Item],
        work: Callable[[_Item], Awaitable[None]],
        name: Callable[[_Item], str],
    ) -> None:
        def refused(item: _Item, error: ServiceError) -> None:
            self._client.ledger.fail(name(item), error)

        with self._watch.stage(stage, len(items)) as advance:
            await for_each(items, work, refused, advance, self._client.limits.connections)

    # --- users

    async def _sync_user(self, user: User) -> None:
        known = self._state.users.get(user.id)
        if known is None:
            known = await self._match_user(user)
        if known is not None:
            await self._update_user(user, known)
        elif user.active:
            await self._create_user(user)
        # A user that was disabled before it was ever sent is not created.

    async def _match_user(self, user: User) -> SyncedUser | None:
        for attribute in self._settings.match:
            value = user.values.get(attribute.path)
            if value is None:
                continue
            query = wire.query(filter=wire.equals(attribute.path, value))
            found = await find(self._client, Operation.MATCH_USER, f"/Users?{query}")
            if found:
                resource = _only(Operation.MATCH_USER, attribute, found)
                return self._adopt_user(user, resource)
        return None

    def _adopt_user(self, user: User, resource: dict[str, Any]) -> SyncedUser:
        target_id = identifier_of(Operation.MATCH_USER, resource)
        _claim(Operation.MATCH_USER, self._owners, target_id, user.id)
        active = resource.get("active") is not False
        known = SyncedUser(target_id, read_values(resource), active)
        self._state.users[user.id] = known
        return known

    async def _create_user(self, user: User) -> None:
        body = wire.new_user(user.values)
        answer = await self._client.call(Operation.CREATE_USER, "POST", "/Users", body)
        target_id = identifier_of(Operation.CREATE_USER, answer)
        _claim(Operation.CREATE_USER, self._owners, target_id, user.id)
        self._state.users[user.id] = SyncedUser(target_id, dict(user.values))

    async def _update_user(self, user: User, known: SyncedUser) -> None:
        changes = wire.changes(known.values, user.values)
        operation = Operation.UPDATE_USER
        if known.active != user.active:
            operation = Operation.RESTORE_USER if user.active else Operation.DISABLE_USER
            changes.append(wire.Change("active", user.active))
        if changes:
            await self._patch_user(operation, user, wire.update(self._settings.dialect, changes))
            known.values |= user.values
            known.active = user.active

    async def _patch_user(
        self, operation: Operation, user: User, operations: list[wire.Json]
    ) -> None:
        target_id = self._state.users[user.id].target_id
        path = f"/Users/{quote(target_id, safe='')}"
        try:
            await self._client.call(operation, "PATCH", path, wire.patch(operations))
        except ServiceError as error:
            if error.status == 404:
                # Deleted behind our back: the next cycle matches by name and creates again.
                self._owners.pop(target_id, None)
                self._state.forget_user(user.id)
            raise

    async def _delete_user(self, source_id: str) -> None:
        target_id = self._state.users[source_id].target_id
        path = f"/Users/{quote(target_id, safe='')}"
        await self._client.call(Operation.DELETE_USER, "DELETE", path, accept=_GONE)
        self._owners.pop(target_id, None)
        self._state.forget_user(source_id)

    async def _sync_manager(self, user: User) -> None:
        known = self._state.users.get(user.id)
        manager = self._state.users.get(user.manager or "")
        if known is None or (user.manager is not None and manager is None):
            return  # one of the two is not in the service; the reference follows when both are
        wanted = manager.target_id if manager else None
        if wanted != known.manager:
            await self._refer_to_manager(user, known, wanted)
            known.manager = wanted

    async def _refer_to_manager(self, user: User, known: SyncedUser, wanted: str | None) -> None:
        dialect, shape = self._settings.dialect, self._settings.manager
        if wanted is None:
            operations = [wire.clear_manager(dialect, shape)]
            await self._patch_user(Operation.CLEAR_MANAGER, user, operations)
        elif not await self._refers("/Users", known.target_id, "manager", wanted):
            first = known.manager is None
            operations = [wire.set_manager(dialect, shape, wanted, first=first)]
            await self._patch_user(Operation.SET_MANAGER, user, operations)

    async def _refers(self, endpoint: str, target_id: str, attribute: str, value: str) -> bool:
        """Ask whether a reference is already there, if the settings want that asked."""
        if not self._settings.check_references:
            return False
        terms = f"{wire.equals('id', target_id)} and {wire.equals(attribute, value)}"
        path = f"{endpoint}?{wire.query(filter=terms, attributes='id')}"
        return bool(await find(self._client, Operation.CHECK_REFERENCE, path))

    # --- groups

    async def _sync_group(self, group: Group) -> None:
        known = self._state.groups.get(group.id)
        if known is None:
            known = await self._match_group(group)
        if known is None:
            await self._create_group(group)
        elif known.display_name != group.display_name:
            rename = [wire.Change("displayName", group.display_name)]
            operations = wire.update(self._settings.dialect, rename)
            await self._patch_group(Operation.RENAME_GROUP, group.id, operations)
            known.display_name = group.display_name

    async def _match_group(self, group: Group) -> SyncedGroup | None:
        query = wire.query(
            excludedAttributes="members", filter=wire.equals("displayName", group.display_name)
        )
        found = await find(self._client, Operation.MATCH_GROUP, f"/Groups?{query}")
        if not found:
            return None
        resource = _only(Operation.MATCH_GROUP, "displayName", found)
        target_id = identifier_of(Operation.MATCH_GROUP, resource)
        _claim(Operation.MATCH_GROUP, self._group_owners, target_id, group.id)
        known = SyncedGroup(target_id, str(resource.get("displayName", "")))
        self._state.groups[group.id] = known
        return known

    async def _create_group(self, group: Group) -> None:
        body = wire.new_group(group)
        answer = await self._client.call(Operation.CREATE_GROUP, "POST", "/Groups", body)
        target_id = identifier_of(Operation.CREATE_GROUP, answer)
        _claim(Operation.CREATE_GROUP, self._group_owners, target_id, group.id)
        self._state.groups[group.id] = SyncedGroup(target_id, group.display_name)

    async def _patch_group(
        self, operation: Operation, source_id: str, operations: list[wire.Json]
    ) -> None:
        target_id = self._state.groups[source_id].target_id
        path = f"/Groups/{quote(target_id, safe='')}"
        try:
            await self._client.call(operation, "PATCH", path, wire.patch(operations))
        except ServiceError as error:
            if error.status == 404:
                self._forget_group(source_id)
            raise

    async def _delete_group(self, source_id: str) -> None:
        path = f"/Groups/{quote(self._state.groups[source_id].target_id, safe='')}"
        await self._client.call(Operation.DELETE_GROUP, "DELETE", path, accept=_GONE)
        self._forget_group(source_id)

    def _forget_group(self, source_id: str) -> None:
        self._group_owners.pop(self._state.forget_group(source_id).target_id, None)

    async def _sync_members(self, group: Group) -> None:
        """Remove who left, add who joined, in PATCHes one after the other.

        What was deleted left its groups with its DELETE; nothing is sent for it.
        """
        known = self._state.groups.get(group.id)
        if known is None:
            return
        users = {each: self._state.users.get(each) for each in (*group.members, *known.members)}
        await self._sync_list(group.id, known.members, group.members, _targets(users))
        groups = {each: self._state.groups.get(each) for each in (*group.groups, *known.groups)}
        await self._sync_list(group.id, known.groups, group.groups, _targets(groups))

    async def _sync_list(
        self, group_id: str, sent: set[str], members: Sequence[str], targets: Mapping[str, str]
    ) -> None:
        """Bring the members of one kind to those of the source.

        Args:
            group_id: the source's id of the group.
            sent: source ids of the members as last sent; kept up to date.
            members: source ids of those of the source.
            targets: target ids of those that the service has.
        """
        wanted = [member for member in members if member in targets]
        left = sorted(sent.difference(wanted))
        for batch in _batches(left, self._settings.batch):
            ids = [targets[each] for each in batch]
            operations = wire.remove_members(self._settings.dialect, ids)
            await self._patch_group(Operation.REMOVE_MEMBERS, group_id, operations)
            sent.difference_update(batch)
        joined = [member for member in wanted if member not in sent]
        for batch in _batches(joined, self._settings.batch):
            await self._add_members(group_id, [targets[each] for each in batch])
            sent.update(batch)

    async def _add_members(self, group_id: str, target_ids: Sequence[str]) -> None:
        group = self._state.groups[group_id].target_id
        missing = [
            target_id
            for target_id in target_ids
            if not await self._refers("/Groups", group, "members", target_id)
        ]
        if missing:
            operations = wire.add_members(self._settings.dialect, missing)
            await self._patch_group(Operation.ADD_MEMBERS, group_id, operations)


def _targets(known: Mapping[str, SyncedUser | SyncedGroup | None]) -> dict[str, str]:
    """Return the target ids of what the service has."""
    return {source_id: each.target_id for source_id, each in known.items() if each is not None}


def _only(operation: Operation, attribute: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    if len(found) > 1:
        raise ServiceError(operation, f"{attribute} matches {len(found)} resources", 200)
    return found[0]


def _claim(operation: Operation, owners: dict[str, str], target_id: str, source_id: str) -> None:
    """Let a resource of the service belong to one object of the source only."""
    owner = owners.setdefault(target_id, source_id)
    if owner != source_id:
        raise ServiceError(operation, f"{target_id} is already linked to {owner}", 200)


def _batches(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _name_of_user(user: User) -> str:
    return user.user_name


def _name_of_group(group: Group) -> str:
    return group.display_name
