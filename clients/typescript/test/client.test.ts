/** What is asked of a tenant, and what comes of refusals, outages and time-outs. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import {
  Client,
  CursorExpiredError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  RateLimitedError,
  ServiceError,
  UnauthorizedError,
  UnavailableError,
} from "../src/index.js";
import { FakeService, KEY, problem, scimError } from "./support/fake_service.js";

describe("reading", () => {
  it("asks whether somebody may sign in", async () => {
    const service = new FakeService();
    service.createUser("ana");
    service.setActive("ana", false);
    const decision = await service.tenant().access({ userName: "ana@contoso.test" });
    assert.deepEqual(decision, { decision: "deny", reason: "deactivated", id: "ana", version: 2 });
    assert.equal((await service.tenant().access({ userName: "nobody" })).decision, "unknown");
  });

  it("walks lists page by page, by cursor", async () => {
    const service = new FakeService();
    const ids = Array.from({ length: 8 }, (_, number) => `u${number}`);
    for (const id of ids) service.createUser(id);
    const found = [];
    for await (const user of service.tenant().users()) found.push(user.id);
    assert.deepEqual(found, ids);
    assert.deepEqual(service.requests, [
      "Users?count=200&cursor=",
      "Users?count=200&cursor=u2",
      "Users?count=200&cursor=u5",
    ]);
  });

  it("reads no members with groups, and the members of one with their types", async () => {
    const service = new FakeService();
    service.createUser("ana");
    service.createGroup("sales");
    service.createGroup("all");
    service.join("all", "ana", "sales");
    for await (const group of service.tenant().groups()) assert.equal(group.members, undefined);
    assert.match(service.requests[0] ?? "", /excludedAttributes=members/);
    assert.deepEqual(await service.tenant().groupMembers("all"), [
      { id: "ana", type: "User" },
      { id: "sales", type: "Group" },
    ]);
    assert.deepEqual(await service.tenant().groupsWith("sales"), new Set(["all"]));
  });

  it("finds nobody where there is nobody", async () => {
    assert.equal(await new FakeService().tenant().user("a/../b?"), undefined);
    assert.equal(await new FakeService().tenant().group("nothing"), undefined);
  });

  it("goes to the paths of the tenant, with the key", async () => {
    const sent: string[] = [];
    const spy: typeof fetch = async (url, init) => {
      const headers = new Headers(init?.headers);
      sent.push(`${url} ${headers.get("Authorization")}`);
      return Response.json({ id: "x", schemas: [], cursor: "c", events: [], decision: "allow" });
    };
    const client = new Client("https://id.example.com/base/", KEY, { fetch: spy });
    await client.tenant().user("a b");
    await client.tenant("acme").user("1");
    await client.tenant().events({ after: "c", types: ["user.created", "user.deleted"], wait: 5 });
    assert.deepEqual(sent, [
      `https://id.example.com/base/scim/v2/Users/a%20b Bearer ${KEY}`,
      `https://id.example.com/base/tenants/acme/scim/v2/Users/1 Bearer ${KEY}`,
      "https://id.example.com/base/api/v1/tenants/default/events?after=c&wait=5" +
        `&types=user.created%2Cuser.deleted Bearer ${KEY}`,
    ]);
  });
});

describe("what cannot be", () => {
  it("an address that the key would go to in the clear, or a key that is none", () => {
    for (const url of [
      "http://id.example.com",
      "ftp://localhost",
      "id.example.com",
      "https://x/?a",
    ]) {
      assert.throws(() => new Client(url, KEY), TypeError);
    }
    for (const key of ["", "token", `${KEY}\n`, "scimkey_\u00e4"]) {
      assert.throws(() => new Client("https://id.example.com", key), TypeError);
    }
    assert.ok(new Client("http://127.0.0.1:7071", KEY));
  });
});

describe("refusals", () => {
  const kinds = [
    [400, InvalidRequestError],
    [401, UnauthorizedError],
    [403, ForbiddenError],
    [404, NotFoundError],
    [410, CursorExpiredError],
    [429, RateLimitedError],
    [503, UnavailableError],
    [418, ServiceError],
  ] as const;

  for (const [status, kind] of kinds) {
    it(`${status} is a ${kind.name}, with what the problem document says`, async () => {
      const service = new FakeService();
      service.faults.push(() => problem(status, "some-type", "What to do."));
      await assert.rejects(service.tenant({ attempts: 1 }).events(), (error) => {
        assert.ok(error instanceof kind);
        assert.equal(error.name, kind.name);
        assert.equal(error.message, `${status}: What to do.`);
        const { type, detail, requestId } = error;
        assert.deepEqual([type, detail, requestId], ["/problems/some-type", "What to do.", "r-1"]);
        return error.status === status;
      });
      assert.equal(service.requests.length, 1);
    });
  }

  it("of SCIM have its scimType", async () => {
    const service = new FakeService();
    service.faults.push(() => scimError(400, "The cursor has expired.", "expiredCursor"));
    await assert.rejects(service.tenant().users().next(), {
      name: "InvalidRequestError",
      type: "expiredCursor",
    });
  });

  it("without a body, as of a host, are told by their status", async () => {
    const service = new FakeService();
    service.faults.push(() => new Response("<html>", { status: 403, statusText: "Forbidden" }));
    await assert.rejects(service.tenant().events(), { name: "ForbiddenError", type: "" });
  });

  it("an answer that is none of the service is an outage, and a redirect is not followed", async () => {
    const answers = [
      () => new Response("<html>"),
      () => Response.json([]),
      () => Response.json({}),
    ];
    for (const answer of answers) {
      const service = new FakeService();
      service.faults.push(answer);
      await assert.rejects(service.tenant({ attempts: 1 }).events(), UnavailableError);
    }
    const moved = new FakeService();
    moved.faults.push(
      () => new Response(null, { status: 302, headers: { Location: "https://x" } }),
    );
    await assert.rejects(moved.tenant().events(), { name: "ServiceError", status: 302 });
  });
});

describe("repeating", () => {
  it("repeats what may succeed later, as often as it was told", async () => {
    const service = new FakeService();
    const cut = () => Promise.reject(new TypeError("fetch failed"));
    service.faults.push(
      () => problem(503, "unavailable", "Later."),
      cut,
      () => new Response("?"),
    );
    assert.deepEqual((await service.tenant().events()).events, []);
    assert.equal(service.requests.length, 4);
  });

  it("gives up with the last reason", async () => {
    const service = new FakeService();
    const cut = () => Promise.reject(new TypeError("fetch failed"));
    service.faults.push(cut, cut);
    await assert.rejects(service.tenant({ attempts: 2 }).events(), (error) => {
      assert.ok(error instanceof UnavailableError);
      assert.equal(error.status, 0);
      assert.match(error.message, /no answer from the service: https:\/\/id\.example\.com\/api/);
      return (error.cause as Error).message === "fetch failed";
    });
    assert.equal(service.requests.length, 2);
  });

  it("waits as long as Retry-After says", async () => {
    const service = new FakeService();
    service.faults.push(() => problem(429, "rate-limited", "Slower.", { "Retry-After": "1" }));
    const began = performance.now();
    await service.tenant().events();
    assert.ok(performance.now() - began > 990);
  });

  it("raises at once what asks to be left alone for longer than it was told to wait", async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
    for (const header of ["3600", inAnHour]) {
      const service = new FakeService();
      const headers = { "Retry-After": header };
      service.faults.push(() => problem(503, "unavailable", "Later.", headers));
      await assert.rejects(service.tenant().events(), (error) => {
        assert.ok(error instanceof UnavailableError);
        const { retryAfter = 0 } = error;
        return retryAfter > 3590 && retryAfter <= 3600;
      });
      assert.equal(service.requests.length, 1);
    }
  });

  it("is ended by a signal, within a request and between two", async () => {
    for (const retryAfter of ["20", undefined]) {
      const service = new FakeService();
      const ending = new AbortController();
      const headers = retryAfter ? { "Retry-After": retryAfter } : {};
      service.faults.push(() => {
        ending.abort(new Error("enough"));
        return problem(429, "rate-limited", "Slower.", headers);
      });
      const reading = service.tenant().events({ signal: ending.signal });
      await assert.rejects(reading, { message: "enough" });
      assert.equal(service.requests.length, 1);
    }
  });
});

it("gives a silent service up when the time is over", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = silent.address() as AddressInfo;
    const options = { timeout: 0.05, attempts: 2 };
    const client = new Client(`http://127.0.0.1:${port}`, KEY, options);
    await assert.rejects(client.tenant().access({ email: "a@b" }), {
      name: "UnavailableError",
      message: /no answer in time/,
    });
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});
