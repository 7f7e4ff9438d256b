// Where tokens are for several services, only those that are meant for this one let in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, send, tokenOf } from "./call.ts";

const status = async (claims: object) =>
  (await send("hello", { headers: { authorization: `Bearer ${tokenOf(alice, claims)}` } })).status;

test("a token for this audience, of this issuer, lets in", async () => {
  assert.equal(await status({ aud: "here", iss: "us" }), 200);
  assert.equal(await status({ aud: ["there", "here"], iss: "us" }), 200);
});

test("one for another audience, of another issuer, or that doesn't say, lets nobody in", async () => {
  for (const claims of [{}, { aud: "here" }, { iss: "us" }, { aud: "there", iss: "us" }, { aud: "here", iss: "them" }]) {
    assert.equal(await status(claims), 401, JSON.stringify(claims));
  }
});
