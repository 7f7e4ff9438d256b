// A worker as services write them, with a model that takes its time and answers with the best passage. It has a
// connection of its own, for as long as it works.

import { connect, type Sql, transaction } from "../_shared/db.ts";

interface Claimed {
  id: string;
  user_id: string;
  content: string;
  lease_token: string;
}

/** Claims requests and completes them, two at a time, until the signal. */
export async function work(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const sql = connect(url, "carrel-worker");
    try {
      while (!signal.aborted) {
        const claimed = await sql<Claimed[]>`
          select id, user_id, content, lease_token from carrel.claim_requests('web', 2, lease => '30 seconds')`;
        await Promise.all(claimed.map((request) => complete(sql, request, signal)));
        if (claimed.length === 0) await pause(700, signal);
      }
    } catch (error) {
      // The server is away, or a lease is lost: the queue gives the request to whoever comes next.
      console.error(`worker: ${error instanceof Error ? error.message : error}`);
      await pause(2000, signal);
    } finally {
      await sql.end({ timeout: 5 });
    }
  }
}

async function complete(sql: Sql, { id, user_id, content, lease_token }: Claimed, signal: AbortSignal): Promise<void> {
  for (const progress of [0.2, 0.45, 0.7, 0.9]) {
    await pause(600 + Math.random() * 300, signal);
    const [lease] = await sql`
      select cancel_requested from carrel.heartbeat_request(${id}, ${lease_token}, progress => ${progress})`;
    if (lease!.cancel_requested) {
      await sql`select from carrel.fail_request(${id}, ${lease_token}, '{"message": "cancelled"}')`;
      return;
    }
  }
  const answer = await transaction(sql, "read only", async (tx) => {
    await tx`select carrel.act_as(${user_id})`;
    const [best] = await tx`
      select filename, section_title, snippet as passage from carrel.search_chunks(${content}, max_results => 1)`;
    return best ?? null;
  });
  const tokens = 180 + content.length + (answer?.passage.length ?? 0);
  await sql`select from carrel.complete_request(${id}, ${lease_token}, ${sql.json({ answer })},
    tokens => ${tokens}, cost => ${tokens * 0.000002})`;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
