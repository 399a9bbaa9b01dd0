/** The feed: nothing is missed, doubles are left out, and the checkpoint follows the handler. */

import assert from "node:assert/strict";
import { it } from "node:test";
import {
  CursorExpiredError,
  type Event,
  Feed,
  ForbiddenError,
  MemoryCheckpoint,
  MemoryReplica,
  type ServiceError,
} from "../src/index.js";
import { contentsOf, contentsOfService } from "./support/copies.js";
import { FakeService, problem } from "./support/fake_service.js";

it("gives the events in order, page by page, to the end", async () => {
  const service = withUsers(7);
  const told: Event[][] = [];
  const feed = new Feed(service.tenant(), new MemoryCheckpoint());
  assert.equal(await feed.poll((events) => void told.push([...events])), 7);
  assert.deepEqual(told.flat(), service.events);
  assert.deepEqual(
    told.map((page) => page.length),
    [3, 3, 1],
  );
  assert.equal(await feed.poll(() => assert.fail("nothing is new")), 0);
});

it("saves the checkpoint after the handler has returned, so that a crash repeats events", async () => {
  const service = withUsers(5);
  const checkpoint = new MemoryCheckpoint();
  const crash = new Error("the database is away");
  const crashing = async (events: readonly Event[]) => {
    if (events.some(({ id }) => id === "e3")) throw crash;
  };
  const feed = new Feed(service.tenant(), checkpoint);
  await assert.rejects(feed.poll(crashing), crash);
  assert.equal(checkpoint.cursor, "3");
  const told: string[] = [];
  await feed.poll((events) => void told.push(...events.map(({ id }) => id)));
  assert.deepEqual(told, ["e3", "e4"]);
});

it("leaves out what comes again", async () => {
  const service = withUsers(2);
  const checkpoint = new MemoryCheckpoint();
  const feed = new Feed(service.tenant(), checkpoint);
  await feed.poll();
  service.createUser("new");
  checkpoint.cursor = "0";
  const told: string[] = [];
  await feed.poll((events) => void told.push(...events.map(({ id }) => id)));
  assert.deepEqual(told, ["e2"]);
});

it("begins with the oldest event; with a replica, with a copy", async () => {
  const service = withUsers(4);
  service.oldest = 2;
  const copy = new MemoryReplica();
  const feed = new Feed(service.tenant(), new MemoryCheckpoint(), { replica: copy });
  assert.equal(await feed.poll(), 0);
  assert.deepEqual(contentsOf(copy), contentsOfService(service));
  assert.equal(await new Feed(service.tenant(), new MemoryCheckpoint()).poll(), 2);
});

it("applies to the replica what the handler is then given", async () => {
  const service = withUsers(1);
  const copy = new MemoryReplica();
  const feed = new Feed(service.tenant(), new MemoryCheckpoint("1"), { replica: copy });
  service.setActive("u0", false);
  const seen: unknown[] = [];
  await feed.poll(([event]) => void seen.push(event?.type, copy.users.get("u0")?.active));
  assert.deepEqual(seen, ["user.deactivated", false]);
});

it("a checkpoint that is too old is raised; with a replica, all is copied anew", async () => {
  const service = withUsers(4);
  service.oldest = 4;
  const checkpoint = new MemoryCheckpoint("1");
  await assert.rejects(new Feed(service.tenant(), checkpoint).poll(), CursorExpiredError);
  assert.equal(checkpoint.cursor, "1");
  const copy = new MemoryReplica();
  await new Feed(service.tenant(), checkpoint, { replica: copy }).poll();
  assert.equal(checkpoint.cursor, "4");
  assert.deepEqual(contentsOf(copy), contentsOfService(service));
});

it("a copy that breaks off is made anew from its beginning", async () => {
  const service = withUsers(7);
  const copy = new MemoryReplica();
  const checkpoint = new MemoryCheckpoint();
  const feed = new Feed(service.tenant(), checkpoint, { replica: copy });
  service.interludes.push(...Array(3).fill(() => {}), () => {
    service.faults.push(() => problem(403, "forbidden", "No."));
  });
  await assert.rejects(feed.poll(), ForbiddenError);
  assert.equal(checkpoint.cursor, undefined);
  await feed.poll();
  assert.deepEqual(contentsOf(copy), contentsOfService(service));
});

it("asks only for what it was told to ask for", async () => {
  const service = withUsers(0);
  const options = { types: ["user.deleted"], wait: 20, expand: true };
  await new Feed(service.tenant(), new MemoryCheckpoint("0"), options).poll();
  assert.deepEqual(service.requests, [
    "events?after=0&limit=100&wait=20&types=user.deleted&expand=resource",
  ]);
  await new Feed(service.tenant(), new MemoryCheckpoint("0")).poll();
  assert.equal(service.requests[1], "events?after=0&limit=1000");
  const replica = new MemoryReplica();
  assert.throws(
    () => new Feed(service.tenant(), new MemoryCheckpoint(), { replica, types: ["user.created"] }),
    TypeError,
  );
});

it("follows until the signal ends it, at the interval", async () => {
  const service = withUsers(1);
  const ending = new AbortController();
  const told: string[] = [];
  const feed = new Feed(service.tenant(), new MemoryCheckpoint(), { interval: 0.01 });
  service.interludes.push(
    () => {},
    () => service.createUser("later"),
    () => ending.abort(),
  );
  await feed.follow((events) => void told.push(...events.map(({ id }) => id)), {
    signal: ending.signal,
  });
  assert.deepEqual(told, ["e0", "e1"]);
  assert.equal(service.requests.length, 3);
});

it("is ended while it pauses, and does not begin when it was ended before", async () => {
  const service = withUsers(0);
  const feed = new Feed(service.tenant(), new MemoryCheckpoint());
  const ending = new AbortController();
  service.interludes.push(() => void setTimeout(() => ending.abort(), 10));
  await feed.follow(undefined, { signal: ending.signal });
  await feed.follow(undefined, { signal: ending.signal });
  assert.equal(service.requests.length, 1);
});

it("waits outages out, and raises what will not pass", async () => {
  const service = withUsers(1);
  const outages: ServiceError[] = [];
  const feed = new Feed(service.tenant({ attempts: 1 }), new MemoryCheckpoint(), {
    interval: 0.01,
    onOutage: (error) => void outages.push(error),
  });
  service.faults.push(() => problem(503, "unavailable", "Later."));
  service.interludes.push(...Array(3).fill(() => {}), () => {
    service.faults.push(() => problem(403, "forbidden", "The key is revoked."));
  });
  const told: string[] = [];
  const following = feed.follow((events) => void told.push(...events.map(({ id }) => id)));
  await assert.rejects(following, ForbiddenError);
  assert.deepEqual([outages.map(({ status }) => status), told], [[503], ["e0"]]);
});

it("asks again at once after a wait that brought something, and pauses after none", async () => {
  const service = withUsers(1);
  const ending = new AbortController();
  const feed = new Feed(service.tenant(), new MemoryCheckpoint(), { wait: 20 });
  service.interludes.push(
    () => {},
    () => void setTimeout(() => ending.abort(), 50),
  );
  await feed.follow(undefined, { signal: ending.signal });
  // No place to wait was free for the second one, so that it was answered at once.
  assert.equal(service.requests.length, 2);
});

function withUsers(number: number): FakeService {
  const service = new FakeService();
  for (let each = 0; each < number; each++) service.createUser(`u${each}`);
  return service;
}
