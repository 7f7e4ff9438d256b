// All functions on this machine, under /functions/v1/<name> as Supabase serves them, and the page beside them.
//
//   PORT            where to listen, on the loopback interface only; 0 for any that is free
//   WEB_ROOT        the directory of the page; without it there is none
//   CARREL_DEV=yes  for development only: hands out tokens of the users in DEV_USERS to whoever asks
//   DEV_USERS       [{"id": "…", "name": "…"}, …]
//   WORKER_URL      the database for a role of services; with it, requests are worked on

import { ask } from "./ask/ask.ts";
import { developer } from "./_local/dev.ts";
import { documents } from "./documents/documents.ts";
import { hello } from "./hello/hello.ts";
import { json } from "./_shared/http.ts";
import { page } from "./_local/page.ts";
import { requests } from "./requests/requests.ts";
import { upload } from "./upload/upload.ts";
import { usage } from "./usage/usage.ts";
import { work } from "./_local/worker.ts";

const functions = new Map(Object.entries({ ask, documents, hello, requests, upload, usage }));
const development = Deno.env.get("CARREL_DEV") === "yes";
const files = Deno.env.get("WEB_ROOT");

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const name = /^\/functions\/v1\/([a-z]+)$/.exec(pathname)?.[1];
  const serve = name && functions.get(name);
  if (serve) return await serve(request);
  if (development && pathname.startsWith("/dev/")) return await developer(request);
  if (files && !name) return await page(request, files);
  return json(404, { error: { status: 404, message: "there is nothing here" } });
}

const port = Number(Deno.env.get("PORT") ?? 8000);
const server = Deno.serve({
  hostname: "127.0.0.1",
  port,
  onListen: ({ port }) => {
    console.log(`listening on http://127.0.0.1:${port}`);
    if (development) console.log("in development: anybody on this machine gets a token for the users of the demo");
  },
}, answer);

const stop = new AbortController();
const worker = Deno.env.get("WORKER_URL");
const working = worker ? work(worker, stop.signal) : Promise.resolve();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    stop.abort();
    await Promise.all([server.shutdown(), working]);
    Deno.exit(0);
  });
}
