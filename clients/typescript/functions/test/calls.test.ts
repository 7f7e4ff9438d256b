// What the functions do, for whom, and what they say when they don't.

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { alice, bob, call, given, send, tokenOf } from "./call.ts";

const markdown = "# Brewing\n\nSencha steeps at seventy degrees.\n\n## Vessels\n\nA kyusu pours evenly.\n";

async function fails(status: number, user: string, path: string, input: unknown, error: object) {
  const answer = await call(user, path, input);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  for (const [name, value] of Object.entries(error)) {
    if (value instanceof RegExp) assert.match(answer.body.error[name], value);
    else assert.equal(answer.body.error[name], value);
  }
}

test("an uploaded document is in chunks at once, and is found", async () => {
  const { id, status, chunks } = await given(alice, "upload", { filename: "sencha.md", text: markdown, type: "text/markdown" });
  assert.equal(status, "completed");
  assert.equal(chunks, 1);
  const { results, citations, context, tokens } = await given(alice, "ask", { question: "How hot is sencha?" });
  assert.equal(results[0].document_id, id);
  assert.equal(results[0].filename, "sencha.md");
  assert.deepEqual(results[0].heading_path, ["Brewing"]);
  assert.match(results[0].snippet, /<mark>Sencha<\/mark> steeps/);
  assert.equal(citations[0].document_id, id);
  assert.match(context, /^\[1\] sencha\.md > Brewing\n/);
  assert(tokens > 10 && tokens < 1500);
  const { documents } = await given(alice, "documents");
  assert.deepEqual([documents[0].id, documents[0].chunks, documents[0].type], [id, 1, "text/markdown"]);
  const document = await given(alice, `documents?id=${id}`);
  assert.equal(document.chunks[0].content, markdown.trimEnd());
});

test("a document of any size is listed", async () => {
  const { documents } = await given(env.LIMITED!, "documents");
  assert.deepEqual([documents[0].filename, documents[0].bytes], ["film.mp4", 3_000_000_000]);
});

test("of a document with many chunks there are the first, and how many it has", async () => {
  const text = Array.from({ length: 460 }, (_, n) => `# Part ${n}\n\n${"The mole digs. ".repeat(40)}\n`).join("\n");
  const { id, chunks } = await given(alice, "upload", { filename: "long.md", text, type: "text/markdown" });
  assert(chunks > 200, `${chunks}`);
  const document = await given(alice, `documents?id=${id}`);
  assert.deepEqual([document.chunk_count, document.chunks.length], [chunks, 200]);
});

test("nobody gets at what is another's", async () => {
  const { id } = await given(alice, "upload", { filename: "secret.md", text: "The zeppelin leaves at noon." });
  assert.equal((await given(alice, "ask", { question: "zeppelin" })).results.length, 1);
  const { results, context, citations } = await given(bob, "ask", { question: "zeppelin" });
  assert.deepEqual([results, context, citations], [[], "", []]);
  assert((await given(bob, "documents")).documents.every((document: { id: string }) => document.id !== id));
  await fails(404, bob, `documents?id=${id}`, undefined, { message: "there is no such document" });
  const { id: request } = await given(alice, "requests", { agent_type: "writer", content: "zeppelins" });
  const ids = async (user: string) => (await given(user, "requests")).requests.map(({ id }: { id: string }) => id);
  assert((await ids(alice)).includes(request));
  assert(!(await ids(bob)).includes(request));
});

test("usage is the caller's, against the limits of their plan", async () => {
  const { name, plan, limits, days, starts_at, ends_at } = await given(bob, "usage");
  assert.deepEqual([name, plan], ["Bob", "free"]);
  const limit = limits.find((row: { event_type: string; measure: string }) =>
    row.event_type === "agent_request" && row.measure === "events");
  assert.deepEqual([limit.used, limit.limit], [2, 1000]);
  assert.deepEqual([days.length, days[0].events, days[0].tokens], [1, 2, 200]);
  assert(new Date(starts_at) < new Date() && new Date() < new Date(ends_at));
});

test("hostile names and texts are stored as they are", async () => {
  const texts = [
    "'); drop table carrel.documents; --",
    "<script>alert(1)</script><img src=x onerror=alert(2)><mark>",
    "\u202egnp.exe \u200b\ufeff \u{1f469}\u200d\u{1f680} ${1+1} {{7*7}} %00 \\x00 $1 $$",
    "../../etc/passwd\r\nset-cookie: a=b",
  ];
  for (const text of texts) {
    const { id, status } = await given(alice, "upload", { filename: text, text, type: text });
    assert.equal(status, "completed");
    const { filename, chunks } = await given(alice, `documents?id=${id}`);
    assert.equal(filename, text);
    assert.equal(chunks[0].content, text);
    await given(alice, "ask", { question: text });
  }
});

test("a long line, an empty text and a lone surrogate are texts like others", async () => {
  const { chunks } = await given(alice, "upload", { filename: "line.txt", text: "x".repeat(2_000_000) });
  assert(chunks >= 1250, `${chunks}`);
  assert.equal((await given(alice, "upload", { filename: "empty.txt", text: "" })).chunks, 0);
  const { id } = await given(alice, "upload", { filename: "half.txt", text: "half \ud83d an emoji" });
  assert.equal((await given(alice, `documents?id=${id}`)).chunks[0].content, "half \ufffd an emoji");
});

test("what is no text for Postgres is a bad request", () =>
  fails(400, alice, "upload", { filename: "nul.txt", text: "a\0b" }, { code: "22021" }));

test("input that is missing or of another type is a bad request", async () => {
  await fails(400, alice, "ask", {}, { message: "question has to be a text" });
  await fails(400, alice, "ask", { question: { text: "a" } }, { message: "question has to be a text" });
  await fails(400, alice, "upload", { filename: "a" }, { message: "text has to be a text" });
  await fails(400, alice, "upload", { filename: "", text: "a" }, { message: "filename has to be a text" });
  await fails(400, alice, "requests", { agent_type: "a", content: 1 }, { message: "content has to be a text" });
  await fails(400, alice, "documents?id=1", undefined, { code: "22P02" });
});

test("a body that is no JSON object is a bad request", async () => {
  const headers = { authorization: `Bearer ${tokenOf(alice)}` };
  for (const body of ["", "{", "[]", "null", "7", new Uint8Array([0x22, 0xff, 0x22])]) {
    const { status } = await send("ask", { method: "POST", headers, body });
    assert.equal(status, 400);
  }
});

test("a body that is too large is refused, whatever it says of its length", async () => {
  const input = { filename: "a", text: "x".repeat(9_000_000) };
  await fails(413, alice, "upload", input, { message: /more than 8388608 bytes/ });
  const stream = new Blob([JSON.stringify(input)]).stream();
  const headers = { authorization: `Bearer ${tokenOf(alice)}` };
  const { status } = await send("upload", { method: "POST", headers, body: stream, duplex: "half" } as RequestInit);
  assert.equal(status, 413);
});

test("what carrel finds too large is 413 with its hint", () =>
  fails(413, alice, "upload", { filename: "x".repeat(5000), text: "" }, { code: "54000", message: /filename/ }));

test("a hard limit is 402 with its numbers", () =>
  fails(402, env.LIMITED!, "requests", { agent_type: "a", content: "b" }, { code: "PT402", detail: /"limit"/ }));

test("what a policy forbids is 403", () =>
  fails(403, alice, "upload", { filename: "forbidden.md", text: "" }, { code: "42501" }));

test("a user who has no profile is told so, and nothing is stored", async () => {
  const nobody = "00000000-0000-4000-8000-000000000000";
  assert.equal((await given(nobody, "hello")).rows.user_profiles, 0);
  await fails(404, nobody, "usage", undefined, {});
  const { status } = await call(nobody, "upload", { filename: "a.md", text: "a" });
  assert.equal(status, 404);
});

test("a method or function that is not there is 405 or 404", async () => {
  const headers = { authorization: `Bearer ${tokenOf(alice)}` };
  const { status, headers: answered } = await send("hello", { method: "DELETE", headers });
  assert.equal(status, 405);
  assert.equal(answered.get("allow"), "GET");
  for (const path of ["nothing", "constructor", "hello/more", "_shared/db.ts", "..%2f..%2fdev/token"]) {
    assert.equal((await send(path, { headers })).status, 404, path);
  }
});
