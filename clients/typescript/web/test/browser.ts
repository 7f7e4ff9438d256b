// A browser for the tests, and a page of it for each: fresh, at the address under test, and without an error of its own.

import assert from "node:assert/strict";
import { env } from "node:process";
import { after, before, test } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

let browser: Browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: env.CHROMIUM,
    // It runs as root in tests, of this machine's own pages alone.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(() => browser?.close());

interface Options extends BrowserContextOptions {
  /** Calls fail in this test: the browser says so in its console, which is no error of the page's. */
  callsFail?: boolean;
}

/** A test in a page. Whatever the page's scripts or its policy complain of fails it. */
export function inPage(name: string, work: (page: Page) => Promise<void>, { callsFail, ...options }: Options = {}): void {
  test(name, { timeout: 180_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1240, height: 900 }, ...options });
    context.setDefaultTimeout(60_000);
    const complaints: string[] = [];
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !(callsFail && /Failed to load resource/.test(message.text()))) {
        complaints.push(message.text());
      }
    });
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    try {
      await page.goto(env.BASE_URL!);
      await work(page);
    } finally {
      await context.close();
    }
    assert.deepEqual(complaints, []);
  });
}

export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: `Sign in as ${name}` }).click();
  await page.getByRole("heading", { name: `The documents of ${name}` }).waitFor();
}

export async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel("Question").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
}

export async function upload(page: Page, name: string, text: string | Buffer): Promise<void> {
  const buffer = Buffer.from(text);
  await page.getByLabel("A Markdown or text file").setInputFiles({ name, mimeType: "text/markdown", buffer });
  await page.getByRole("button", { name: "Upload" }).click();
}

export async function send(page: Page, content: string): Promise<void> {
  await page.getByRole("textbox", { name: "Request" }).fill(content);
  await page.getByRole("button", { name: "Send" }).click();
}

export const answers = (page: Page) => page.getByRole("list", { name: "Answers, the best first" }).getByRole("listitem");
export const requests = (page: Page) => page.getByRole("list", { name: "Your requests" }).getByRole("listitem");
export const panel = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

/** Waits until a page has it so. */
export async function eventually(ask: () => Promise<boolean>, what: string): Promise<void> {
  const patience = Date.now() + 60_000;
  while (!(await ask())) {
    assert(Date.now() < patience, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
