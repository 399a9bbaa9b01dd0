/** A directory with its feed, which answers as the service does: a fake for tests that need no server. */

import { Client, type Event, type Member, type Tenant } from "../../src/index.js";

export const KEY = `scimkey_product_${"p".repeat(43)}`;

interface FakeUser {
  active: boolean;
  userName: string;
  version: number;
}

type Pair = readonly [groupId: string, memberId: string];

const ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User";
const TYPES = { user: "User", group: "Group" } as const;

/** What is done to it becomes events; what it holds is what a copy must hold. */
export class FakeService {
  readonly users = new Map<string, FakeUser>();
  readonly groups = new Map<string, { displayName: string }>();
  /** Roles that the role map gives, by user. */
  readonly roles = new Map<string, readonly string[]>();
  /** Groups whose creation is under way, and the event at which it began: members join, but nobody sees it. */
  readonly hidden = new Map<string, number>();
  readonly events: Event[] = [];
  /** What was asked for, as `/Users?count=200`. */
  readonly requests: string[] = [];
  /** Answers before the service does; given once each. */
  readonly faults: (() => Response | Promise<Response>)[] = [];
  /** What happens before an answer; done once each. */
  readonly interludes: (() => void)[] = [];
  /** Cursors before this one are no longer kept. */
  oldest = 0;
  pageSize = 3;
  #pairs: Pair[] = [];

  tenant(options: { attempts?: number } = {}): Tenant {
    const client = new Client("https://id.example.com", KEY, { fetch: this.fetch, ...options });
    return client.tenant("acme");
  }

  get memberships(): Pair[] {
    return this.#pairs.filter(([groupId]) => this.groups.has(groupId));
  }

  createUser(id: string, active = true): void {
    this.users.set(id, { active, userName: `${id}@contoso.test`, version: 1 });
    this.#tellUser("created", id, 1, { active });
  }

  setActive(id: string, active: boolean): void {
    const version = this.#bump(id);
    this.#user(id).active = active;
    this.#tellUser(active ? "activated" : "deactivated", id, version, { active });
  }

  rename(id: string, userName: string): void {
    const version = this.#bump(id);
    this.#user(id).userName = userName;
    this.#tellUser("updated", id, version, { attributes: ["userName"] });
  }

  /** Changes the role map, which leaves the user and its version as they are. */
  setRoles(id: string, ...roles: string[]): void {
    this.roles.set(id, roles);
    this.#tellUser("updated", id, this.#user(id).version, { attributes: ["roles"] });
  }

  deleteUser(id: string): void {
    const version = this.#bump(id);
    this.users.delete(id);
    this.#pairs = this.#pairs.filter(([, memberId]) => memberId !== id);
    this.#tellUser("deleted", id, version, {});
  }

  /** Begins to create a group of many members. */
  beginGroup(id: string): void {
    this.hidden.set(id, this.events.length);
  }

  /**
   * Where the feed begins for who asks for `now`. The service goes back two minutes, which is longer
   * than the creation of a group takes.
   */
  get now(): number {
    return Math.min(this.events.length, ...this.hidden.values());
  }

  createGroup(id: string, displayName = id): void {
    this.hidden.delete(id);
    this.groups.set(id, { displayName });
    this.#tell("group.created", { id });
  }

  renameGroup(id: string, displayName: string): void {
    this.groups.set(id, { displayName });
    this.#tell("group.updated", { id }, { attributes: ["displayName"] });
  }

  /** Deletes a group; the versions of its members grow, and nothing is told of that. */
  deleteGroup(id: string): void {
    this.groups.delete(id);
    this.hidden.delete(id);
    for (const [groupId, memberId] of this.#pairs) {
      if (groupId === id && this.users.has(memberId)) this.#bump(memberId);
    }
    this.#pairs = this.#pairs.filter((pair) => !pair.includes(id));
    this.#tell("group.deleted", { id });
  }

  /** Gives up the creation of a group that nobody has seen; nothing is told of that. */
  giveUp(id: string): void {
    this.hidden.delete(id);
    for (const [groupId, memberId] of this.#pairs) {
      if (groupId === id && this.users.has(memberId)) this.#bump(memberId);
    }
    this.#pairs = this.#pairs.filter(([groupId]) => groupId !== id);
  }

  join(groupId: string, ...ids: string[]): void {
    const added = ids.map((id) => this.#member(id));
    this.#pairs.push(...ids.map((id): Pair => [groupId, id]));
    this.#tell("group.member_added", { id: groupId }, { members: { added, removed: [] } });
  }

  leave(groupId: string, ...ids: string[]): void {
    const removed = ids.map((id) => this.#member(id));
    this.#pairs = this.#pairs.filter(([group, id]) => group !== groupId || !ids.includes(id));
    this.#tell("group.member_removed", { id: groupId }, { members: { added: [], removed } });
  }

  /** Makes somebody a member, of which nothing is told. */
  place(groupId: string, memberId: string): void {
    this.#pairs.push([groupId, memberId]);
  }

  isMember(groupId: string, memberId: string): boolean {
    return this.#pairs.some(([group, id]) => group === groupId && id === memberId);
  }

  readonly fetch = async (input: string | URL | Request): Promise<Response> => {
    const url = new URL(String(input));
    const path = url.pathname.replace(/^.*(\/scim\/v2|\/tenants\/acme)\//, "");
    this.requests.push(path + url.search);
    this.interludes.shift()?.();
    const fault = this.faults.shift();
    if (fault) return await fault();
    const [kind, id] = path.split("/").map(decodeURIComponent);
    if (kind === "events") return this.#feed(url.searchParams);
    if (kind === "access") return this.#access(url.searchParams.get("userName") ?? "");
    return id ? this.#resource(kind, id, url.searchParams) : this.#list(kind, url.searchParams);
  };

  #feed(query: URLSearchParams): Response {
    const after = query.get("after") ?? `${this.oldest}`;
    const from = after === "now" ? this.now : Number(after);
    if (query.get("expand") && Number(query.get("limit") ?? 100) > 100) {
      return problem(400, "invalid-value", "With expand=resource limit is 100 at most.");
    }
    if (from < this.oldest) return problem(410, "gone", "Changes are no longer kept.");
    if (after === "now") return Response.json({ events: [], cursor: `${from}`, more: true });
    const to = from + Math.min(this.pageSize, Number(query.get("limit") ?? 100));
    const events = this.events.slice(from, to).map((event) => this.#expanded(event, query));
    const cursor = String(Math.min(to, this.events.length));
    return Response.json({ events, cursor, more: to < this.events.length });
  }

  #expanded(event: Event, query: URLSearchParams): Event {
    if (event.resource === undefined) return event;
    const { id, type } = event.resource;
    if (query.get("expand") !== "resource") return event;
    const document = type === "User" ? this.#userDocument(id) : this.#groupDocument(id, false);
    return document ? ({ ...event, resource: { ...event.resource, document } } as Event) : event;
  }

  #access(userName: string): Response {
    const found = [...this.users].find(([, user]) => user.userName === userName);
    if (!found) return Response.json({ decision: "unknown", reason: "notFound" });
    const [id, { active, version }] = found;
    const [decision, reason] = active ? ["allow", "active"] : ["deny", "deactivated"];
    return Response.json({ decision, reason, id, version });
  }

  #resource(kind: string | undefined, id: string, query: URLSearchParams): Response {
    const withMembers = query.get("excludedAttributes") !== "members";
    const found = kind === "Users" ? this.#userDocument(id) : this.#groupDocument(id, withMembers);
    return found ? Response.json(found) : scimError(404, "There is no such resource.");
  }

  #list(kind: string | undefined, query: URLSearchParams): Response {
    const ids = kind === "Users" ? [...this.users.keys()] : this.#groupsFound(query.get("filter"));
    const from = query.get("cursor") ?? "";
    const rest = ids.sort().filter((id) => id > from);
    const page = rest.slice(0, this.pageSize);
    const Resources = page.map((id) =>
      kind === "Users" ? this.#userDocument(id) : this.#groupDocument(id, false),
    );
    const nextCursor = rest.length > page.length ? { nextCursor: page.at(-1) } : {};
    return Response.json({ schemas: [], Resources, ...nextCursor });
  }

  #groupsFound(filter: string | null): string[] {
    const all = [...this.groups.keys()];
    const member = /^members\.value eq "(.*)"$/.exec(filter ?? "")?.[1];
    if (member) return all.filter((id) => this.isMember(id, member));
    if (filter === null) return all;
    return all.filter((id) => [...this.groups.keys()].some((each) => this.isMember(id, each)));
  }

  #userDocument(id: string): object | undefined {
    const user = this.users.get(id);
    if (!user) return undefined;
    const groups = this.memberships
      .filter(([, memberId]) => memberId === id)
      .map(([value]) => ({ value, type: "direct" }));
    const { version, ...attributes } = user;
    const roles = this.roles.get(id);
    const extension = roles?.length ? { [ROLES]: { roles } } : {};
    const meta = { version: `W/"${version}"` };
    return { schemas: [], id, ...attributes, groups, ...extension, meta };
  }

  #groupDocument(id: string, withMembers: boolean): object | undefined {
    const group = this.groups.get(id);
    if (!group) return undefined;
    const members = this.memberships
      .filter(([groupId]) => groupId === id)
      .map(([, value]) => ({ value, type: this.users.has(value) ? "User" : "Group" }));
    return { schemas: [], id, ...group, ...(withMembers ? { members } : {}), meta: {} };
  }

  #user(id: string): FakeUser {
    const user = this.users.get(id);
    if (!user) throw new Error(`there is no user ${id}`);
    return user;
  }

  #bump(id: string): number {
    this.#user(id).version += 1;
    return this.#user(id).version;
  }

  #member(id: string): Member {
    if (!this.users.has(id)) return { id, type: "Group" };
    return { id, type: "User", version: this.#bump(id) };
  }

  #tellUser(aspect: string, id: string, version: number, of: Partial<Event>): void {
    this.#tell(`user.${aspect}`, { id, version }, of);
  }

  #tell(type: string, resource: { id: string; version?: number }, of: Partial<Event> = {}): void {
    const number = this.events.length;
    const kind = type.startsWith("user") ? TYPES.user : TYPES.group;
    this.events.push({
      id: `e${number}`,
      type,
      event: "urn:ietf:params:scim:event:prov:patch:notice",
      txn: `t${number}`,
      time: new Date(1_790_000_000_000 + number).toISOString(),
      resource: { type: kind, uri: `/${kind}s/${resource.id}`, ...resource },
      attributes: [],
      members: { added: [], removed: [] },
      actor: "test",
      ...of,
    });
  }
}

/** A refusal of `/api/v1` (RFC 9457). */
export function problem(
  status: number,
  type: string,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  const body = { type: `/problems/${type}`, title: type, status, detail, instance: "r-1" };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", "Request-Id": "r-1", ...headers },
  });
}

/** A refusal of SCIM. */
export function scimError(status: number, detail: string, scimType?: string): Response {
  return Response.json({ schemas: [], status: String(status), detail, scimType }, { status });
}
