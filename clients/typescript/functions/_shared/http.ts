// What all functions have in common over HTTP: CORS, JSON, and what an error becomes.

import postgres from "postgres";
import { asCaller, callerOf } from "./auth.ts";
import { Busy, endsSession, type Transaction } from "./db.ts";
import { HttpError } from "./http_error.ts";

/** What a function does for a method: in which access, and how its answer is made. */
interface Method {
  access: "read only" | "read write";
  run(tx: Transaction, input: Record<string, unknown>): Promise<unknown>;
}

type Methods = Partial<Record<"GET" | "POST", Method>>;

/** A body may have this many bytes. */
const largest = 8 * 1024 * 1024;

/** A function over HTTP: for its methods, which each run in one transaction as the caller; input is JSON, or the query. */
export function handler(methods: Methods): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: cors(methods) });
      const method = methods[request.method as keyof Methods];
      if (!method) throw new HttpError(405, `there is no ${request.method} here`);
      const caller = await callerOf(request);
      const input = request.method === "GET" ? query(request) : await body(request);
      const answer = await asCaller(caller, method.access, (tx) => method.run(tx, input));
      return json(200, answer, cors(methods));
    } catch (error) {
      const { status, ...shown } = told(error);
      const headers = cors(methods);
      if (status === 401) headers.set("www-authenticate", "Bearer");
      if (status === 405) headers.set("allow", Object.keys(methods).join(", "));
      if (status === 503) headers.set("retry-after", "2");
      return json(status, { error: shown }, headers);
    }
  };
}

/** Any page may call: what a caller may do, their token says, and no browser adds that by itself as it does cookies. */
function cors(methods: Methods): Headers {
  return new Headers({
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "authorization, x-client-info, apikey, content-type",
    "access-control-allow-methods": [...Object.keys(methods), "OPTIONS"].join(", "),
    "access-control-max-age": "600",
  });
}

export function json(status: number, value: unknown, headers = new Headers()): Response {
  headers.set("content-type", "application/json; charset=utf-8");
  headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
  return new Response(JSON.stringify(value), { status, headers });
}

function query(request: Request): Record<string, unknown> {
  return Object.fromEntries(new URL(request.url).searchParams);
}

async function body(request: Request): Promise<Record<string, unknown>> {
  const bytes = await read(request);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, "the body is not JSON in UTF-8");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpError(400, "the body is not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** Stops reading at the limit: what a request says of its own length need not be true. */
async function read(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > largest) throw new HttpError(413, `the body has more than ${largest} bytes`);
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** A text of the input. One that may be left out is null then. */
export function text(input: Record<string, unknown>, name: string): string {
  const value = input[name];
  if (typeof value !== "string" || value === "") throw new HttpError(400, `${name} has to be a text`);
  return value;
}

export function optionalText(input: Record<string, unknown>, name: string): string | null {
  return input[name] == null || input[name] === "" ? null : text(input, name);
}

interface Told {
  status: number;
  message: string;
  code?: string;
  hint?: string;
  detail?: string;
}

/** What a caller is told of an error: what carrel says in full, of all else no more than that it happened. */
function told(error: unknown): Told {
  if (error instanceof HttpError) return { status: error.status, message: error.message, hint: error.hint };
  if (error instanceof Busy) return unavailable;
  // A session that ends, or never began (a wrong password, no free connection), is no answer to the caller.
  if (endsSession(error)) {
    console.error(`connection: ${(error as { code: string }).code}`);
    return unavailable;
  }
  if (error instanceof postgres.PostgresError) {
    const status = statusOf(error.code);
    if (status < 500) {
      const { message, code, hint } = error;
      return { status, message, code, hint, detail: code.startsWith("PT") ? error.detail : undefined };
    }
    console.error(`${error.code}: ${error.message}`);
    return status === 503 ? unavailable : unexpected;
  }
  console.error(error);
  return unexpected;
}

const unavailable: Told = { status: 503, message: "the database can't be reached now; try again" };
const unexpected: Told = { status: 500, message: "something went wrong here" };

/** The status for an SQLSTATE, as PostgREST has it: PTxyz is xyz. */
function statusOf(code: string): number {
  const asked = /^PT([1-5][0-9][0-9])$/.exec(code)?.[1];
  if (asked) return Number(asked);
  switch (code) {
    case "28000":
      return 401;
    case "42501":
      return 403;
    case "P0002":
      return 404;
    case "23503":
    case "23505":
      return 409;
    case "54000":
      return 413;
    // Serialization, deadlock, a lock or a statement that took too long: the same again may work.
    case "40001":
    case "40P01":
    case "55P03":
    case "57014":
      return 503;
  }
  switch (code.slice(0, 2)) {
    case "22":
    case "23":
      return 400;
    case "08":
    case "53":
    case "57":
      return 503;
  }
  return 500;
}
