/** The vectors that all client libraries share. */

import { readdirSync, readFileSync } from "node:fs";
import type { Event } from "../../src/index.js";

// From build/test/support on.
const FOLDER = new URL("../../../../vectors/", import.meta.url);

export interface UserState {
  readonly version: number;
  readonly active: boolean;
  readonly userName?: string;
  readonly roles?: readonly string[];
}

export interface History {
  readonly name: string;
  readonly description: string;
  readonly events: readonly Event[];
  readonly orders: ReadonlyArray<readonly number[]>;
  readonly state: {
    readonly users: Record<string, UserState>;
    readonly groups: readonly string[];
    readonly memberships: ReadonlyArray<readonly [string, string]>;
  };
}

export interface Signature {
  readonly description: string;
  readonly payload: string;
  readonly headers: Record<string, string>;
  readonly secrets: readonly string[];
  readonly now: number;
  readonly verdict: string;
}

export function histories(): readonly History[] {
  const folder = new URL("histories/", FOLDER);
  return readdirSync(folder).map((file) => ({
    name: file.replace(".json", ""),
    ...JSON.parse(readFileSync(new URL(file, folder), "utf8")),
  }));
}

export function signatures(): readonly Signature[] {
  return JSON.parse(readFileSync(new URL("signatures.json", FOLDER), "utf8"));
}
