// The caller's documents, newest first; with `id`, one and its first chunks.

import { handler, optionalText } from "../_shared/http.ts";
import { HttpError } from "../_shared/http_error.ts";

export const documents = handler({
  GET: {
    access: "read only",
    run: async (tx, input) => {
      const id = optionalText(input, "id");
      if (id === null) {
        const list = await tx`
          select d.id, d.filename, d.file_type as type, d.file_size::double precision as bytes, d.processing_status as status,
            d.processing_error as error, d.created_at,
            (select count(*)::integer from carrel.document_chunks as c where c.document_id = d.id) as chunks
          from carrel.documents as d
          order by d.created_at desc, d.id desc
          limit 50`;
        return { documents: list };
      }
      const [document] = await tx`
        select d.id, d.filename, d.processing_status as status, d.processing_error as error,
          (select count(*)::integer from carrel.document_chunks as c where c.document_id = d.id) as chunk_count
        from carrel.documents as d where d.id = ${id}::uuid`;
      if (!document) throw new HttpError(404, "there is no such document");
      const chunks = await tx`
        select chunk_index, section_title, to_jsonb(heading_path) as heading_path, size, left(content, 300) as content
        from carrel.document_chunks
        where document_id = ${id}::uuid
        order by chunk_index
        limit 200`;
      return { ...document, chunks };
    },
  },
});
