/**
 * The service as the product sees it: its tenants, and what can be asked of one.
 *
 * @module
 */

import { NotFoundError, noAnswer } from "./errors.js";
import {
  type Body,
  type Query,
  type RequestOptions,
  Transport,
  type TransportOptions,
} from "./transport.js";
import type { Access, AccessQuery, EventPage, Group, Member, Reference, User } from "./types.js";

/** What ends a request early. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What of the feed to read. */
export interface EventsOptions extends CallOptions {
  /** Cursor of the page before; `now` for what is yet to come. Without it, from the oldest event on. */
  readonly after?: string | undefined;
  /** How many events are enough, up to 1,000; with `expand` up to 100. 100. */
  readonly limit?: number | undefined;
  /** Seconds to wait for an event, up to 20. 0. */
  readonly wait?: number | undefined;
  /** Of the events that are wanted; none means all. */
  readonly types?: readonly string[] | undefined;
  /** Whether each event brings its resource as it is now. */
  readonly expand?: boolean | undefined;
}

/** Which resources to walk, and what of them. */
export interface ListOptions extends CallOptions {
  /** A filter of SCIM (RFC 7644 section 3.4.2.2). */
  readonly filter?: string | undefined;
  /** Names of the attributes that are wanted; all without it. */
  readonly attributes?: readonly string[] | undefined;
}

const DEFAULT_TENANT = "default";
const PAGE_SIZE = 200;
const WITHOUT_MEMBERS = { excludedAttributes: "members" };

/** The service, opened with an API key. It holds no connection, so nothing has to be closed. */
export class Client {
  readonly #transport: Transport;

  /**
   * @param baseUrl - scheme and host of the service, as `https://id.example.com`.
   * @param apiKey - `scimkey_<name>_<random>`.
   * @throws TypeError if the address or the key cannot be one.
   */
  constructor(baseUrl: string, apiKey: string, options: TransportOptions = {}) {
    this.#transport = new Transport(baseUrl, apiKey, options);
  }

  /** Returns a tenant; nothing is sent. */
  tenant(name: string = DEFAULT_TENANT): Tenant {
    return new Tenant(this.#transport, name);
  }
}

/** One tenant. All methods raise a {@link ServiceError} for what the service refuses. */
export class Tenant {
  readonly name: string;
  readonly #transport: Transport;
  readonly #api: string;
  readonly #scim: string;

  /** @internal */
  constructor(transport: Transport, name: string) {
    const segment = encodeURIComponent(name);
    this.name = name;
    this.#transport = transport;
    this.#api = `/api/v1/tenants/${segment}`;
    this.#scim = name === DEFAULT_TENANT ? "/scim/v2" : `/tenants/${segment}/scim/v2`;
  }

  /** Asks whether somebody may sign in, by exactly one value. Needs the scope `identities.read`. */
  async access(who: AccessQuery, options: CallOptions = {}): Promise<Access> {
    return await this.#get(`${this.#api}/access`, { ...who }, "decision", options);
  }

  /** Reads a page of the feed; `Feed` walks it. Needs the scope `events.read`. */
  async events(options: EventsOptions = {}): Promise<EventPage> {
    const { after, limit, wait, types, expand } = options;
    const query = {
      after,
      limit,
      wait,
      types: types?.length ? types.join(",") : undefined,
      expand: expand ? "resource" : undefined,
    };
    return await this.#get(`${this.#api}/events`, query, "cursor", options);
  }

  /** Walks all users, with their direct groups. Who is there all the time comes exactly once. */
  users(options: ListOptions = {}): AsyncGenerator<User, void, undefined> {
    return this.#walk<User>("/Users", {}, options);
  }

  /** Walks all groups, without their members unless `attributes` names them. */
  groups(options: ListOptions = {}): AsyncGenerator<Group, void, undefined> {
    return this.#walk<Group>("/Groups", options.attributes ? {} : WITHOUT_MEMBERS, options);
  }

  /** Reads a user; undefined if there is none. */
  async user(id: string, options: CallOptions = {}): Promise<User | undefined> {
    return await this.#find<User>(`/Users/${encodeURIComponent(id)}`, {}, options);
  }

  /** Reads a group without its members; undefined if there is none. */
  async group(id: string, options: CallOptions = {}): Promise<Group | undefined> {
    return await this.#find<Group>(`/Groups/${encodeURIComponent(id)}`, WITHOUT_MEMBERS, options);
  }

  /** Reads the members of a group, users and groups, without versions. */
  async groupMembers(id: string, options: CallOptions = {}): Promise<readonly Member[]> {
    const path = `${this.#scim}/Groups/${encodeURIComponent(id)}`;
    const group = await this.#get<Group>(path, { attributes: "members" }, "id", options);
    return (group.members ?? []).map(memberOf);
  }

  /** Finds the ids of the groups of which a user or group is a direct member. */
  async groupsWith(memberId: string, options: CallOptions = {}): Promise<ReadonlySet<string>> {
    const filter = `members.value eq ${JSON.stringify(memberId)}`;
    const found = new Set<string>();
    for await (const { id } of this.groups({ ...options, filter, attributes: ["id"] })) {
      found.add(id);
    }
    return found;
  }

  async #find<T extends { readonly id: string }>(
    path: string,
    query: Query,
    options: CallOptions,
  ): Promise<T | undefined> {
    try {
      return await this.#get<T>(this.#scim + path, query, "id", options);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  async #get<T>(
    path: string,
    query: Query,
    mark: keyof T & string,
    options: RequestOptions,
  ): Promise<T> {
    return checked<T>(await this.#transport.get(path, query, options), mark);
  }

  /** Walks a list by cursor (RFC 9865). A page may be short or empty without being the last. */
  async *#walk<R>(
    path: string,
    projection: Query,
    { filter, attributes, signal }: ListOptions,
  ): AsyncGenerator<R, void, undefined> {
    const query = { ...projection, filter, attributes: attributes?.join(","), count: PAGE_SIZE };
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const page: ListPage<R> = await this.#get<ListPage<R>>(
        this.#scim + path,
        { ...query, cursor },
        "schemas",
        { signal },
      );
      yield* page.Resources ?? [];
      cursor = page.nextCursor;
    }
  }
}

interface ListPage<R> {
  readonly schemas: readonly string[];
  readonly Resources?: readonly R[];
  readonly nextCursor?: string;
}

function memberOf(reference: Reference): Member {
  return { id: reference.value, type: reference.type === "Group" ? "Group" : "User" };
}

/** Takes an answer for what it should be, if the member is there by which that is known. */
function checked<T>(body: Body, mark: keyof T & string): T {
  if (body[mark] === undefined) {
    throw noAnswer(`the answer has no ${mark}; is baseUrl that of the service?`);
  }
  return body as T;
}
