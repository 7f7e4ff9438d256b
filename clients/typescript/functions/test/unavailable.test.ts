// Where the database can't be reached, callers are told that, and nothing of where it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, call, send } from "./call.ts";

test("every function answers 503, and says when to try again", async () => {
  const calls: [string, unknown?][] = [
    ["hello"],
    ["ask", { question: "a" }],
    ["upload", { filename: "a", text: "a" }],
    ["documents"],
    ["usage"],
    ["requests"],
    ["requests", { agent_type: "a", content: "a" }],
  ];
  for (const { status, body, headers } of await Promise.all(calls.map((each) => call(alice, ...each)))) {
    assert.equal(status, 503);
    assert.deepEqual(body, { error: { message: "the database can't be reached now; try again" } });
    assert.equal(headers.get("retry-after"), "2");
  }
});

test("a wrong token is refused all the same", async () => assert.equal((await send("hello")).status, 401));
