/**
 * Requests: one GET with its time-out, its attempts and its errors.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { errorOf, isTemporary, noAnswer, ServiceError } from "./errors.js";
import { VERSION } from "./version.js";

/** How requests are sent. */
export interface TransportOptions {
  /** Seconds that each attempt may take, besides the time that the service is asked to wait. 10. */
  readonly timeout?: number;
  /** How often a request is sent at most; 1 repeats nothing. 4. */
  readonly attempts?: number;
  /** Seconds between two attempts at most. What asks to be left alone for longer is raised. 30. */
  readonly longestPause?: number;
  /** What sends requests; that of the platform unless you give another. */
  readonly fetch?: typeof fetch;
}

/** A JSON object. */
export type Body = Readonly<Record<string, unknown>>;

/** What of one request is its own. */
export interface RequestOptions {
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
  /** Seconds that the service is asked to wait. */
  readonly wait?: number | undefined;
}

/** The query of a request; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** Sends GET requests with an API key. That is all that the library sends, so any may be repeated. */
export class Transport {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeout: number;
  readonly #attempts: number;
  readonly #longestPause: number;
  readonly #fetch: typeof fetch;

  /** @throws TypeError if the address or the key cannot be one, or the key would go in the clear. */
  constructor(baseUrl: string, apiKey: string, options: TransportOptions) {
    this.#base = checkedBase(baseUrl);
    if (!/^scimkey_[\x21-\x7e]+$/.test(apiKey)) {
      throw new TypeError("the API key is none: it begins with scimkey_");
    }
    this.#headers = {
      Accept: "application/json",
      Authorization: `Bearer ${apiKey}`,
      "User-Agent": `scim-on-functions-client/${VERSION} typescript`,
    };
    this.#timeout = options.timeout ?? 10;
    this.#attempts = options.attempts ?? 4;
    this.#longestPause = options.longestPause ?? 30;
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * Reads a JSON document, and repeats what may succeed later.
   *
   * @param path - below the base address, already encoded.
   */
  async get(path: string, query: Query = {}, options: RequestOptions = {}): Promise<Body> {
    const url = this.#url(path, query);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(url, options);
      } catch (error) {
        const pause = backoff(attempt, error);
        const isLast = attempt >= this.#attempts || pause > this.#longestPause;
        if (isLast || !isTemporary(error)) throw error;
        await pauseFor(pause, options.signal);
      }
    }
  }

  #url(path: string, query: Query): URL {
    const url = new URL(this.#base.pathname.replace(/\/$/, "") + path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async #attempt(url: URL, { signal, wait }: RequestOptions): Promise<Body> {
    signal?.throwIfAborted();
    const timeout = AbortSignal.timeout((this.#timeout + (wait ?? 0)) * 1000);
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    try {
      const response = await this.#fetch(url, {
        headers: this.#headers,
        signal: either,
        redirect: "manual", // the key goes to the address that was configured and nowhere else
      });
      return await answerOf(response);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ServiceError) throw error;
      const reason = timeout.aborted ? "in time" : "from the service";
      throw noAnswer(`no answer ${reason}: ${url.origin}${url.pathname}`, 0, error);
    }
  }
}

/**
 * Waits, unless the signal ends it.
 *
 * @throws the reason of the signal.
 */
export async function pauseFor(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.max(0, seconds) * 1000, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Draws a pause, in seconds, from a range that doubles with each attempt; at least `Retry-After`. */
function backoff(attempt: number, error: unknown): number {
  const drawn = 0.1 + Math.random() * (0.25 * 2 ** attempt - 0.1);
  const asked = error instanceof ServiceError ? error.retryAfter : undefined;
  return Math.max(drawn, asked ?? 0);
}

function checkedBase(baseUrl: string): URL {
  const base = new URL(baseUrl);
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(base.hostname);
  const isSafe = base.protocol === "https:" || (base.protocol === "http:" && isHere);
  if (!isSafe || base.search || base.hash || base.username) {
    throw new TypeError(`baseUrl is no https address of the service: ${base.origin}`);
  }
  return base;
}

async function answerOf(response: Response): Promise<Body> {
  const body = parsed(await response.text());
  if (!response.ok) throw refusal(response, body);
  if (!isRecord(body)) {
    throw noAnswer("the answer is no JSON; is baseUrl that of the service?", response.status);
  }
  return body;
}

/** Reads a problem document (RFC 9457), an error of SCIM, or what a proxy says. */
function refusal(response: Response, body: unknown): ServiceError {
  const problem = isRecord(body) ? body : {};
  const retryAfter = secondsIn(response.headers.get("Retry-After"));
  return errorOf({
    status: response.status,
    type: firstText(problem["type"], problem["scimType"]),
    detail: firstText(problem["detail"], problem["title"], response.statusText, "no reason given"),
    requestId: response.headers.get("Request-Id") ?? "",
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

/** Reads `Retry-After` (RFC 9110 section 10.2.3): seconds, or a moment. */
function secondsIn(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const moment = Date.parse(header);
  return Number.isNaN(moment) ? undefined : Math.max(0, (moment - Date.now()) / 1000);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstText(...values: readonly unknown[]): string {
  const found = values.find((value) => typeof value === "string" && value !== "");
  return typeof found === "string" ? found : "";
}

function isRecord(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
