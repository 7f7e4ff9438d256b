// A question, the passages that answer it best, and what a prompt would be made of.

import { announce, counted, empty, failure, firstOf, html, loading, panel, passage, replace } from "./dom.ts";
import type { Session } from "./session.ts";

interface Result {
  chunk_id: string;
  filename: string;
  heading_path: string[] | null;
  snippet: string;
  start_offset: number | null;
  end_offset: number;
  score: number;
  matched: string;
}

/** How many answers are shown at first. */
const first = 3;

interface Citation {
  number: number;
  filename: string;
  heading_path: string[] | null;
  chunk_ids: string[];
}

interface Answer {
  results: Result[];
  citations: Citation[];
  context: string;
  tokens: number;
}

export function askPanel(session: Session): HTMLElement {
  const question = html("input", {
    id: "question",
    type: "search",
    autocomplete: "off",
    required: true,
    maxlength: 2000,
    placeholder: "What do you want to know?",
  });
  const button = html("button", { class: "primary" }, "Ask");
  const answers = html("div", { class: "answers" }, empty("Ask your documents: a question, some words, or \u201ca phrase\u201d."));
  let latest = 0;

  async function ask(): Promise<void> {
    const text = question.value.trim();
    if (!text) return;
    const number = ++latest;
    replace(answers, loading());
    try {
      const answer = await session.call<Answer>("ask", { question: text });
      // Another question may have been asked meanwhile.
      if (number !== latest) return;
      replace(answers, ...shown(answer));
      announce(answer.results.length ? `${counted(answer.results.length, "answer")} found` : "Nothing found");
    } catch (error) {
      if (number === latest) replace(answers, failure(error, ask));
    }
  }

  const form = html(
    "form",
    {
      role: "search",
      onsubmit: (event: Event) => {
        event.preventDefault();
        ask();
      },
    },
    html("label", { for: "question" }, "Question"),
    html("div", { class: "row" }, question, button),
  );
  return panel("ask", "Ask your documents", form, answers);
}

function shown({ results, citations, context, tokens }: Answer): HTMLElement[] {
  if (results.length === 0) return [empty("Nothing in your documents has any of these words.")];
  const best = results[0]!.score;
  const items = results.map((result, place) => {
    const citation = citations.find(({ chunk_ids }) => chunk_ids.includes(result.chunk_id));
    return html(
      "li",
      { id: `answer-${place + 1}`, class: "answer", tabindex: -1 },
      html(
        "h3",
        {},
        html("span", { class: "file" }, result.filename),
        ...headings(result.heading_path),
      ),
      html("p", { class: "snippet" }, passage(result.filename, result.snippet)),
      html(
        "p",
        { class: "facts" },
        html("meter", { min: 0, max: best, value: result.score, "aria-label": "Score, of the best" }),
        html("span", {}, `Score ${result.score.toFixed(2)}`),
        html("span", {}, result.matched === "all" ? "All of your words" : "Some of your words"),
        result.start_offset !== null && html("span", {}, `Characters ${result.start_offset}\u2013${result.end_offset}`),
        citation && html("span", { class: "cited" }, `Cited as [${citation.number}]`),
      ),
    );
  });
  const [list, more] = firstOf(items, first, { class: "results", "aria-label": "Answers, the best first" });
  const shown = more ? [list, more] : [list];
  if (citations.length === 0) return shown;
  const sources = citations.map(({ number, filename, heading_path, chunk_ids }) => {
    const place = results.findIndex(({ chunk_id }) => chunk_ids.includes(chunk_id)) + 1;
    const label = [`[${number}] ${filename}`, ...(heading_path ?? [])].join(" › ");
    const link = { href: `#answer-${place}`, onclick: () => place > first && more?.click() };
    return html("li", {}, place ? html("a", link, label) : label);
  });
  const prompt = html(
    "details",
    { class: "prompt" },
    html("summary", {}, `For a prompt: ${counted(tokens, "token")}, ${counted(citations.length, "citation")}`),
    html("ul", { class: "citations", "aria-label": "Citations" }, ...sources),
    html("pre", { tabindex: 0, "aria-label": "The text for a prompt" }, context),
  );
  return [...shown, prompt];
}

/** The headings above a passage, each after a separator that nobody needs to hear. */
export function headings(path: string[] | null): HTMLElement[] {
  return (path ?? []).flatMap((heading) => [
    html("span", { class: "separator", "aria-hidden": "true" }, "›"),
    html("span", { class: "heading" }, heading),
  ]);
}
