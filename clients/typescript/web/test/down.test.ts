// While the database is away the page says so in every place that wanted something of it, and goes on by itself; when
// its own server is gone, too.

import assert from "node:assert/strict";
import { env, kill } from "node:process";
import { ask, eventually, inPage, panel, signIn } from "./browser.ts";

const sections = ["Ask your documents", "Documents", "Usage this period", "Agent requests"];

inPage("a database that is down is told in each place", async (page) => {
  await signIn(page, "Ada");
  await ask(page, "anything");
  for (const section of sections) {
    const alert = panel(page, section).getByRole("alert");
    assert.match((await alert.textContent())!, /^The database can't be reached now; try again\.Try again$/, section);
  }
  // Trying again is to see that it's still so, not to lose the message.
  await panel(page, "Usage this period").getByRole("button", { name: "Try again" }).click();
  await panel(page, "Usage this period").getByRole("alert").waitFor();
}, { callsFail: true });

inPage("a server that is gone is told, too", async (page) => {
  await signIn(page, "Ada");
  kill(Number(env.SERVER), "SIGKILL");
  await ask(page, "anything");
  const alert = panel(page, "Ask your documents").getByRole("alert");
  await eventually(async () => (await alert.textContent())!.startsWith("The server can’t be reached. Is it still running?"), "told");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in as Ben" }).click();
  await page.getByRole("alert").getByText("The server can’t be reached.").waitFor();
}, { callsFail: true });
