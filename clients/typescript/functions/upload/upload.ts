// A document: its text is cut into chunks and indexed in the same transaction. One that can't be processed is kept,
// and its status says so.

import { handler, optionalText, text } from "../_shared/http.ts";
import { HttpError } from "../_shared/http_error.ts";

export const upload = handler({
  POST: {
    access: "read write",
    run: async (tx, input) => {
      const filename = text(input, "filename");
      if (typeof input.text !== "string") throw new HttpError(400, "text has to be a text");
      const [document] = await tx`
        with added as (
          select carrel.add_document(${filename}, ${input.text}, file_type => ${optionalText(input, "type")}) as id
        )
        select id from added`;
      // A statement of its own: those before it don't show what they did.
      const [added] = await tx`
        select d.id, d.filename, d.processing_status as status, d.processing_error as error,
          (select count(*)::integer from carrel.document_chunks as c where c.document_id = d.id) as chunks
        from carrel.documents as d
        where d.id = ${document!.id}`;
      return added;
    },
  },
});
