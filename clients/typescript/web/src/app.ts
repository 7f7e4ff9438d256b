// Who is signed in, and what they see.

import { askPanel } from "./ask.ts";
import { documentsPanel } from "./documents.ts";
import { announce, failure, html, loading, replace } from "./dom.ts";
import { requestsPanel } from "./requests.ts";
import { type ApiError, Session, type User, users } from "./session.ts";
import { usagePanel } from "./usage.ts";

const main = document.getElementById("main")!;
const account = document.getElementById("account")!;
let session: Session | undefined;
let known: User[] = [];
/** How often somebody wanted to sign in or out: only the last one counts. */
let turn = 0;

async function start(): Promise<void> {
  replace(main, loading());
  try {
    known = await users();
    welcome();
  } catch (error) {
    replace(main, failure(error, start));
  }
}

/** Nobody is signed in; says why, if something went wrong. */
function welcome(error?: unknown): void {
  leave();
  const buttons = known.map((user) =>
    html("button", { type: "button", class: "primary", onclick: () => signIn(user) }, `Sign in as ${user.name}`)
  );
  replace(
    main,
    html(
      "section",
      { class: "panel welcome", "aria-labelledby": "welcome-title" },
      html("h1", { id: "welcome-title" }, "Documents in, ranked answers out"),
      html("p", {}, "Each user has documents, requests and usage of their own, and the database shows nobody another’s."),
      error != null && failure(error),
      html("div", { class: "row choices" }, ...buttons),
      html("p", { class: "note" }, "In development, this server signs tokens for the users of the demo. Yours come from where your users sign in."),
    ),
  );
}

/** Whatever was of a user is gone before another one's is asked for. */
function leave(): void {
  turn += 1;
  session?.end();
  session = undefined;
  replace(main, loading());
  replace(account);
}

async function signIn(user: User): Promise<void> {
  leave();
  const mine = turn;
  try {
    const begun = await Session.begin(user, (error: ApiError) => welcome(error));
    if (mine !== turn) return begun.end();
    session = begun;
    show(begun);
  } catch (error) {
    if (mine === turn) welcome(error);
  }
}

function show(session: Session): void {
  const chosen = html(
    "select",
    {
      id: "user",
      onchange: () => {
        const user = known.find(({ id }) => id === chosen.value);
        if (user) signIn(user);
      },
    },
    ...known.map(({ id, name }) => html("option", { value: id, selected: id === session.user.id }, name)),
  );
  replace(
    account,
    html("label", { for: "user" }, "Signed in as"),
    chosen,
    html("button", { type: "button", onclick: () => welcome() }, "Sign out"),
  );
  const usage = usagePanel(session);
  replace(
    main,
    html("h1", { class: "unseen" }, `The documents of ${session.user.name}`),
    html("div", { class: "column" }, askPanel(session), documentsPanel(session, usage.refresh)),
    html("div", { class: "column" }, usage.element, requestsPanel(session, usage.refresh)),
  );
  announce(`Signed in as ${session.user.name}`);
  document.getElementById("question")!.focus();
}

start();
