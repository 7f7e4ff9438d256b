// Tokens for development, with DEVELOPMENT as it should be with CARREL_DEV=yes, else as without.

import assert from "node:assert/strict";
import { request } from "node:http";
import { env } from "node:process";
import { test } from "node:test";
import { alice, bob, send } from "./call.ts";

/** fetch would not send such headers. */
function ask(path: string, headers: Record<string, string>, user?: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(`${env.BASE_URL}${path}`, { method: user ? "POST" : "GET", headers }, async (answer) => {
      let body = "";
      for await (const part of answer) body += part;
      resolve({ status: answer.statusCode!, body });
    });
    call.on("error", reject);
    call.end(user && JSON.stringify({ user }));
  });
}

if (env.DEVELOPMENT) {
  test("a page of this machine gets a token for a user of the demo, and no other's", async () => {
    const { status, body } = await ask("/dev/token", { origin: env.BASE_URL! }, alice);
    assert.equal(status, 200);
    const headers = { authorization: `Bearer ${JSON.parse(body).token}` };
    assert.equal((await send("hello", { headers })).body.user_id, alice);
    assert.equal((await ask("/dev/token", {}, bob)).status, 404);
  });

  test("other pages get none, under whatever name they reach this machine", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, { host: "evil.example" }]) {
      for (const user of [alice, undefined]) {
        const { status, body } = await ask(user ? "/dev/token" : "/dev/users", headers, user);
        assert.equal(status, 403);
        assert(!body.includes(alice), body);
      }
    }
  });
} else {
  test("there are no tokens to be had", async () => {
    assert.equal((await ask("/dev/token", {}, alice)).status, 404);
    assert.equal((await ask("/dev/users", {})).status, 404);
  });
}
