// Who the caller is to the database, and how many rows of each table they see: theirs.

import { handler } from "../_shared/http.ts";

export const hello = handler({
  GET: {
    access: "read only",
    run: async (tx) => {
      const [row] = await tx`select carrel.version() as version, carrel.current_user_id() as user_id, jsonb_build_object(
        'user_profiles', (select count(*) from carrel.user_profiles),
        'documents', (select count(*) from carrel.documents),
        'document_chunks', (select count(*) from carrel.document_chunks),
        'agent_sessions', (select count(*) from carrel.agent_sessions),
        'agent_requests', (select count(*) from carrel.agent_requests),
        'usage_events', (select count(*) from carrel.usage_events)
      ) as rows`;
      return row;
    },
  },
});
