// The user's documents. A new one is shown as it becomes chunks.

import { headings } from "./ask.ts";
import { announce, bytes, counted, empty, failure, firstOf, html, loading, panel, passage, replace } from "./dom.ts";
import { ApiError, type Session } from "./session.ts";

interface Document {
  id: string;
  filename: string;
  bytes: number | null;
  status: "pending" | "processing" | "completed" | "failed";
  error: string | null;
  chunks: number;
}

interface Chunk {
  chunk_index: number;
  heading_path: string[] | null;
  size: number;
  content: string;
}

/** The first chunks of a document, and how many it has. */
interface Pieces {
  chunks: Chunk[];
  chunk_count: number;
}

/** How many chunks are shown at first. */
const first = 6;
/** Larger files are for another way in: this one sends the text as JSON. */
const largest = 4_000_000;
const types: Record<string, string> = { md: "text/markdown", markdown: "text/markdown", txt: "text/plain", html: "text/html" };

export function documentsPanel(session: Session, changed: () => void): HTMLElement {
  const input = html("input", { id: "file", type: "file", accept: ".md,.markdown,.txt,.html", required: true });
  const button = html("button", { class: "primary" }, "Upload");
  const news = html("div", { class: "news", "aria-live": "polite" });
  const list = html("div", {}, loading());

  async function upload(): Promise<void> {
    const file = input.files?.[0];
    if (!file) return;
    button.disabled = true;
    replace(news, html("p", { class: "loading" }, `Uploading ${file.name}…`));
    try {
      if (file.size > largest) throw new ApiError(0, `${file.name} is larger than ${bytes(largest)}.`);
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      const type = types[file.name.split(".").pop()!.toLowerCase()];
      const began = performance.now();
      const added = await session.call<Document>("upload", { filename: file.name, text, type });
      await follow(added, began);
      form.reset();
      changed();
    } catch (error) {
      if (session.ended) return;
      const told = error instanceof TypeError ? new ApiError(0, `${file.name} is no text in UTF-8.`) : error;
      replace(news, failure(told));
    }
    button.disabled = false;
    refresh();
  }

  /** Shows a document until it is processed, which it usually is at once. */
  async function follow(document: Document, began: number): Promise<void> {
    while (document.status === "pending" || document.status === "processing") {
      replace(news, html("p", { class: "loading" }, `${document.filename} is ${document.status}…`));
      await new Promise<void>((resolve) => session.later(500, resolve));
      document = await session.call<Document>(`documents?id=${document.id}`);
    }
    if (document.status === "failed") throw new ApiError(0, `${document.filename} failed.`, document.error ?? undefined);
    const took = Math.round(performance.now() - began);
    const cut = await chunksOf(document);
    const said = `${document.filename} is cut into ${counted(cut.chunk_count, "chunk")} and searchable, ${took} ms after it was sent.`;
    replace(news, html("p", { class: "done" }, said), pieces(document, cut));
    announce(said);
  }

  function chunksOf({ id }: Document): Promise<Pieces> {
    return session.call<Pieces>(`documents?id=${id}`);
  }

  function item(document: Document): HTMLElement {
    const inside = html("div", {}, loading());
    let asked = false;
    const show = async () => {
      asked = true;
      try {
        replace(inside, pieces(document, await chunksOf(document)));
      } catch (error) {
        replace(inside, failure(error, show));
      }
    };
    const state = document.status === "completed" ? counted(document.chunks, "chunk") : document.status;
    return html(
      "li",
      {},
      html(
        "details",
        { ontoggle: () => asked || show() },
        html(
          "summary",
          {},
          html("span", { class: "file" }, document.filename),
          html("span", { class: "facts" }, html("span", { class: `badge ${document.status}` }, state), bytes(document.bytes ?? 0)),
        ),
        document.error && html("p", { class: "error" }, document.error),
        inside,
      ),
    );
  }

  async function refresh(): Promise<void> {
    try {
      const { documents } = await session.call<{ documents: Document[] }>("documents");
      if (documents.length === 0) replace(list, empty("No documents yet. Upload one: Markdown is cut at its headings."));
      else replace(list, html("ul", { class: "documents", "aria-label": "Your documents" }, ...documents.map(item)));
    } catch (error) {
      replace(list, failure(error, refresh));
    }
  }

  const form = html(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        upload();
      },
    },
    html("label", { for: "file" }, "A Markdown or text file"),
    html("div", { class: "row" }, input, button),
  );
  refresh();
  return panel("documents", "Documents", form, news, list);
}

function pieces({ filename }: Document, { chunks, chunk_count: count }: Pieces): HTMLElement {
  if (chunks.length === 0) return empty("No chunks: there is no text in it.");
  const items = chunks.map(({ chunk_index, heading_path, size, content }) =>
    html(
      "li",
      { class: "chunk" },
      html(
        "p",
        { class: "facts" },
        html("span", { class: "number" }, `#${chunk_index + 1}`),
        html("span", { class: "path" }, ...headings(heading_path).slice(1)),
        html("span", {}, `${size} characters`),
      ),
      html("p", { class: "content" }, passage(filename, content)),
    )
  );
  const unseen = count - chunks.length;
  return html(
    "div",
    {},
    ...firstOf(items, first, { class: "chunks", "aria-label": "Chunks" }),
    unseen > 0 && html("p", { class: "note" }, `${counted(unseen, "chunk")} more are not shown here.`),
  );
}
