/**
 * Webhooks, verified as Standard Webhooks 1.0.0 says.
 *
 * @module
 */

import type { webcrypto } from "node:crypto";
import { VerificationError } from "./errors.js";
import type { Event } from "./types.js";

/** Seconds by which a webhook may be older or newer than now, so that none is sent again later. */
export const TOLERANCE = 300;

/** The headers of a request: of `fetch`, or of `node:http`. */
export type WebhookHeaders =
  | Headers
  | Readonly<Record<string, string | readonly string[] | undefined>>;

const encoder = new TextEncoder();

/**
 * Verifies a webhook and returns its body.
 *
 * @param payload - the body exactly as it came, before any parser has seen it.
 * @param headers - of the request; letter case does not matter.
 * @param secret - `whsec_<base64>`; several while one replaces another.
 * @param options - `now`: POSIX seconds; those of the clock unless told.
 * @throws VerificationError if it is not to be trusted: answer 401, do nothing.
 * @throws TypeError if there is no secret, or one is none.
 */
export async function verify<T = Event>(
  payload: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string | readonly string[],
  options: { readonly now?: number } = {},
): Promise<T> {
  const secrets = typeof secret === "string" ? [secret] : secret;
  if (secrets.length === 0) throw new TypeError("there is no secret");
  const keys = await Promise.all(secrets.map(keyOf));
  const body = typeof payload === "string" ? encoder.encode(payload) : payload;
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = signaturesIn(header(headers, "webhook-signature"));
  checkTime(timestamp, options.now ?? Date.now() / 1000);
  const signed = joined(encoder.encode(`${id}.${timestamp}.`), body);
  if (!(await isSigned(signed, signatures, keys))) throw new VerificationError("wrong signature");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as T;
  } catch {
    throw new VerificationError("no JSON");
  }
}

async function keyOf(secret: string): Promise<webcrypto.CryptoKey> {
  const bytes = fromBase64(secret.replace(/^whsec_/, ""));
  if (!bytes?.length) throw new TypeError("a secret is whsec_ and base64");
  return await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : ownHeader(headers, name);
  if (!value) throw new VerificationError("missing header");
  return value;
}

function ownHeader(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  name: string,
): string | undefined {
  const found = Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : found?.join(" ");
}

function checkTime(timestamp: string, now: number): void {
  if (!/^\d{1,15}$/.test(timestamp)) throw new VerificationError("malformed timestamp");
  const age = now - Number(timestamp);
  if (age > TOLERANCE) throw new VerificationError("too old");
  if (age < -TOLERANCE) throw new VerificationError("too new");
}

/** Reads the signatures of version 1, as `v1,<base64>`, out of a list that is joined by blanks. */
function signaturesIn(list: string): readonly Uint8Array<ArrayBuffer>[] {
  const ofVersion1 = list.split(" ").filter((each) => each.startsWith("v1,"));
  return ofVersion1.flatMap((each) => fromBase64(each.slice(3)) ?? []);
}

async function isSigned(
  signed: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array<ArrayBuffer>[],
  keys: readonly webcrypto.CryptoKey[],
): Promise<boolean> {
  const pairs = keys.flatMap((key) => signatures.map((signature) => ({ key, signature })));
  const verdicts = await Promise.all(
    pairs.map(({ key, signature }) => crypto.subtle.verify("HMAC", key, signature, signed)),
  );
  return verdicts.includes(true);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  } catch {
    return undefined;
  }
}
