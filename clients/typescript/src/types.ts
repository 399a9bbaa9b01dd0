/**
 * What the service sends. Members that have no value are left out; they are never null.
 *
 * @module
 */

/** Who wants to sign in, by exactly one of these. */
export type AccessQuery =
  | { readonly userName: string; readonly externalId?: never; readonly email?: never }
  | { readonly externalId: string; readonly userName?: never; readonly email?: never }
  | { readonly email: string; readonly userName?: never; readonly externalId?: never };

/** The sign-in decision. Let nobody in but for `allow`, and take no error for it. */
export interface Access {
  readonly decision: "allow" | "deny" | "unknown";
  /** Why; further reasons may come. */
  readonly reason: "active" | "deactivated" | "ambiguous" | "notFound" | (string & {});
  /** Since when it is so (RFC 3339), where that is known. */
  readonly since?: string;
  /** The SCIM id, which stays for good. */
  readonly id?: string;
  /** Grows with every change of the user. */
  readonly version?: number;
  /** Names of the roles that the tenant's role map gives. */
  readonly roles?: readonly string[];
}

/** `meta` of a SCIM resource (RFC 7643 section 3.1). */
export interface Meta {
  readonly resourceType: string;
  readonly version?: string;
  readonly created?: string;
  readonly lastModified?: string;
  readonly location?: string;
}

/** A reference of a SCIM resource to another one: a member of a group, a group of a user. */
export interface Reference {
  readonly value: string;
  readonly type?: string;
  readonly display?: string;
}

/** A user as SCIM shows it. */
export interface User {
  readonly schemas: readonly string[];
  readonly id: string;
  readonly userName: string;
  readonly externalId?: string;
  readonly active?: boolean;
  readonly displayName?: string;
  readonly groups?: readonly Reference[];
  readonly meta: Meta;
  readonly [attribute: string]: unknown;
}

/** A group as SCIM shows it. */
export interface Group {
  readonly schemas: readonly string[];
  readonly id: string;
  readonly displayName: string;
  readonly externalId?: string;
  readonly members?: readonly Reference[];
  readonly meta: Meta;
  readonly [attribute: string]: unknown;
}

/** A user or a group that joined a group or left it. */
export interface Member {
  readonly id: string;
  readonly type: "User" | "Group";
  /** The new version of the user, by which its memberships are ordered. A group has none. */
  readonly version?: number;
}

/** What an event is about. */
export interface EventResource {
  /** `User`, `Group`, or a resource type of the deployment. */
  readonly type: string;
  readonly id: string;
  /** Of what was deleted, since it can be read no longer. */
  readonly externalId?: string;
  /** Below the Tenant URL. */
  readonly uri: string;
  /** Of everything but groups: of two events about one id the greater version is the later. */
  readonly version?: number;
  /** With `expand: "resource"`: the resource as it is now, which may be newer than the event. */
  readonly document?: User | Group;
}

/** That the removal of many is held back by the service until somebody decides. */
export interface GuardNotice {
  /** Of what is held. */
  readonly id: string;
  /** How many are held who were disabled or deleted, so far. */
  readonly users: number;
  /** How many were disabled or deleted in all: with those of the hour before who are not active again. */
  readonly removed: number;
  /** How many users were active before. */
  readonly activeUsers: number;
  /** How many are held who were taken out of each group. */
  readonly groups: readonly { readonly id: string; readonly users: number }[];
}

/** One thing that happened to one resource; `guard.held` is of none. */
export interface Event {
  /** The same whenever the event comes. */
  readonly id: string;
  /** As `user.deactivated`. Pass over what you do not know: further types may come. */
  readonly type: string;
  /** The URI of the event (RFC 9967). */
  readonly event: string;
  /** The id of the request that caused it. */
  readonly txn: string;
  /** When, in UTC (RFC 3339). */
  readonly time: string;
  /** What it is about; `guard.held` alone has none. */
  readonly resource?: EventResource;
  /** In `guard.held`, what is held; there is nothing to be changed. */
  readonly guard?: GuardNotice;
  /** Whether the user may come in, where that changed or the user is new. */
  readonly active?: boolean;
  /** Names of the attributes that changed. */
  readonly attributes: readonly string[];
  readonly members: {
    readonly added: readonly Member[];
    readonly removed: readonly Member[];
  };
  /** Which token was used, by its label. */
  readonly actor: string;
}

/** A page of the feed. */
export interface EventPage {
  readonly events: readonly Event[];
  /** Behind them. Keep it together with what you made of them. */
  readonly cursor: string;
  /** Whether there is more to be read at once. */
  readonly more: boolean;
}

const ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User";

/** Returns the roles of a user by priority; as `access` says, who may not come in has none. */
export function rolesOf(user: User): readonly string[] {
  if (user.active !== true) return [];
  const extension = user[ROLES] as { readonly roles?: readonly string[] } | undefined;
  return extension?.roles ?? [];
}
