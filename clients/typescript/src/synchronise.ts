/**
 * How a copy is made, and how events are applied to it. What is decided is in `replica`.
 *
 * @module
 */

import type { CallOptions, Tenant } from "./client.js";
import { NotFoundError } from "./errors.js";
import { Draft, type GroupRecord, type Ids, type Records, type Replica } from "./replica.js";
import type { Event, Member, User } from "./types.js";

const BATCH = 200;

/** Stands among the attributes of an event when the role map gives the user other roles. */
const ROLES = "roles";

/** Users to be read from which on all are walked: so many come with each request then. */
const WALK_FROM = 200;

/**
 * Applies events to a copy, in whatever order they come and however often: of a webhook, or of a
 * feed that you walk yourself.
 *
 * What has changed is read: each user of which the events have a newer version, unless they bring
 * it; each user whose roles are others; each group that was created or changed; the groups above
 * each group that joined or left one.
 *
 * @throws ServiceError if it could not be read; nothing was written.
 */
export async function apply(
  tenant: Tenant,
  replica: Replica,
  events: readonly Event[],
  options: CallOptions = {},
): Promise<void> {
  const about = concernedBy(events);
  const draft = new Draft(await replica.load(...idsOf(about)));
  for (const [userId, ofUser] of about.users) {
    await applyToUser(tenant, draft, userId, ofUser, options);
  }
  await readMembers(tenant, draft, about, options);
  const created = new Set<string>();
  for (const [groupId, ofGroup] of about.groups) {
    if (!draft.groups.has(groupId)) created.add(groupId);
    await applyToGroup(tenant, draft, groupId, ofGroup, options);
  }
  for (const { groupId, member, present } of about.members) {
    if (member.type === "Group") draft.expectNested(groupId, member.id);
    else if (!draft.isGroupGone(groupId)) draft.putMembership(groupId, member, present);
  }
  for (const groupId of nestedAnew(draft, about, created)) {
    draft.putParents(groupId, await tenant.groupsWith(groupId, options));
  }
  await save(replica, draft);
}

/**
 * Copies the directory over what a copy holds.
 *
 * The cursor is taken first, so that what changes meanwhile is told by the feed. Groups come before
 * users, so that it is known which groups a user's memberships were read for.
 *
 * @returns the cursor to go on from.
 * @throws ServiceError if it could not be read to the end. The copy holds some of it; copy again.
 */
export async function resynchronise(
  tenant: Tenant,
  replica: Replica,
  options: CallOptions = {},
): Promise<string> {
  const { cursor } = await tenant.events({ ...options, after: "now" });
  const before = await replica.ids();
  const groups = await copyGroups(tenant, replica, options);
  await bury(replica, { users: new Set(), groups: without(before.groups, groups) });
  const users = await copyUsers(tenant, replica, options);
  await bury(replica, { users: without(before.users, users), groups: new Set() });
  await copyNested(tenant, replica, groups, options);
  return cursor;
}

/** Whom some events are about. */
interface Concerned {
  /** Events about users, by id. */
  readonly users: ReadonlyMap<string, readonly Event[]>;
  /** Events about groups themselves, by id. */
  readonly groups: ReadonlyMap<string, readonly Event[]>;
  /** Of all events about members: the group, the member, and whether it has joined. */
  readonly members: ReadonlyArray<{
    readonly groupId: string;
    readonly member: Member;
    readonly present: boolean;
  }>;
}

/** Tells whom events are about; a deployment's own resource types are not copied. */
function concernedBy(events: readonly Event[]): Concerned {
  const users = new Map<string, Event[]>();
  const groups = new Map<string, Event[]>();
  const members: { groupId: string; member: Member; present: boolean }[] = [];
  for (const event of events) {
    if (event.resource === undefined) continue;
    const { type, id: groupId } = event.resource;
    const { added, removed } = event.members;
    if (type === "User") pushTo(users, groupId, event);
    if (type !== "Group") continue;
    if (added.length + removed.length === 0) pushTo(groups, groupId, event);
    for (const member of removed) members.push({ groupId, member, present: false });
    for (const member of added) members.push({ groupId, member, present: true });
  }
  return { users, groups, members };
}

/** Lists the users and the groups of which the records are needed. */
function idsOf(about: Concerned): [users: string[], groups: string[]] {
  const ofType = (type: Member["type"]) =>
    about.members.filter(({ member }) => member.type === type).map(({ member }) => member.id);
  const users = new Set([...about.users.keys(), ...ofType("User")]);
  const parents = about.members.map(({ groupId }) => groupId);
  const groups = new Set([...about.groups.keys(), ...parents, ...ofType("Group")]);
  return [[...users], [...groups]];
}

/**
 * Applies all events about a user: the one with the highest version decides.
 *
 * Roles change without a version. So an event that tells of them is not out of date by the version
 * that is known, nor does it tell which roles: a document that it brings may be older than the one
 * that is known.
 */
async function applyToUser(
  tenant: Tenant,
  draft: Draft,
  id: string,
  events: readonly Event[],
  options: CallOptions,
): Promise<void> {
  const last = events.reduce((one, other) => (versionIn(other) > versionIn(one) ? other : one));
  const version = versionIn(last);
  const ofVersion = events.filter((event) => versionIn(event) === version);
  const hasRoles = ofVersion.some((event) => event.attributes.includes(ROLES));
  const isToldAgain = hasRoles && draft.isUserAt(id, version);
  if (!draft.isUserNewer(id, version) && !isToldAgain) return;
  if (last.type === "user.deleted") {
    draft.putUser(id, version, null);
    return;
  }
  const isBack = draft.isUserGone(id);
  const brought = isBack || hasRoles ? undefined : (last.resource?.document as User | undefined);
  const document = brought ?? (await tenant.user(id, options));
  if (document === undefined) {
    draft.putUser(id, version, null);
    return;
  }
  draft.putUser(id, versionOf(document), document);
  if (isBack) draft.listMemberships(id, versionOf(document), directGroups(document));
}

/**
 * Reads users who joined or left a group, since that changes their roles and their version.
 *
 * Of who is not found any more `user.deleted` tells.
 */
async function readMembers(
  tenant: Tenant,
  draft: Draft,
  about: Concerned,
  options: CallOptions,
): Promise<void> {
  const wanted = new Set<string>();
  for (const { member } of about.members) {
    const isNewer = draft.isUserNewer(member.id, member.version ?? 0);
    if (member.type === "User" && isNewer && !draft.isUserGone(member.id)) wanted.add(member.id);
  }
  for await (const document of usersById(tenant, wanted, options)) {
    draft.putUser(document.id, versionOf(document), document);
  }
}

/** Reads users one by one, or many by walking all. */
async function* usersById(
  tenant: Tenant,
  ids: ReadonlySet<string>,
  options: CallOptions,
): AsyncGenerator<User, void, undefined> {
  if (ids.size > WALK_FROM) {
    for await (const user of tenant.users(options)) if (ids.has(user.id)) yield user;
    return;
  }
  for (const id of ids) {
    const user = await tenant.user(id, options);
    if (user) yield user;
  }
}

/** Applies all events about a group itself: what is read now is what counts. */
async function applyToGroup(
  tenant: Tenant,
  draft: Draft,
  id: string,
  events: readonly Event[],
  options: CallOptions,
): Promise<void> {
  if (draft.isGroupGone(id)) return;
  const isDeleted = events.some((event) => event.type === "group.deleted");
  draft.putGroup(id, isDeleted ? null : ((await tenant.group(id, options)) ?? null));
}

/** Lists the groups of which it has to be read in which others they are. */
function nestedAnew(draft: Draft, about: Concerned, created: ReadonlySet<string>): Set<string> {
  const named = about.members.filter(({ member }) => member.type === "Group");
  const waiting = draft
    .memberships()
    .filter((each) => each.memberType === "Group" && created.has(each.groupId));
  const ids = [...named.map(({ member }) => member.id), ...waiting.map((each) => each.memberId)];
  return new Set(ids.filter((id) => !draft.isGroupGone(id)));
}

async function copyGroups(
  tenant: Tenant,
  replica: Replica,
  options: CallOptions,
): Promise<Set<string>> {
  const seen = new Set<string>();
  for await (const page of batches(tenant.groups(options))) {
    const groups = page.map((document) => ({ id: document.id, document, listed: true }));
    for (const each of groups) seen.add(each.id);
    await replica.save({ users: [], groups, memberships: [] });
  }
  return seen;
}

async function copyUsers(
  tenant: Tenant,
  replica: Replica,
  options: CallOptions,
): Promise<Set<string>> {
  const seen = new Set<string>();
  for await (const page of batches(tenant.users(options))) {
    const draft = await draftOfUsers(replica, page);
    for (const document of page) {
      const { id } = document;
      seen.add(id);
      draft.putUser(id, versionOf(document), document);
      if (!draft.isUserGone(id)) {
        draft.listMemberships(id, versionOf(document), directGroups(document));
      }
    }
    await save(replica, draft);
  }
  return seen;
}

/** Loads users with their memberships, and the groups of these. */
async function draftOfUsers(replica: Replica, documents: readonly User[]): Promise<Draft> {
  const ids = documents.map((each) => each.id);
  const ofUsers = await replica.load(ids, []);
  const groups = new Set([
    ...ofUsers.memberships.map((each) => each.groupId),
    ...documents.flatMap((each) => [...directGroups(each)]),
  ]);
  return new Draft({ ...ofUsers, groups: (await replica.load([], [...groups])).groups });
}

/** Copies which groups are in others: the service finds those that have any. */
async function copyNested(
  tenant: Tenant,
  replica: Replica,
  groups: ReadonlySet<string>,
  options: CallOptions,
): Promise<void> {
  const parents = new Map<string, Set<string>>([...groups].map((id) => [id, new Set()]));
  const withGroups = { ...options, filter: 'members.type eq "Group"', attributes: ["id"] };
  for await (const { id } of tenant.groups(withGroups)) {
    for (const member of await groupsIn(tenant, id, options)) {
      parents.set(member, (parents.get(member) ?? new Set()).add(id));
    }
  }
  for await (const part of batches(parents)) {
    const draft = await draftOfGroups(
      replica,
      part.map(([id]) => id),
    );
    for (const [id, above] of part) draft.putParents(id, above);
    await save(replica, draft);
  }
}

/** Reads the ids of the groups in a group; none if it was deleted meanwhile. */
async function groupsIn(tenant: Tenant, id: string, options: CallOptions): Promise<string[]> {
  try {
    const members = await tenant.groupMembers(id, options);
    return members.filter(({ type }) => type === "Group").map((member) => member.id);
  } catch (error) {
    if (error instanceof NotFoundError) return [];
    throw error;
  }
}

/** Loads groups with the memberships that they have, and the groups of these. */
async function draftOfGroups(replica: Replica, ids: readonly string[]): Promise<Draft> {
  const ofGroups = await replica.load([], ids);
  const above = new Set(ofGroups.memberships.map((each) => each.groupId));
  const others = [...above].filter((id) => !ids.includes(id));
  const ofAbove = await replica.load([], others);
  return new Draft({ ...ofGroups, groups: [...ofGroups.groups, ...ofAbove.groups] });
}

/** Records of some users and groups that they are gone. */
async function bury(replica: Replica, gone: Ids): Promise<void> {
  for await (const ids of batches(gone.users)) {
    const { users } = await replica.load(ids, []);
    const records = users.map((each) => ({ ...each, document: null }));
    await replica.save({ users: records, groups: [], memberships: [] });
  }
  for await (const ids of batches(gone.groups)) {
    const groups: GroupRecord[] = ids.map((id) => ({ id, document: null, listed: false }));
    await replica.save({ users: [], groups, memberships: [] });
  }
}

async function save(replica: Replica, draft: Draft): Promise<void> {
  const records: Records = draft.changes();
  if (records.users.length + records.groups.length + records.memberships.length > 0) {
    await replica.save(records);
  }
}

async function* batches<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length >= BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** Lists the groups of which a user is a member, not those that these are in. */
function directGroups(user: User): ReadonlySet<string> {
  const direct = (user.groups ?? []).filter((each) => each.type !== "indirect");
  return new Set(direct.map((each) => each.value));
}

function versionIn(event: Event): number {
  return event.resource?.version ?? 0;
}

/** Reads the version of a user out of its entity tag, `W/"7"`. */
function versionOf(user: User): number {
  return Number(/\d+/.exec(user.meta.version ?? "")?.[0] ?? 0);
}

function without(all: ReadonlySet<string>, some: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...all].filter((each) => !some.has(each)));
}

function pushTo(lists: Map<string, Event[]>, key: string, event: Event): void {
  const list = lists.get(key) ?? [];
  list.push(event);
  lists.set(key, list);
}
