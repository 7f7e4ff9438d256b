// A period's agent requests: their sum as a line below the limit that it may come to, and under it a bar for each day.

import { svg } from "./dom.ts";
import type { Usage } from "./usage_types.ts";

const day = 24 * 60 * 60 * 1000;
/** Where the line is, then the bars, then the dates. */
const height = { top: 10, line: 130, gap: 12, bars: 34, dates: 22 };
const margin = { left: 34, right: 8 };

export function chart(usage: Usage, used: number, limit: number | null, width: number): SVGElement {
  const starts = Date.parse(usage.starts_at);
  const days = Math.max(1, Math.round((Date.parse(usage.ends_at) - starts) / day));
  const today = Math.min(days - 1, Math.floor((Date.parse(usage.now) - starts) / day));
  const counts = new Array<number>(days).fill(0);
  for (const { day: at, events } of usage.days) {
    // Days are those of the user's calendar: the first may begin before the period does.
    const place = Math.min(days - 1, Math.max(0, Math.round((Date.parse(at) - starts) / day)));
    counts[place]! += events;
  }

  const most = Math.max(limit ?? 0, used, 4) * 1.06;
  const x = (place: number) => margin.left + (place / days) * (width - margin.left - margin.right);
  const y = (value: number) => height.top + height.line * (1 - value / most);
  const floor = height.top + height.line + height.gap + height.bars;
  const tall = (count: number) => (count / Math.max(...counts, 1)) * height.bars;
  const bottom = floor + height.dates;
  const date = (place: number) =>
    new Date(starts + place * day).toLocaleDateString("en", { month: "short", day: "numeric", timeZone: usage.timezone });

  const step = tick(most);
  const lines = [];
  for (let value = 0; value <= most; value += step) {
    const beside = limit !== null && value !== limit && Math.abs(y(value) - y(limit)) < 12;
    lines.push(
      svg("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
      beside ? null : svg("text", { class: "tick", x: margin.left - 6, y: y(value) + 4, "text-anchor": "end" }, value),
    );
  }
  const gap = Math.min(2, (x(1) - x(0)) / 4);
  const bars = counts.slice(0, today + 1).map((count, place) =>
    svg(
      "rect",
      { class: "bar", x: x(place) + gap / 2, width: x(1) - x(0) - gap, y: floor - tall(count), height: tall(count), rx: 1.5 },
      svg("title", {}, `${date(place)}: ${count}`),
    )
  );
  let sum = 0;
  const points = counts.slice(0, today + 1).map((count, place) => {
    sum += count;
    return `${x(place + 1).toFixed(1)},${y(sum).toFixed(1)}`;
  });
  const line = [`${x(0)},${y(0)}`, ...points].join(" ");
  const end = today + 1;
  const dates = [0, Math.round(days / 3), Math.round((2 * days) / 3)].map((place) =>
    svg("text", { class: "tick", x: x(place), y: bottom - 6, "text-anchor": place ? "middle" : "start" }, date(place))
  );
  const said = `${used} agent requests from ${date(0)} to ${date(today)}` + (limit === null ? "" : `, of ${limit} that the plan allows`);
  return svg(
    "svg",
    { class: "chart", width, height: bottom, viewBox: `0 0 ${width} ${bottom}`, role: "img", "aria-label": said },
    ...lines,
    svg("polygon", { class: "area", points: `${line} ${x(end)},${y(0)}` }),
    svg("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: floor, y2: floor }),
    svg("text", { class: "tick", x: margin.left - 6, y: floor, "text-anchor": "end" }, "daily"),
    ...bars,
    svg("polyline", { class: "sum", points: line }),
    svg("circle", { class: "now", cx: x(end), cy: y(sum), r: 4 }),
    limit !== null &&
      svg("line", { class: "limit", x1: margin.left, x2: width - margin.right, y1: y(limit), y2: y(limit) }),
    limit !== null &&
      svg("text", { class: "limit-label", x: width - margin.right, y: y(limit) + 15, "text-anchor": "end" }, `limit ${limit}`),
    ...dates,
    svg("text", { class: "tick", x: width - margin.right, y: bottom - 6, "text-anchor": "end" }, date(days)),
  );
}

/** A round distance between three to six lines. */
function tick(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [0.2, 0.5, 1, 2].map((part) => part * power).find((step) => step >= 1 && most / step <= 6) ?? power;
}
