/**
 * A copy of the directory, which any order of events brings to the same end.
 *
 * What is kept of each resource is what came with its highest version, so that an event which comes
 * late or twice changes nothing. A user has a version, which grows with each change of the user,
 * memberships included. So each membership of a user has one as well. A group has none, nor has a
 * group's membership in another, nor have the roles of a user: there an event says only that
 * something has changed, and the present state is read.
 *
 * @module
 */

import type { Group, Member, User } from "./types.js";

/** A user of the copy. */
export interface UserRecord {
  /** SCIM id. */
  readonly id: string;
  /** The highest that was seen. */
  readonly version: number;
  /**
   * The SCIM resource; null once the user is gone. The record stays, so that a late event does not
   * bring the user back.
   */
  readonly document: User | null;
  /** The version at which all memberships were read together; 0 if they never were. */
  readonly listed: number;
}

/** A group of the copy. */
export interface GroupRecord {
  /** SCIM id. */
  readonly id: string;
  /** The SCIM resource without members; null once the group is gone, for good. */
  readonly document: Group | null;
  /** Whether it was there when memberships were last read together. */
  readonly listed: boolean;
}

/**
 * Whether somebody is a direct member of a group. It counts while both are there, and may be known
 * before either of them.
 */
export interface MembershipRecord {
  /** SCIM id of the group. */
  readonly groupId: string;
  /** SCIM id of the user or group. */
  readonly memberId: string;
  readonly memberType: "User" | "Group";
  /** Of the user, since when it is so; 0 for a group. */
  readonly version: number;
  /** False for who has left, so that a late event does not bring them back. */
  readonly present: boolean;
}

/** Some records of the copy. */
export interface Records {
  readonly users: readonly UserRecord[];
  readonly groups: readonly GroupRecord[];
  readonly memberships: readonly MembershipRecord[];
}

/** Who is in the copy and not gone. */
export interface Ids {
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

/** What the product writes: where the copy lies. One writer at a time. */
export interface Replica {
  /**
   * Reads the records of users and groups by id, as far as there are any.
   *
   * With them come the memberships of which one of them is the member, and those of other groups in
   * one of the groups.
   */
  load(users: readonly string[], groups: readonly string[]): Promise<Records>;

  /** Reads the ids of all users and groups that are not gone. */
  ids(): Promise<Ids>;

  /** Writes records over those with the same ids, all of them or none. */
  save(records: Records): Promise<void>;
}

/** Whether the user is there and may come in. */
export function isActive(record: UserRecord): boolean {
  return record.document?.active === true;
}

/** A copy in memory: for tests, and for products that read everything at each start. */
export class MemoryReplica implements Replica {
  readonly #users = new Map<string, UserRecord>();
  readonly #groups = new Map<string, GroupRecord>();
  readonly #ofMember = new Map<string, Map<string, MembershipRecord>>();
  readonly #ofGroupsIn = new Map<string, Map<string, MembershipRecord>>();

  async load(users: readonly string[], groups: readonly string[]): Promise<Records> {
    const memberships = [
      ...[...users, ...groups].flatMap((id) => [...(this.#ofMember.get(id)?.values() ?? [])]),
      ...groups.flatMap((id) => [...(this.#ofGroupsIn.get(id)?.values() ?? [])]),
    ];
    return {
      users: users.flatMap((id) => this.#users.get(id) ?? []),
      groups: groups.flatMap((id) => this.#groups.get(id) ?? []),
      memberships: [...new Set(memberships)],
    };
  }

  async ids(): Promise<Ids> {
    return { users: new Set(this.users.keys()), groups: new Set(this.groups.keys()) };
  }

  async save(records: Records): Promise<void> {
    for (const each of records.users) this.#users.set(each.id, each);
    for (const each of records.groups) this.#groups.set(each.id, each);
    for (const each of records.memberships) {
      within(this.#ofMember, each.memberId).set(each.groupId, each);
      if (each.memberType === "Group")
        within(this.#ofGroupsIn, each.groupId).set(each.memberId, each);
    }
  }

  /** The users, by id. */
  get users(): ReadonlyMap<string, User> {
    return present(this.#users);
  }

  /** The groups, by id. */
  get groups(): ReadonlyMap<string, Group> {
    return present(this.#groups);
  }

  /** The direct memberships, as ids of a group and a member. */
  get memberships(): ReadonlyArray<readonly [groupId: string, memberId: string]> {
    const { users, groups } = this;
    return [...this.#ofMember.values()]
      .flatMap((ofMember) => [...ofMember.values()])
      .filter((each) => each.present && groups.has(each.groupId))
      .filter((each) => users.has(each.memberId) || groups.has(each.memberId))
      .map((each) => [each.groupId, each.memberId]);
  }
}

/**
 * What is known, and what becomes of it; only what has changed is written.
 *
 * @internal
 */
export class Draft {
  readonly users: Map<string, UserRecord>;
  readonly groups: Map<string, GroupRecord>;
  readonly #memberships = new Map<string, Map<string, MembershipRecord>>();
  readonly #before: ReadonlySet<UserRecord | GroupRecord | MembershipRecord>;

  constructor(known: Records) {
    this.users = new Map(known.users.map((each) => [each.id, each]));
    this.groups = new Map(known.groups.map((each) => [each.id, each]));
    for (const each of known.memberships) this.#put(each);
    this.#before = new Set([...known.users, ...known.groups, ...known.memberships]);
  }

  /** Returns the records that are not as they were. */
  changes(): Records {
    const isNew = (each: UserRecord | GroupRecord | MembershipRecord) => !this.#before.has(each);
    return {
      users: [...this.users.values()].filter(isNew),
      groups: [...this.groups.values()].filter(isNew),
      memberships: this.memberships().filter(isNew),
    };
  }

  /** Lists the memberships. */
  memberships(): MembershipRecord[] {
    return [...this.#memberships.values()].flatMap((ofMember) => [...ofMember.values()]);
  }

  /** Tells whether a version of a user is newer than what is known. */
  isUserNewer(id: string, version: number): boolean {
    return version > (this.users.get(id)?.version ?? 0);
  }

  /** Tells whether a user is there in a version, and in no newer one. */
  isUserAt(id: string, version: number): boolean {
    return !this.isUserGone(id) && this.users.get(id)?.version === version;
  }

  /** Tells whether a user is known to have been deleted. */
  isUserGone(id: string): boolean {
    return this.users.get(id)?.document === null;
  }

  /** Tells whether a group is known to have been deleted. */
  isGroupGone(id: string): boolean {
    return this.groups.get(id)?.document === null;
  }

  /**
   * Takes a user's document, or that the user is gone, if that is newer.
   *
   * A document of the same version takes the place of one: roles change without the version.
   */
  putUser(id: string, version: number, document: User | null): void {
    if (!this.isUserNewer(id, version) && !this.isUserAt(id, version)) return;
    const listed = this.users.get(id)?.listed ?? 0;
    this.users.set(id, { id, version, document, listed });
  }

  /** Takes a group's document, or that the group is gone. That is for good. */
  putGroup(id: string, document: Group | null): void {
    if (this.isGroupGone(id)) return;
    this.groups.set(id, { id, document, listed: this.groups.get(id)?.listed ?? false });
  }

  /**
   * Takes all memberships of a user, which were read together at a version.
   *
   * A group that was not there yet when groups were listed may be in its making, and hidden for so
   * long: that it is missing says nothing.
   */
  listMemberships(userId: string, version: number, groups: ReadonlySet<string>): void {
    for (const groupId of groups) {
      this.putMembership(groupId, { id: userId, type: "User", version }, true);
    }
    for (const each of this.#of(userId)) {
      const isMissing = !groups.has(each.groupId) && this.#isListed(each.groupId);
      if (isMissing && each.version <= version) this.#put({ ...each, version, present: false });
    }
    const user = this.users.get(userId);
    if (user && version > user.listed) this.users.set(userId, { ...user, listed: version });
  }

  /** Takes that a user has joined or left at a version, if nothing newer is known. */
  putMembership(groupId: string, member: Member, isPresent: boolean): void {
    const version = member.version ?? 0;
    const user = this.users.get(member.id);
    if (user) {
      const isGone = user.document === null && version <= user.version;
      const isCovered = version <= user.listed && this.#isListed(groupId);
      if (isGone || isCovered) return;
    }
    const known = this.#memberships.get(member.id)?.get(groupId);
    if (known && version <= known.version) return;
    this.#put({
      groupId,
      memberId: member.id,
      memberType: member.type,
      version,
      present: isPresent,
    });
  }

  /**
   * Takes in which groups a group is, as they were read just now.
   *
   * A group that is not known yet may be in its making, and hidden for so long. What events have
   * said of it stays, and is read again once it is known.
   */
  putParents(groupId: string, parents: ReadonlySet<string>): void {
    for (const each of this.#of(groupId)) {
      const isPresent = parents.has(each.groupId);
      if (this.groups.has(each.groupId)) this.#putNested(each.groupId, groupId, isPresent);
    }
    for (const parent of parents) this.#putNested(parent, groupId, true);
  }

  /** Notes that a group was named as a member of another, which may not be known yet. */
  expectNested(groupId: string, memberId: string): void {
    if (!this.groups.has(groupId)) this.#putNested(groupId, memberId, true);
  }

  #putNested(groupId: string, memberId: string, isPresent: boolean): void {
    if (this.#memberships.get(memberId)?.get(groupId)?.present === isPresent) return;
    this.#put({ groupId, memberId, memberType: "Group", version: 0, present: isPresent });
  }

  #put(record: MembershipRecord): void {
    within(this.#memberships, record.memberId).set(record.groupId, record);
  }

  #of(memberId: string): readonly MembershipRecord[] {
    return [...(this.#memberships.get(memberId)?.values() ?? [])];
  }

  #isListed(groupId: string): boolean {
    return this.groups.get(groupId)?.listed ?? false;
  }
}

function within<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const found = maps.get(key) ?? new Map<string, V>();
  maps.set(key, found);
  return found;
}

function present<D>(
  records: ReadonlyMap<string, { readonly id: string; readonly document: D | null }>,
): ReadonlyMap<string, D> {
  const there = [...records.values()].flatMap(({ id, document }) =>
    document === null ? [] : [[id, document] as const],
  );
  return new Map(there);
}
