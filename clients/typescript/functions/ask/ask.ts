// The passages that answer a question best, and the text for a prompt that is made of them.
//
// Nothing in a snippet is escaped: who shows it makes texts of what is between its marks, never HTML.

import { handler, text } from "../_shared/http.ts";

export const ask = handler({
  POST: {
    access: "read only",
    run: async (tx, input) => {
      const question = text(input, "question");
      const results = await tx`
        select chunk_id, document_id, filename, chunk_index, section_title, to_jsonb(heading_path) as heading_path,
          snippet, start_offset, end_offset, score, matched
        from carrel.search_chunks(${question}, max_results => 8)`;
      const [context] = await tx`
        select context, citations, tokens from carrel.build_context(${question}, max_tokens => 1500)`;
      return { results, ...context };
    },
  },
});
