import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, call } from "./call.ts";

test("all whose sessions are ended are answered 503", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(alice, "hello")));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [503]);
});
