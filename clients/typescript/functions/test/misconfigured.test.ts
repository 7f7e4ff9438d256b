// Where the connection's role is not one that may act for users, that is nobody's fault who calls.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, call } from "./call.ts";

test("the caller is told that something is wrong, and nothing of what", async () => {
  const { status, body } = await call(alice, "hello");
  assert.equal(status, 500);
  assert.deepEqual(body, { error: { message: "something went wrong here" } });
});
