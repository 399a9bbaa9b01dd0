/** Any order of events, with doubles, ends equal to the directory. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { apply, type Event, MemoryReplica } from "../src/index.js";
import { contentsOf } from "./support/copies.js";
import { FakeService } from "./support/fake_service.js";
import { type History, histories } from "./support/vectors.js";

for (const history of histories()) {
  describe(history.name, () => {
    it("is told one by one", async () => {
      for (const order of history.orders) {
        await holdsAfter(
          history,
          order,
          order.map((index) => [eventAt(history, index)]),
        );
      }
    });
    it("is told at once", async () => {
      for (const order of history.orders) {
        await holdsAfter(history, order, [order.map((index) => eventAt(history, index))]);
      }
    });
  });
}

async function holdsAfter(
  history: History,
  order: readonly number[],
  pages: readonly Event[][],
): Promise<void> {
  const place = `${history.description} In the order ${order}`;
  const tenant = endOf(history).tenant();
  const copy = new MemoryReplica();
  for (const page of pages) await apply(tenant, copy, page);
  const { users, groups, memberships } = contentsOf(copy);
  assert.deepEqual(
    Object.fromEntries(Object.entries(users).map(([id, { active }]) => [id, active])),
    Object.fromEntries(Object.entries(history.state.users).map(([id, { active }]) => [id, active])),
    place,
  );
  for (const [id, { userName, roles }] of Object.entries(history.state.users)) {
    if (userName) assert.equal(users[id]?.userName, userName, place);
    if (roles) assert.deepEqual(users[id]?.roles, roles, place);
  }
  assert.deepEqual(groups, [...history.state.groups].sort(), place);
  assert.deepEqual(
    memberships,
    history.state.memberships.map((pair) => pair.join(" has ")).sort(),
    place,
  );
}

/** The directory in the end, which is what a read finds. */
function endOf(history: History): FakeService {
  const service = new FakeService();
  for (const [id, { roles, ...user }] of Object.entries(history.state.users)) {
    service.users.set(id, { userName: `${id}@contoso.test`, ...user });
    if (roles) service.roles.set(id, roles);
  }
  for (const id of history.state.groups) service.groups.set(id, { displayName: id });
  for (const [groupId, id] of history.state.memberships) service.place(groupId, id);
  return service;
}

function eventAt(history: History, index: number): Event {
  const event = history.events[index];
  assert.ok(event, `${history.name} has no event ${index}`);
  return event;
}
