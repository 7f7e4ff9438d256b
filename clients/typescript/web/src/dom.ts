// Elements out of code. What users wrote goes in as text and is never parsed; the server's policy forbids that, too.

type Child = Node | string | number | null | undefined | false;
type Properties = Record<string, unknown>;

/** An HTML element: `onclick` and the like are listeners, everything else an attribute. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), properties, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill<E extends Element>(element: E, properties: Properties, children: Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...shown(children));
  return element;
}

function shown(children: Child[]): (Node | string)[] {
  return children.flatMap((child) =>
    child == null || child === false ? [] : [typeof child === "number" ? String(child) : child]
  );
}

/** Puts these children into an element instead of what it has. */
export function replace(element: Element, ...children: Child[]): void {
  element.replaceChildren(...shown(children));
}

/** A list's first items, and where there are more a button that shows them all, and goes on at the first of those. */
export function firstOf(items: HTMLElement[], count: number, properties: Properties): [HTMLElement, HTMLElement?] {
  const list = html("ol", properties, ...items.slice(0, count));
  const rest = items.slice(count);
  if (rest.length === 0) return [list];
  const more = html(
    "button",
    {
      type: "button",
      class: "more",
      onclick: () => {
        list.append(...rest);
        more.remove();
        rest[0]!.tabIndex = -1;
        rest[0]!.focus();
      },
    },
    `Show ${rest.length} more`,
  );
  return [list, more];
}

/**
 * A passage, in which carrel may have marked words: the marks become elements, all else stays text. Of Markdown the
 * headings are bold, and lines end where their paragraph does rather than where the source's did.
 */
export function passage(filename: string, text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  if (!/\.(md|markdown)$/i.test(filename) || text.includes("```")) {
    fragment.append(marked(text.trim()));
    return fragment;
  }
  const lines = text.trim().replace(/([^\n])\n(?!\n|#|[-*+>|] |\d+\. )/g, "$1 ").replaceAll("**", "").split(/\n+/);
  for (const line of lines) {
    const heading = /^#{1,6} +(.*)$/.exec(line)?.[1];
    if (fragment.hasChildNodes()) fragment.append("\n");
    fragment.append(heading === undefined ? marked(line) : html("strong", {}, marked(heading)));
  }
  return fragment;
}

function marked(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  text.split(/<mark>(.*?)<\/mark>/s).forEach((part, number) => {
    if (part) fragment.append(number % 2 ? html("mark", {}, part) : part);
  });
  return fragment;
}

/** Tells those who listen to the page rather than look at it. */
export function announce(message: string): void {
  document.getElementById("status")!.textContent = message;
}

/** A section of the page with a heading. */
export function panel(name: string, title: string, ...children: Child[]): HTMLElement {
  const heading = html("h2", { id: `${name}-title` }, title);
  return html("section", { class: `panel ${name}`, "aria-labelledby": `${name}-title` }, heading, ...children);
}

export function loading(): HTMLElement {
  return html("p", { class: "loading" }, "Loading…");
}

export function empty(message: string): HTMLElement {
  return html("p", { class: "empty" }, message);
}

/** What went wrong, where it did; with what to do about it, if there is something. */
export function failure(error: unknown, again?: () => void): HTMLElement {
  const { message, hint } = error as { message?: string; hint?: string };
  return html(
    "div",
    { class: "error", role: "alert" },
    html("p", {}, html("strong", {}, message ?? "Something went wrong here."), hint && ` ${hint}`),
    again && html("button", { type: "button", onclick: again }, "Try again"),
  );
}

const units = ["B", "kB", "MB", "GB"];

export function bytes(count: number): string {
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) {
    count /= 1000;
    unit += 1;
  }
  return `${count.toLocaleString("en", { maximumSignificantDigits: 3 })} ${units[unit]}`;
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
