/** Webhooks: Standard Webhooks to the letter, held against its own library. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Webhook } from "standardwebhooks";
import { VerificationError, verify } from "../src/index.js";
import { type Signature, signatures } from "./support/vectors.js";

const SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiB3ZWJob29rcw==";
const PAYLOAD = '{"type":"user.deactivated"}';

describe("the shared vectors", () => {
  for (const vector of signatures()) {
    it(`${vector.description}: ${vector.verdict}`, async () => {
      assert.equal(await verdictOf(vector), vector.verdict);
    });
  }
});

it("what the library of Standard Webhooks has signed is valid, in every form of headers", async () => {
  const headers = signed(PAYLOAD);
  const bytes = new TextEncoder().encode(PAYLOAD);
  for (const form of [headers, new Headers(headers), { ...headers, other: ["a", "b"] }]) {
    assert.deepEqual(await verify(PAYLOAD, form, SECRET), JSON.parse(PAYLOAD));
    assert.deepEqual(await verify(bytes, form, [SECRET]), JSON.parse(PAYLOAD));
  }
});

it("what the library of Standard Webhooks refuses is refused", async () => {
  const headers = signed(PAYLOAD);
  const signature = headers["webhook-signature"];
  const wrong = [
    { ...headers, "webhook-id": "another" },
    { ...headers, "webhook-signature": signature.replace("v1,", "v1a,") },
    { ...headers, "webhook-signature": `${signature.slice(0, 12)}A${signature.slice(13)}` },
    { ...headers, "webhook-timestamp": `${Math.floor(Date.now() / 1000) - 301}` },
    { ...headers, "webhook-timestamp": `${Math.floor(Date.now() / 1000) + 301}` },
  ];
  for (const each of wrong) {
    assert.throws(() => new Webhook(SECRET).verify(PAYLOAD, each));
    await assert.rejects(verify(PAYLOAD, each, SECRET), VerificationError);
  }
});

it("a secret that is none is a fault of the product, not of the webhook", async () => {
  for (const secret of ["", "whsec_", "whsec_?", []]) {
    await assert.rejects(verify(PAYLOAD, signed(PAYLOAD), secret), TypeError);
  }
});

function signed(payload: string): Record<string, string> & { "webhook-signature": string } {
  const now = new Date();
  return {
    "webhook-id": "01a0",
    "webhook-timestamp": `${Math.floor(now.getTime() / 1000)}`,
    "webhook-signature": new Webhook(SECRET).sign("01a0", now, payload),
  };
}

async function verdictOf({ payload, headers, secrets, now }: Signature): Promise<string> {
  try {
    await verify(payload, headers, secrets, { now });
    return "valid";
  } catch (error) {
    assert.ok(error instanceof VerificationError, `${error}`);
    return error.fault;
  }
}
