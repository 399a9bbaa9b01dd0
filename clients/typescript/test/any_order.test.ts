/** Generated histories: whatever happens, a copy ends equal to the directory. */

import assert from "node:assert/strict";
import { it } from "node:test";
import {
  apply,
  type Event,
  Feed,
  MemoryCheckpoint,
  MemoryReplica,
  resynchronise,
} from "../src/index.js";
import { contentsOf, contentsOfService } from "./support/copies.js";
import { FakeService } from "./support/fake_service.js";

const CASES = 60;

for (const expand of [false, true]) {
  const kind = expand ? "with documents" : "without documents";

  it(`a feed ${kind} whose pages come again and in another order`, async () => {
    for (let seed = 1; seed <= CASES; seed++) {
      const random = randomFrom(seed);
      const service = new FakeService();
      const tenant = service.tenant();
      const copy = new MemoryReplica();
      const late: Event[] = [];
      for (let step = 0; step < 60; step++) {
        happen(service, random);
        if (random(4) === 0) {
          const after = String(random(service.events.length + 1));
          const { events } = await tenant.events({ after, limit: 3, expand });
          if (random(2) === 0) late.push(...events);
          else await apply(tenant, copy, shuffled(events, random));
        }
      }
      const { events } = await everything(service, expand);
      await apply(tenant, copy, shuffled([...events, ...late, ...events.slice(0, 9)], random));
      await apply(tenant, copy, shuffled(late, random));
      assert.deepEqual(contentsOf(copy), contentsOfService(service), `seed ${seed}`);
    }
  });

  it(`a copy ${kind} that is made anew in between, while things go on`, async () => {
    for (let seed = 1; seed <= CASES; seed++) {
      const random = randomFrom(seed);
      const service = new FakeService();
      const tenant = service.tenant();
      const copy = new MemoryReplica();
      const checkpoint = new MemoryCheckpoint();
      const feed = new Feed(tenant, checkpoint, { replica: copy, expand });
      const stale: Event[] = [];
      for (let step = 0; step < 40; step++) {
        happen(service, random);
        const choice = random(12);
        if (choice === 0) service.oldest = service.now; // the checkpoint is too old now
        if (choice === 1) stale.push(...service.events.slice(-5));
        if (choice === 2) await meanwhile(service, random, () => feed.poll());
      }
      await feed.poll();
      await apply(tenant, copy, shuffled(stale, random));
      assert.deepEqual(contentsOf(copy), contentsOfService(service), `seed ${seed}`);
    }
  });
}

it("what nothing was told of is put right by a copy", async () => {
  const service = new FakeService();
  const copy = new MemoryReplica();
  for (const id of ["ana", "bo"]) service.createUser(id);
  for (const id of ["all", "east", "sales"]) service.createGroup(id);
  service.join("sales", "ana", "bo", "east");
  service.join("all", "sales");
  await resynchronise(service.tenant(), copy);
  service.deleteUser("ana");
  service.leave("sales", "bo", "east");
  service.deleteGroup("all");
  service.createUser("cy", false);
  await resynchronise(service.tenant(), copy);
  assert.deepEqual(contentsOf(copy), contentsOfService(service));
  assert.deepEqual(contentsOf(copy).memberships, []);
});

async function everything(service: FakeService, expand: boolean): Promise<{ events: Event[] }> {
  const events: Event[] = [];
  for (let after = 0; after < service.events.length; after += 3) {
    events.push(...(await service.tenant().events({ after: `${after}`, expand })).events);
  }
  return { events };
}

/** Reads, while things happen between the requests. */
async function meanwhile(
  service: FakeService,
  random: (below: number) => number,
  read: () => Promise<unknown>,
): Promise<void> {
  for (let request = 0; request < 20; request++) {
    service.interludes.push(random(3) === 0 ? () => happen(service, random) : () => {});
  }
  await read();
  service.interludes.length = 0;
}

/** Does one thing that an identity provider may do, if it can be done. */
function happen(service: FakeService, random: (below: number) => number): void {
  const pick = <T>(from: Iterable<T>): T | undefined => {
    const all = [...from];
    return all[random(all.length)];
  };
  const user = pick(service.users.keys());
  const group = pick([...service.groups.keys(), ...service.hidden.keys()]);
  const member = random(4) === 0 ? pick(service.groups.keys()) : user;
  const number = service.events.length;
  const deeds: (() => void)[] = [
    () => service.createUser(`u${number}`, random(4) > 0),
    () => service.createGroup(`g${number}`),
    () => service.beginGroup(`h${number}`),
    () => group && service.hidden.has(group) && service.createGroup(group),
    () => user && service.setActive(user, random(2) === 0),
    () => user && service.rename(user, `${user}-${number}`),
    () => user && service.setRoles(user, ...["admin", "editor"].slice(random(3))),
    () => random(3) === 0 && user && service.deleteUser(user),
    () => group && service.groups.has(group) && service.renameGroup(group, `${group}-${number}`),
    () => random(3) === 0 && group && service.groups.has(group) && service.deleteGroup(group),
    () => group && service.hidden.has(group) && random(3) === 0 && service.giveUp(group),
    ...Array<() => void>(5).fill(() => group && member && toggle(service, group, member)),
  ];
  pick(deeds)?.();
}

function toggle(service: FakeService, group: string, member: string): void {
  if (group === member) return;
  if (service.isMember(group, member)) service.leave(group, member);
  else service.join(group, member);
}

function shuffled<T>(items: readonly T[], random: (below: number) => number): T[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = random(last + 1);
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** Makes numbers that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
