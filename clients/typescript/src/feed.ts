/**
 * The feed, walked from a checkpoint on: every change at least once, each double left out.
 *
 * @module
 */

import type { CallOptions, Tenant } from "./client.js";
import { CursorExpiredError, isTemporary, type ServiceError } from "./errors.js";
import type { Replica } from "./replica.js";
import { apply, resynchronise } from "./synchronise.js";
import { pauseFor } from "./transport.js";
import type { Event, EventPage } from "./types.js";

/** The most events that the service gives at once, without and with their resources. */
const LIMIT = 1000;
const EXPANDED_LIMIT = 100;

/** Seconds between two polls. One that waits is billed as running time while it waits. */
const INTERVAL = 60;

/** Ids of events by which doubles are known; doubles come within two minutes. */
const REMEMBERED = 20_000;

/** Where the product keeps how far it has come: beside what it made of the events. */
export interface Checkpoint {
  /** Reads the cursor; undefined if nothing was saved yet. */
  load(): Promise<string | undefined>;
  /** Keeps the cursor. */
  save(cursor: string): Promise<void>;
}

/** A checkpoint that is forgotten with the process. */
export class MemoryCheckpoint implements Checkpoint {
  cursor: string | undefined;

  constructor(cursor?: string) {
    this.cursor = cursor;
  }

  async load(): Promise<string | undefined> {
    return this.cursor;
  }

  async save(cursor: string): Promise<void> {
    this.cursor = cursor;
  }
}

/** Is given the events of a page, in the order of the feed, after they were applied to the replica. */
export type Handler = (events: readonly Event[]) => Promise<void> | void;

/** How a feed is followed. */
export interface FeedOptions {
  /**
   * A copy to keep up to date. It is made at the first start, and made again when the checkpoint is
   * older than what the service keeps.
   */
  readonly replica?: Replica;
  /** Seconds between two polls. 60. */
  readonly interval?: number;
  /**
   * Seconds for which the service may hold a poll back until something happens, up to 20. The end
   * of a session then takes a second or two, and the service runs, and is billed, all the time. 0.
   */
  readonly wait?: number;
  /** Of the events that are wanted; none means all. A replica needs all. */
  readonly types?: readonly string[];
  /** Whether each event brings its resource, so that a replica need not read it. */
  readonly expand?: boolean;
  /** Is told of each outage that `follow` waits out. */
  readonly onOutage?: (error: ServiceError) => void;
}

/** Follows the feed of a tenant. One process follows a checkpoint at a time. */
export class Feed {
  readonly #tenant: Tenant;
  readonly #checkpoint: Checkpoint;
  readonly #options: FeedOptions;
  readonly #seen = new Set<string>();

  /**
   * @param tenant - whose feed.
   * @param checkpoint - where to go on. It is saved after the handler has returned, so that a
   * process which dies meanwhile reads the same events again.
   * @throws TypeError if a replica is to go without some of the events.
   */
  constructor(tenant: Tenant, checkpoint: Checkpoint, options: FeedOptions = {}) {
    if (options.replica && options.types?.length) {
      throw new TypeError("a replica needs events of all types");
    }
    this.#tenant = tenant;
    this.#checkpoint = checkpoint;
    this.#options = options;
  }

  /**
   * Reads what there is now.
   *
   * @returns how many events that were.
   * @throws CursorExpiredError if the checkpoint is too old, and there is no replica to copy anew.
   * @throws ServiceError if the service refused.
   */
  async poll(handler: Handler = () => {}, options: CallOptions = {}): Promise<number> {
    let cursor = await this.#begin(options);
    let told = 0;
    for (;;) {
      const page = await this.#read(cursor, options);
      const events = page.events.filter((each) => !this.#seen.has(each.id));
      if (events.length > 0) await this.#handle(events, handler, options);
      if (page.cursor !== cursor) await this.#checkpoint.save(page.cursor);
      cursor = page.cursor;
      told += events.length;
      if (!page.more) return told;
    }
  }

  /**
   * Polls until the signal ends it. Outages are waited out; other refusals are raised.
   *
   * @throws CursorExpiredError as `poll`.
   * @throws ServiceError if the service refused for good: the API key, the scope, the tenant.
   */
  async follow(handler: Handler = () => {}, { signal }: CallOptions = {}): Promise<void> {
    try {
      while (!signal?.aborted) {
        const isOver = await this.#round(handler, { signal });
        if (isOver) await pauseFor(this.#options.interval ?? INTERVAL, signal);
      }
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error;
    }
  }

  /** Polls; tells whether to pause before the next time. */
  async #round(handler: Handler, options: CallOptions): Promise<boolean> {
    const began = performance.now();
    let told: number;
    try {
      told = await this.poll(handler, options);
    } catch (error) {
      if (!isTemporary(error)) throw error;
      this.#options.onOutage?.(error);
      return true;
    }
    // One that found no place to wait was answered at once.
    const hasWaited = performance.now() - began >= 1000;
    return !this.#options.wait || (told === 0 && !hasWaited);
  }

  async #begin(options: CallOptions): Promise<string | undefined> {
    const cursor = await this.#checkpoint.load();
    const { replica } = this.#options;
    return cursor === undefined && replica ? await this.#copy(replica, options) : cursor;
  }

  async #read(cursor: string | undefined, { signal }: CallOptions): Promise<EventPage> {
    const { wait, types, expand, replica } = this.#options;
    const limit = expand ? EXPANDED_LIMIT : LIMIT;
    const query = { limit, wait, types, expand, signal };
    try {
      return await this.#tenant.events({ ...query, after: cursor });
    } catch (error) {
      if (!(error instanceof CursorExpiredError && replica)) throw error;
      return { events: [], cursor: await this.#copy(replica, { signal }), more: true };
    }
  }

  async #copy(replica: Replica, options: CallOptions): Promise<string> {
    const cursor = await resynchronise(this.#tenant, replica, options);
    await this.#checkpoint.save(cursor);
    return cursor;
  }

  async #handle(events: readonly Event[], handler: Handler, options: CallOptions): Promise<void> {
    const { replica } = this.#options;
    if (replica) await apply(this.#tenant, replica, events, options);
    await handler(events);
    for (const { id } of events) this.#seen.add(id);
    for (const id of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(id);
    }
  }
}
