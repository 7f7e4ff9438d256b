// One connection a request, closed when the request is done, whatever became of it.
//
// An edge function's process may be stopped at any time, so a pool of its own would leave connections behind and
// share none. Where many functions run, a pooler stands before the server. In transaction mode (PgBouncer, or
// Supabase's port 6543) it gives each transaction any of its server connections. Hence:
// - Nothing is prepared by name: the name would be in one server connection, its use in another. PgBouncer from 1.21
//   on keeps names apart where max_prepared_statements is set; then `prepare` may be true.
// - Settings are those of a transaction (auth.ts). What is set for a session, or in the startup packet, a pooler
//   refuses or hands on to whoever comes next.

import postgres from "postgres";

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;

/** How many connections this process has at most; who comes when all are in use waits for one. */
const most = Number(Deno.env.get("DATABASE_CONNECTIONS") ?? 20);
if (!Number.isInteger(most) || most < 1) throw new Error("DATABASE_CONNECTIONS has to be a number from 1");
/** How long somebody waits for one, and then for what is done with it, in milliseconds. */
const patience = 10_000;
const deadline = 30_000;

/** There was no connection to be had in time, or no answer. */
export class Busy extends Error {}

let inUse = 0;
const waiting: (() => void)[] = [];

async function enter(): Promise<void> {
  if (inUse < most) {
    inUse += 1;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const turn = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(turn), 1);
      reject(new Busy("no connection in time"));
    }, patience);
    waiting.push(turn);
  });
}

/** The next one in line takes the place over, so that `inUse` stays as it is. */
function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else inUse -= 1;
}

/** Runs `work` with a connection of its own. */
export async function withConnection<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
  await enter();
  try {
    const sql = connect(address(), "carrel-functions");
    let done = false;
    try {
      const result = await inTime(work(sql));
      done = true;
      return result;
    } finally {
      // A connection whose session is over, or hangs, would never say that it is closed.
      await sql.end({ timeout: done ? 5 : 0 });
    }
  } finally {
    leave();
  }
}

/**
 * A transaction on a connection. When the session is over, none of its queries may follow: postgres.js 3.4.9 would end
 * the whole process over a write to a socket that is gone (its issue 1208), be it only the rollback that `begin` sends
 * where the work fails. So that failure is kept from it, and `begin` ends as the connection closes.
 */
export async function transaction<T>(
  sql: Sql,
  access: "read only" | "read write",
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  let end: { reason: unknown } | undefined;
  try {
    const result = await sql.begin(access, async (tx) => {
      try {
        return await work(tx);
      } catch (reason) {
        if (!endsSession(reason)) throw reason;
        end = { reason };
        return await new Promise<never>(() => {});
      }
    });
    return result as T;
  } catch (error) {
    throw end ? end.reason : error;
  }
}

/** Whether there is no session any more after an error: the server said so, or the socket did. */
export function endsSession(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return error.severity === "FATAL" || error.severity === "PANIC";
  // postgres.js and the system have codes for what went wrong between here and the server.
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(E[A-Z]+$|CONNECT|CONNECTION_)/.test(code);
}

/** The work's outcome; that it's late, where it is. Its connection is closed by who opened it. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Busy("no answer in time")), deadline);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that is opened by its first query. */
export function connect(url: string, name: string): Sql {
  const { url: rest, host, port } = socketOf(url);
  return postgres(rest, {
    ...(host && { host, port }),
    max: 1,
    prepare: false,
    // Types are named in the queries, so that a connection need not ask for those of the database first.
    fetch_types: false,
    connect_timeout: 5,
    connection: { application_name: name },
    onnotice: () => {},
  });
}

function address(): string {
  const url = Deno.env.get("DATABASE_URL") ?? Deno.env.get("SUPABASE_DB_URL");
  if (!url) throw new Error("neither DATABASE_URL nor SUPABASE_DB_URL is set");
  return url;
}

/** libpq takes a socket's directory as `?host=`; postgres.js would send that to the server as a setting. */
function socketOf(url: string): { url: string; host?: string; port?: number } {
  const parsed = new URL(url);
  const host = parsed.searchParams.get("host");
  if (!host?.startsWith("/")) return { url };
  parsed.searchParams.delete("host");
  return { url: parsed.href, host, port: Number(parsed.port || 5432) };
}
