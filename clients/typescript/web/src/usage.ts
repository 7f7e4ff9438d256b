// What the user used in this billing period, against what their plan allows.

import { chart } from "./chart.ts";
import { bytes, failure, html, loading, panel, replace } from "./dom.ts";
import type { Session } from "./session.ts";
import type { Limit, Usage } from "./usage_types.ts";

export interface UsagePanel {
  element: HTMLElement;
  refresh(): Promise<void>;
}

export function usagePanel(session: Session): UsagePanel {
  const body = html("div", {}, loading());
  const element = panel("usage", "Usage this period", body);
  let latest: Usage | undefined;

  async function refresh(): Promise<void> {
    try {
      latest = await session.call<Usage>("usage");
      draw();
    } catch (error) {
      latest = undefined;
      replace(body, failure(error, refresh));
    }
  }

  function draw(): void {
    if (latest && body.clientWidth) replace(body, ...shown(latest, body.clientWidth));
  }

  // The chart is drawn for the width it has, so that its letters keep their size.
  let width = 0;
  new ResizeObserver(() => {
    if (body.clientWidth === width) return;
    width = body.clientWidth;
    draw();
  }).observe(body);
  refresh();
  return { element, refresh };
}

function shown(usage: Usage, width: number): (HTMLElement | SVGElement)[] {
  const of = (event_type: string, measure: string) =>
    usage.limits.find((limit) => limit.event_type === event_type && limit.measure === measure);
  const requests = of("agent_request", "events");
  const used = requests?.used ?? 0;
  const limit = requests?.limit ?? null;
  const date = (at: string) => new Date(at).toLocaleDateString("en", { month: "short", day: "numeric", timeZone: usage.timezone });
  const figure = html(
    "p",
    { class: "figure" },
    html("strong", {}, used.toLocaleString("en")),
    limit === null ? " agent requests" : ` of ${limit.toLocaleString("en")} agent requests`,
  );
  const facts = html(
    "p",
    { class: "facts" },
    html("span", { class: "badge" }, `plan ${usage.plan}`),
    html("span", {}, `${date(usage.starts_at)} \u2013 ${date(usage.ends_at)}`),
  );
  const meters = [
    meter("Documents", of("*", "documents"), (value) => value.toLocaleString("en")),
    meter("Stored text", of("*", "bytes"), bytes),
  ];
  return [figure, facts, chart(usage, used, limit, width), html("dl", { class: "meters" }, ...meters.flat())];
}

function meter(name: string, limit: Limit | undefined, written: (value: number) => string): HTMLElement[] {
  if (!limit) return [];
  const { used, limit: most } = limit;
  const text = most === null ? written(used) : `${written(used)} of ${written(most)}`;
  const bar = most !== null && html("meter", { min: 0, max: most, high: most * 0.9, value: used, "aria-label": name });
  return [html("dt", {}, name), html("dd", {}, html("span", {}, text), bar)];
}
