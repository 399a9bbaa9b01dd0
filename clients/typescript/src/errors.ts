/**
 * What can go wrong. Every error that the library raises by itself is one of these, or the reason of
 * an `AbortSignal` that you gave.
 *
 * @module
 */

/** What the service says of a refusal, in either of its forms. */
export interface Refusal {
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  /** For programs, as `/problems/rate-limited`; of SCIM, its `scimType`. Empty where there is none. */
  readonly type: string;
  /** For people; may change. */
  readonly detail: string;
  /** The id of the request, as in the service's log. Empty where there is none. */
  readonly requestId: string;
  /** Seconds after which to try again, where the service says so. */
  readonly retryAfter?: number;
}

/** The service refused a request, in `application/problem+json` (RFC 9457) or as SCIM does. */
export class ServiceError extends Error implements Refusal {
  override readonly name: string = "ServiceError";
  readonly status: number;
  readonly type: string;
  readonly detail: string;
  readonly requestId: string;
  readonly retryAfter?: number;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.status ? `${refusal.status}: ${refusal.detail}` : refusal.detail, options);
    this.status = refusal.status;
    this.type = refusal.type;
    this.detail = refusal.detail;
    this.requestId = refusal.requestId;
    if (refusal.retryAfter !== undefined) this.retryAfter = refusal.retryAfter;
  }
}

/** 400: a parameter is wrong. */
export class InvalidRequestError extends ServiceError {
  override readonly name = "InvalidRequestError";
}

/** 401: the API key is unknown, expired or revoked. */
export class UnauthorizedError extends ServiceError {
  override readonly name = "UnauthorizedError";
}

/** 403: the API key has not the scope, or the tenant is none of its own. */
export class ForbiddenError extends ServiceError {
  override readonly name = "ForbiddenError";
}

/** 404: no such tenant or resource. */
export class NotFoundError extends ServiceError {
  override readonly name = "NotFoundError";
}

/** 410: changes behind the cursor are no longer kept. Resynchronise. */
export class CursorExpiredError extends ServiceError {
  override readonly name = "CursorExpiredError";
}

/** 429, after all attempts: too many requests. */
export class RateLimitedError extends ServiceError {
  override readonly name = "RateLimitedError";
}

/** 5xx, or no answer (status 0), after all attempts. */
export class UnavailableError extends ServiceError {
  override readonly name = "UnavailableError";
}

/** Why a webhook is not to be believed. */
export type VerificationFault =
  | "missing header"
  | "malformed timestamp"
  | "too old"
  | "too new"
  | "wrong signature"
  | "no JSON";

/** A webhook is not to be believed: answer 401 and do nothing. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly fault: VerificationFault;

  constructor(fault: VerificationFault) {
    super(`the webhook is refused: ${fault}`);
    this.fault = fault;
  }
}

const BY_STATUS: ReadonlyMap<number, typeof ServiceError> = new Map<number, typeof ServiceError>([
  [400, InvalidRequestError],
  [401, UnauthorizedError],
  [403, ForbiddenError],
  [404, NotFoundError],
  [410, CursorExpiredError],
  [429, RateLimitedError],
]);

/** Makes the error of a refusal by its status. */
export function errorOf(refusal: Refusal): ServiceError {
  const OfStatus =
    BY_STATUS.get(refusal.status) ?? (refusal.status >= 500 ? UnavailableError : ServiceError);
  return new OfStatus(refusal);
}

/** Makes the error where there is no answer of the service. */
export function noAnswer(detail: string, status = 0, cause?: unknown): UnavailableError {
  return new UnavailableError({ status, type: "", detail, requestId: "" }, { cause });
}

/** Tells whether the same request may succeed later. */
export function isTemporary(error: unknown): error is RateLimitedError | UnavailableError {
  return error instanceof RateLimitedError || error instanceof UnavailableError;
}
