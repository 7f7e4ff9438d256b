// Many at once: all are answered. How, the environment says: STATUSES are those that there may be, each at least once.

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { alice, bob, call } from "./call.ts";

test("200 requests at once are all answered", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const user = number % 2 ? alice : bob;
      const { status, body } = await call(user, ...(number % 3 ? ["hello"] : ["ask", { question: "herons" }]) as [string]);
      if (status === 200 && number % 3) assert.equal(body.user_id, user);
      return status;
    }),
  );
  const statuses = [...new Set(answers)].sort().join(" ");
  assert.equal(statuses, env.STATUSES);
});
