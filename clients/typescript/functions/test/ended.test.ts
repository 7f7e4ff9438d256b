import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, call } from "./call.ts";

test("the function answers 503", async () => assert.equal((await call(alice, "hello")).status, 503));
