// A product that keeps a copy in memory. For each line of its input it polls, and prints what it holds.

import { createInterface } from "node:readline";
import { Client, Feed, MemoryCheckpoint, MemoryReplica, rolesOf } from "scim-on-functions-client";

const { SCIM_URL, SCIM_API_KEY, TENANT, EXPAND } = process.env;
const tenant = new Client(SCIM_URL, SCIM_API_KEY).tenant(TENANT);
const checkpoint = new MemoryCheckpoint();
const replica = new MemoryReplica();
const feed = new Feed(tenant, checkpoint, { replica, expand: EXPAND === "1" });

for await (const command of createInterface({ input: process.stdin })) {
  if (command === "forget") checkpoint.cursor = undefined;
  const types = [];
  await feed.poll((events) => void types.push(...events.map((event) => event.type)));
  const users = Object.fromEntries(replica.users);
  const groups = Object.fromEntries(replica.groups);
  const roles = Object.fromEntries([...replica.users].map(([id, user]) => [id, rolesOf(user)]));
  console.log(JSON.stringify({ types, users, groups, memberships: replica.memberships, roles }));
}
