// What the tests share: tokens, and calls whose answers are looked at for what must never be in one.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { env } from "node:process";

export const secret = env.JWT_SECRET!;
export const alice = env.ALICE!;
export const bob = env.BOB!;

/** A token, made here by hand: what jose would refuse to sign is to be tried as well. */
export function token(claims: object, { alg = "HS256", key = secret } = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  const hash = { HS256: "sha256", HS384: "sha384", HS512: "sha512" }[alg];
  return `${text}.${hash ? createHmac(hash, key).update(text).digest("base64url") : ""}`;
}

export const soon = () => Math.floor(Date.now() / 1000) + 600;

export function tokenOf(user: string, claims: object = {}): string {
  // A database that verifies tokens itself knows keys by their issuer.
  const issuer = env.ISSUER ? { iss: env.ISSUER } : {};
  return token({ sub: user, exp: soon(), role: "authenticated", ...issuer, ...claims });
}

export interface Answer {
  status: number;
  // deno-lint-ignore no-explicit-any
  body: any;
  headers: Headers;
}

/** An answer within a minute, JSON if it has a body; fails if it tells something of the inside. */
export async function send(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${env.BASE_URL}/functions/v1/${path}`, { signal: AbortSignal.timeout(60_000), ...init });
  const text = await response.text();
  const told = text + JSON.stringify([...response.headers]);
  for (const inside of [secret, "postgres://", ".s.PGSQL", "node_modules", "file:///", ".ts:", env.PASSWORD]) {
    assert(!inside || !told.includes(inside), `${inside} is in the answer: ${told}`);
  }
  return { status: response.status, body: text ? JSON.parse(text) : null, headers: response.headers };
}

/** A call as a user: GET, or POST of what is given. */
export function call(user: string, path: string, input?: unknown): Promise<Answer> {
  return send(path, {
    method: input === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${tokenOf(user)}` },
    body: input === undefined ? undefined : JSON.stringify(input),
  });
}

/** What a call gives that has to work. */
export async function given(user: string, path: string, input?: unknown) {
  const { status, body } = await call(user, path, input);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}
