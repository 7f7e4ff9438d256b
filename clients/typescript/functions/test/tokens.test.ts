// Who gets in, and who doesn't.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, bob, secret, send, soon, token, tokenOf } from "./call.ts";

const withHeader = (authorization?: string) => send("hello", { headers: authorization ? { authorization } : {} });

async function refuses(authorization: string | undefined, message: RegExp) {
  const { status, body, headers } = await withHeader(authorization);
  assert.equal(status, 401, JSON.stringify(body));
  assert.match(body.error.message, message);
  assert.equal(headers.get("www-authenticate"), "Bearer");
}

test("a user with a token sees who they are and how many rows they have", async () => {
  for (const user of [alice, bob]) {
    const { status, body } = await withHeader(`Bearer ${tokenOf(user)}`);
    assert.equal(status, 200);
    assert.equal(body.user_id, user);
    const { document_chunks: chunks, ...rows } = body.rows;
    assert.deepEqual(rows, { user_profiles: 1, documents: 3, agent_sessions: 1, agent_requests: 3, usage_events: 3 });
    assert(chunks > 3, `${chunks} chunks`);
  }
});

test("without a token nobody gets in", () => refuses(undefined, /no Authorization header/));

test("what is no bearer token lets nobody in", async () => {
  for (const header of ["Basic YTpi", "Bearer", `Bearer ${tokenOf(alice)} ${tokenOf(bob)}`, tokenOf(alice)]) {
    await refuses(header, /no bearer token/);
  }
  for (const broken of ["x", "a.b.c", `${tokenOf(alice)}x`, tokenOf(alice).slice(0, -1), "..", "e30.e30."]) {
    await refuses(`Bearer ${broken}`, /not valid/);
  }
});

test("a token that another secret signed lets nobody in", () =>
  refuses(`Bearer ${token({ sub: alice, exp: soon() }, { key: `${secret}x` })}`, /not valid/));

test("a token whose claims were changed lets nobody in", () => {
  const [header, , signature] = tokenOf(alice).split(".");
  const [, claims] = tokenOf(bob).split(".");
  return refuses(`Bearer ${header}.${claims}.${signature}`, /not valid/);
});

test("an expired token lets nobody in, nor does one that never expires or is not valid yet", async () => {
  await refuses(`Bearer ${tokenOf(alice, { exp: Math.floor(Date.now() / 1000) - 1 })}`, /expired/);
  await refuses(`Bearer ${token({ sub: alice })}`, /not valid/);
  await refuses(`Bearer ${tokenOf(alice, { nbf: soon() })}`, /not valid/);
});

test("the algorithm is not the token's to say", async () => {
  for (const alg of ["none", "None", "HS384", "HS512", "RS256"]) {
    await refuses(`Bearer ${token({ sub: alice, exp: soon() }, { alg })}`, /not valid/);
  }
});

test("a sub that is no uuid lets nobody in", async () => {
  for (const sub of ["alice", "", `${alice}x`, ` ${alice}`, `{${alice}}`, 7, null, [alice], { id: alice }]) {
    await refuses(`Bearer ${token({ sub, exp: soon() })}`, /sub is not a uuid|not valid/);
  }
  await refuses(`Bearer ${token({ exp: soon() })}`, /not valid/);
});

test("a token of another role than end users' lets nobody in", async () => {
  for (const role of ["service_role", "anon", "postgres", "", null]) {
    await refuses(`Bearer ${tokenOf(alice, { role })}`, /not an end user's/);
  }
});

test("a browser may ask from any page, without a token, and reads errors as well", async () => {
  const { status, body, headers } = await send("hello", {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "GET" },
  });
  assert.equal(status, 204);
  assert.equal(body, null);
  assert.equal(headers.get("access-control-allow-origin"), "*");
  assert.match(headers.get("access-control-allow-headers")!, /authorization.*content-type/);
  assert.match(headers.get("access-control-allow-methods")!, /GET/);
  assert.equal((await withHeader()).headers.get("access-control-allow-origin"), "*");
});
