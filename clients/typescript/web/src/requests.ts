// What the user asked agents for, on its way from pending to completed.

import { announce, empty, failure, html, loading, panel, passage, replace } from "./dom.ts";
import type { Session } from "./session.ts";

interface Request {
  id: string;
  content: string;
  status: "pending" | "processing" | "completed" | "failed" | "cancelled";
  progress: number;
  results: { answer: { filename: string; section_title: string | null; passage: string } | null } | null;
  error: { message?: string } | null;
  tokens: number;
}

export function requestsPanel(session: Session, completed: () => void): HTMLElement {
  const content = html("input", {
    id: "request",
    type: "text",
    autocomplete: "off",
    required: true,
    maxlength: 2000,
    placeholder: "Which coffee for a tea drinker?",
  });
  const button = html("button", { class: "primary" }, "Send");
  const news = html("div");
  const list = html("div", {}, loading());
  const items = new Map<string, { element: HTMLElement; shown: string; status: string }>();
  let cancel = () => {};

  async function send(): Promise<void> {
    const text = content.value.trim();
    if (!text) return;
    button.disabled = true;
    replace(news);
    try {
      await session.call("requests", { agent_type: "answer", content: text });
      form.reset();
      announce("The request is pending");
    } catch (error) {
      replace(news, failure(error));
    }
    button.disabled = false;
    refresh();
  }

  /** Asks again soon while something is on its way, else now and then: another page may ask, too. */
  async function refresh(): Promise<void> {
    cancel();
    try {
      const { requests } = await session.call<{ requests: Request[] }>("requests");
      show(requests);
      const busy = requests.some(({ status }) => status === "pending" || status === "processing");
      cancel();
      cancel = session.later(busy ? 600 : 4000, refresh);
    } catch (error) {
      items.clear();
      replace(list, failure(error, refresh));
      cancel();
      cancel = session.later(4000, refresh);
    }
  }

  /** Leaves what didn't change as it is, lest the focus or a selection be lost. */
  function show(requests: Request[]): void {
    if (requests.length === 0) return replace(list, empty("No requests yet. An agent answers out of your documents."));
    let ended = false;
    const elements = requests.map((request) => {
      const known = items.get(request.id);
      const shown = JSON.stringify(request);
      if (known?.shown === shown) return known.element;
      const element = item(request);
      if (known && known.status !== request.status) {
        announce(`${request.content}: ${request.status}`);
        ended ||= request.status === "completed";
      }
      items.set(request.id, { element, shown, status: request.status });
      return element;
    });
    const present = list.querySelector("ul");
    if (!present) replace(list, html("ul", { class: "requests", "aria-label": "Your requests, the newest first" }, ...elements));
    else if (elements.length !== present.children.length || elements.some((element, i) => element !== present.children[i])) {
      replace(present, ...elements);
    }
    if (ended) completed();
  }

  const form = html(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        send();
      },
    },
    html("label", { for: "request" }, "Request"),
    html("div", { class: "row" }, content, button),
  );
  refresh();
  return panel("requests", "Agent requests", form, news, list);
}

function item({ content, status, progress, results, error, tokens }: Request): HTMLElement {
  const answer = results?.answer;
  const percent = Math.round(progress * 100);
  const body = status === "pending" || status === "processing"
    ? html("progress", { max: 100, value: percent, "aria-label": "Progress" }, `${percent} %`)
    : status !== "completed"
    ? error?.message && html("p", { class: "content" }, error.message)
    : answer
    ? html("p", { class: "content" }, passage(answer.filename, answer.passage), " ", html("cite", {}, answer.filename))
    : html("p", { class: "content" }, "Nothing in your documents says anything about it.");
  return html(
    "li",
    {},
    html(
      "p",
      { class: "request" },
      html("strong", {}, content),
      html("span", { class: "facts" }, status === "completed" && `${tokens} tokens`, html("span", { class: `badge ${status}` }, status)),
    ),
    body,
  );
}
