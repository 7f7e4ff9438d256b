import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, given } from "./call.ts";

test("the function answers", async () => assert.equal((await given(alice, "hello")).rows.documents, 3));
