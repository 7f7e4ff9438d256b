// A token that the functions take and the database refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, send, tokenOf } from "./call.ts";

test("a token of an issuer that the database has no key of lets nobody in", async () => {
  for (const claims of [{}, { iss: "https://stranger.test" }]) {
    const headers = { authorization: `Bearer ${tokenOf(alice, claims)}` };
    const { status, body } = await send("hello", { headers });
    assert.equal(status, 401, JSON.stringify(body));
    assert.match(body.error.message, /not valid/);
  }
});
