/** What a copy holds, in a form that is compared. */

import { type MemoryReplica, rolesOf } from "../../src/index.js";
import type { FakeService } from "./fake_service.js";

export interface CopiedUser {
  readonly active: boolean | undefined;
  readonly userName?: string;
  readonly roles: readonly string[];
}

export interface Contents {
  readonly users: Record<string, CopiedUser>;
  readonly groups: readonly string[];
  readonly memberships: readonly string[];
}

export function contentsOf(copy: MemoryReplica): Contents {
  const users = [...copy.users].map(([id, user]) => {
    const { active, userName } = user;
    return [id, { active, userName, roles: rolesOf(user) }];
  });
  return contents(Object.fromEntries(users), [...copy.groups.keys()], copy.memberships);
}

export function contentsOfService(service: FakeService): Contents {
  const users = [...service.users].map(([id, { active, userName }]) => {
    const roles = active ? (service.roles.get(id) ?? []) : [];
    return [id, { active, userName, roles }];
  });
  return contents(Object.fromEntries(users), [...service.groups.keys()], service.memberships);
}

function contents(
  users: Contents["users"],
  groups: readonly string[],
  pairs: ReadonlyArray<readonly string[]>,
): Contents {
  const inOrder = Object.fromEntries(Object.entries(users).sort(([a], [b]) => (a < b ? -1 : 1)));
  const memberships = pairs.map((pair) => pair.join(" has ")).sort();
  return { users: inOrder, groups: [...groups].sort(), memberships };
}
