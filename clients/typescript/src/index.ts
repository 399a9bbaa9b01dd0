/**
 * A product's side of SCIM on Azure Functions.
 *
 * Ask at each sign-in whether it may be ({@link Client}, {@link Tenant.access}), follow what changes
 * ({@link Feed}), keep a copy up to date ({@link Replica}), and verify webhooks ({@link verify}).
 *
 * @packageDocumentation
 */

export {
  type CallOptions,
  Client,
  type EventsOptions,
  type ListOptions,
  type Tenant,
} from "./client.js";
export {
  CursorExpiredError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  RateLimitedError,
  type Refusal,
  ServiceError,
  UnauthorizedError,
  UnavailableError,
  VerificationError,
  type VerificationFault,
} from "./errors.js";
export { type Checkpoint, Feed, type FeedOptions, type Handler, MemoryCheckpoint } from "./feed.js";
export {
  type GroupRecord,
  type Ids,
  isActive,
  type MembershipRecord,
  MemoryReplica,
  type Records,
  type Replica,
  type UserRecord,
} from "./replica.js";
export { apply, resynchronise } from "./synchronise.js";
export type { TransportOptions } from "./transport.js";
export {
  type Access,
  type AccessQuery,
  type Event,
  type EventPage,
  type EventResource,
  type Group,
  type GuardNotice,
  type Member,
  type Meta,
  type Reference,
  rolesOf,
  type User,
} from "./types.js";
export { VERSION } from "./version.js";
export { TOLERANCE, verify, type WebhookHeaders } from "./webhooks.js";
