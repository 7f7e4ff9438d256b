// The page, as somebody uses it: with a mouse, with a keyboard, on a phone.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { env } from "node:process";
import type { Page } from "playwright-core";
import { answers, ask, eventually, inPage, panel, requests, send, signIn, upload } from "./browser.ts";

const example = readFileSync(env.EXAMPLE!, "utf8");
const used = async (page: Page) => Number(await panel(page, "Usage this period").locator(".figure strong").textContent());

// Before the others leave their traces.
if (env.SCREENSHOTS) {
  inPage("screenshots", async (page) => {
    mkdirSync(env.SCREENSHOTS!, { recursive: true });
    await signIn(page, "Ada");
    await ask(page, "How hot should water for green tea be?");
    await answers(page).first().waitFor();
    await upload(page, "coffee.md", example);
    await panel(page, "Documents").locator(".done").waitFor();
    await send(page, "How do I store green tea?");
    await requests(page).filter({ hasText: "How do I store green tea?" }).filter({ hasText: "processing" }).waitFor();
    await page.waitForTimeout(1600);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: `${env.SCREENSHOTS}/screenshot.png`, fullPage: true });
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${env.SCREENSHOTS}/phone.png`, fullPage: true });
  }, { viewport: { width: 1200, height: 1230 } });
}

inPage("a file that is uploaded becomes chunks, and is found with its words marked and cited", async (page) => {
  await signIn(page, "Cy");
  await upload(page, "example.md", example);
  const said = await panel(page, "Documents").locator(".done").textContent();
  const chunks = Number(/cut into (\d+) chunks and searchable/.exec(said!)![1]);
  assert(chunks >= 2, said!);
  const list = panel(page, "Documents").getByRole("list", { name: "Chunks" });
  assert.equal(await list.getByRole("listitem").count(), chunks);
  assert.match((await list.getByRole("listitem").first().textContent())!, /#1Coffee for tea drinkers.*You know water/s);

  await ask(page, "Why is my coffee sour?");
  const best = answers(page).first();
  assert.match((await best.textContent())!, /^example\.md›Coffee for tea drinkers›/);
  assert.deepEqual([...new Set((await best.locator("mark").allTextContents()).map((word) => word.toLowerCase()))].sort(), [
    "coffee",
    "sour",
  ]);
  await page.getByText(/For a prompt: \d+ tokens, \d citation/).click();
  await page.getByRole("link", { name: "[1] example.md" }).click();
  assert.match(page.url(), /#answer-1$/);
  const context = await page.getByLabel("The text for a prompt").textContent();
  assert.match(context!, /^\[1\] example\.md > Coffee for tea drinkers/);
});

inPage("of a long document the first chunks are shown, and then as many as there are to be", async (page) => {
  await signIn(page, "Cy");
  const long = Array.from({ length: 230 }, (_, n) => `# Part ${n}\n\n${"The mole digs. ".repeat(90)}\n`).join("\n");
  await upload(page, "long.md", long);
  const documents = panel(page, "Documents");
  const said = await documents.getByText("long.md is cut into").textContent();
  const chunks = Number(/cut into (\d+) chunks and searchable/.exec(said!)![1]);
  assert(chunks > 200, said!);
  const items = documents.getByRole("list", { name: "Chunks" }).getByRole("listitem");
  assert.equal(await items.count(), 6);
  await documents.getByRole("button", { name: "Show 194 more" }).click();
  assert.equal(await items.count(), 200);
  assert.match((await page.evaluate(() => document.activeElement?.textContent))!, /^#7Part/);
  await documents.getByText(`${chunks - 200} chunks more are not shown here.`).waitFor();
});

inPage("a document of the list shows its chunks", async (page) => {
  await signIn(page, "Ada");
  const document = page.getByRole("list", { name: "Your documents" }).getByRole("listitem").filter({ hasText: "tasting-notes.md" });
  await document.locator("summary").click();
  await document.getByText("Roasted chestnut").waitFor();
});

inPage("a request goes from pending to completed, and then is counted", async (page) => {
  await signIn(page, "Ben");
  await eventually(async () => (await requests(page).filter({ hasText: /pending|processing/ }).count()) === 0, "all is done");
  await eventually(async () => (await used(page)) > 0, "usage is shown");
  const before = await used(page);
  await send(page, "Where is Albireo?");
  const request = requests(page).filter({ hasText: "Where is Albireo?" });
  const seen = new Set<string>();
  await eventually(async () => {
    const status = (await request.locator(".badge").allTextContents())[0];
    if (status) seen.add(status);
    return status === "completed";
  }, "the request is completed");
  assert(seen.has("processing"), [...seen].join());
  assert.match((await request.textContent())!, /Albireo.*observing-list\.md/s);
  await eventually(async () => (await used(page)) === before + 1, "the request is counted");
});

inPage("usage is a chart against the limit, which says the same to those who can't see it", async (page) => {
  await signIn(page, "Ada");
  const chart = panel(page, "Usage this period").getByRole("img", { name: /of 200 that the plan allows$/ });
  await chart.waitFor();
  assert.equal(Number(/^\d+/.exec((await chart.getAttribute("aria-label"))!)![0]), await used(page));
  assert.equal(await chart.locator(".limit-label").textContent(), "limit 200");
  // The line ends as high as the sum is, on the way from none to the limit.
  const at = async (selector: string, name: string) => Number(await chart.locator(selector).first().getAttribute(name));
  const floor = await at("line.grid", "y1");
  const part = (floor - (await at(".now", "cy"))) / (floor - (await at(".limit", "y1")));
  assert(Math.abs(part - (await used(page)) / 200) < 0.01, `${part}`);
});

inPage("switching the user shows nothing of the other, be it on its way", async (page) => {
  await signIn(page, "Ada");
  await page.getByText("brewing-tea.md").first().waitFor();
  await ask(page, "green tea");
  await answers(page).first().waitFor();
  // An answer for Ada that comes when Ben is there.
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  await page.route("**/functions/v1/ask", async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await ask(page, "black tea");
  const shown = async () => (await page.locator("body").textContent())!;
  // While Ben is still being signed in, Ada's is gone already.
  let signs = () => {};
  const signing = new Promise<void>((resolve) => signs = resolve);
  await page.route("**/dev/token", async (route) => {
    await signing;
    await route.continue();
  });
  await page.getByLabel("Signed in as").selectOption("Ben");
  await page.getByText("Loading…").waitFor();
  assert.doesNotMatch(await shown(), /tea|pine smoke|of 200/);
  signs();
  await page.getByText("observing-list.md").first().waitFor();
  release();
  await page.unroute("**/functions/v1/ask");
  await requests(page).first().waitFor();
  assert.doesNotMatch(await shown(), /tea|pine smoke|of 200/);
  assert.equal(await page.getByLabel("Question").inputValue(), "");
  await ask(page, "green tea temperature");
  await page.getByText("Nothing in your documents").waitFor();
  assert.doesNotMatch(await shown(), /brewing/);
});

inPage("signing out leaves nothing", async (page) => {
  await signIn(page, "Ada");
  await page.getByText("brewing-tea.md").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in as Ben" }).waitFor();
  assert.doesNotMatch((await page.locator("body").textContent())!, /brewing-tea|agent requests$/);
  await page.reload();
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
});

inPage("what users wrote is text, whatever it looks like", async (page) => {
  await signIn(page, "Cy");
  const name = "<img src=x onerror=alert(1)>.md";
  await upload(page, name, "# <b>Zebra</b>\n\n<script>alert(2)</script> zebra <mark>x</mark> <img src=x onerror=alert(3)>");
  await panel(page, "Documents").locator(".done").waitFor();
  await ask(page, "zebra");
  await answers(page).first().waitFor();
  assert((await answers(page).first().textContent())!.includes(name));
  assert((await answers(page).first().textContent())!.includes("<script>alert(2)</script>"));
  assert.equal(await page.locator("main b, main img, main script").count(), 0);
});

inPage("who has nothing yet is told what to do", async (page) => {
  await signIn(page, "Dee");
  await page.getByText("No documents yet. Upload one").waitFor();
  await page.getByText("No requests yet.").waitFor();
  await panel(page, "Usage this period").getByRole("img", { name: /^0 agent requests/ }).waitFor();
});

inPage("an error is shown where it happened, with its hint", async (page) => {
  await signIn(page, "Cy");
  await send(page, "One too many");
  const alert = panel(page, "Agent requests").getByRole("alert");
  assert.match((await alert.textContent())!, /plan includes no agent requests/);
  await upload(page, "latin1.md", Buffer.from([0x66, 0xfc, 0x72]));
  assert.match((await panel(page, "Documents").getByRole("alert").textContent())!, /latin1\.md is no text in UTF-8/);
  await upload(page, `${"x".repeat(5000)}.md`, "a");
  assert.match((await panel(page, "Documents").getByRole("alert").textContent())!, /filename/i);
}, { callsFail: true });

inPage("a token that has expired leads back to signing in", async (page) => {
  await page.route("**/dev/token", async (route) => {
    const [header, claims] = (await (await route.fetch()).json()).token.split(".");
    await route.fulfill({ json: { token: `${header}.${claims}.` } });
  });
  await page.getByRole("button", { name: "Sign in as Ada" }).click();
  await page.getByRole("alert").getByText("The token is not valid.").waitFor();
  await page.getByRole("button", { name: "Sign in as Ben" }).waitFor();
}, { callsFail: true });

inPage("all of it works with the keyboard alone", async (page) => {
  /** Goes on by Tab until this has the focus, which has to be seen. */
  async function tabTo(name: RegExp): Promise<void> {
    const passed: string[] = [];
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      const { said, outline } = await page.evaluate(() => {
        const element = document.activeElement as HTMLInputElement;
        const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent ?? "";
        return { said: `${element.localName} ${label}`, outline: getComputedStyle(element).outlineStyle };
      });
      passed.push(said);
      if (name.test(said)) return assert.notEqual(outline, "none", `${said} shows no focus`);
    }
    assert.fail(`${name} is not among: ${passed.join("; ")}`);
  }

  let chosen = false;
  page.on("filechooser", async (chooser) => {
    await chooser.setFiles({ name: "keys.md", mimeType: "text/markdown", buffer: Buffer.from("# Keys\n\nTyped.") });
    chosen = true;
  });
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  await tabTo(/^a Skip to content/);
  await page.keyboard.press("Enter");
  await tabTo(/^button Sign in as Ada/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "The documents of Ada" }).waitFor();
  // The question has the focus already.
  await page.keyboard.type("How do I keep leaves?");
  await page.keyboard.press("Enter");
  await answers(page).first().waitFor();
  await tabTo(/^summary For a prompt/);
  await page.keyboard.press("Enter");
  await tabTo(/^a \[1\] storing-leaves\.md/);
  await tabTo(/^input A Markdown or text file/);
  await page.keyboard.press("Enter");
  await eventually(async () => chosen, "a file can be chosen");
  await tabTo(/^button Upload/);
  await page.keyboard.press("Enter");
  await panel(page, "Documents").getByText("keys.md is cut into 1 chunk").waitFor();
  await tabTo(/^summary keys\.md/);
  await page.keyboard.press("Enter");
  await page.getByRole("list", { name: "Your documents" }).getByText("Typed.").waitFor();
  await tabTo(/^input Request/);
  await page.keyboard.type("Typed request");
  await page.keyboard.press("Enter");
  await requests(page).filter({ hasText: "Typed request" }).waitFor();
});

inPage("on a phone nothing is wider than the screen", async (page) => {
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  await page.getByRole("button", { name: "Sign in as Cy" }).waitFor();
  assert.equal(await width(), 360);
  await signIn(page, "Cy");
  const long = "w".repeat(120);
  await upload(page, `${long}.md`, `# ${long}\n\nwide ${long} <${long}>\n`);
  await panel(page, "Documents").locator(".done").waitFor();
  await ask(page, "wide");
  await answers(page).first().waitFor();
  await page.getByText(/For a prompt/).click();
  await page.getByRole("list", { name: "Your documents" }).locator("summary").first().click();
  await send(page, long);
  await panel(page, "Agent requests").getByRole("alert").waitFor();
  await panel(page, "Usage this period").getByRole("img").waitFor();
  assert.equal(await width(), 360);
}, { viewport: { width: 360, height: 740 }, callsFail: true });

for (const colorScheme of ["light", "dark"] as const) {
  inPage(`every text has contrast enough, and every control a name: ${colorScheme}`, async (page) => {
    await signIn(page, "Ada");
    await ask(page, "green tea");
    await answers(page).first().waitFor();
    await page.getByText(/For a prompt/).click();
    await send(page, "Which leaves keep?");
    await requests(page).filter({ hasText: "Which leaves keep?" }).waitFor();
    const { poor, unnamed, texts } = await page.evaluate(looked);
    assert(texts > 50, `${texts} texts`);
    assert.deepEqual(poor, []);
    assert.deepEqual(unnamed, []);
  }, { colorScheme });
}

/** In the page: texts whose contrast with what is behind them is less than WCAG's 4.5, and controls without a name. */
function looked() {
  const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const behind = (element: Element | null): string => {
    if (!element) return "rgb(255, 255, 255)";
    const color = getComputedStyle(element).backgroundColor;
    return (channels(color)[3] ?? 1) === 1 ? color : behind(element.parentElement);
  };
  const poor: string[] = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement!;
    if (!node.textContent!.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [light, dark] = [luminance(color), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light! + 0.05) / (dark! + 0.05);
    texts += 1;
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}: ${node.textContent!.trim().slice(0, 40)}`);
  }
  const unnamed = [...document.querySelectorAll<HTMLInputElement>("input, select, button, meter, progress")]
    .filter((element) => !element.labels?.length && !element.ariaLabel && !(element.localName === "button" && element.textContent))
    .map((element) => element.outerHTML.slice(0, 80));
  return { poor, unnamed, texts };
}
