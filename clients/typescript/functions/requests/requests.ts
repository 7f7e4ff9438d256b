// What the caller asked agents for, newest first; POST asks for more.

import { handler, text } from "../_shared/http.ts";

export const requests = handler({
  GET: {
    access: "read only",
    run: async (tx) => {
      const list = await tx`
        select id, agent_type, content, status, progress, results, error, token_cost::double precision as tokens, created_at,
          completed_at
        from carrel.agent_requests
        order by created_at desc, id desc
        limit 20`;
      return { requests: list };
    },
  },
  POST: {
    access: "read write",
    run: async (tx, input) => {
      const [request] = await tx`
        select carrel.create_request(${text(input, "agent_type")}, ${text(input, "content")}) as id`;
      return { id: request!.id, status: "pending" };
    },
  },
});
