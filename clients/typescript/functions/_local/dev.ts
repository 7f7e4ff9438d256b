// For development alone: who may be signed in as, and a token for each. serve.ts has it only with CARREL_DEV=yes.
// Where users sign in for real, something else does this.

import { SignJWT } from "jose";
import { json } from "../_shared/http.ts";

interface User {
  id: string;
  name: string;
}

const users: User[] = JSON.parse(Deno.env.get("DEV_USERS") ?? "[]");

export async function developer(request: Request): Promise<Response> {
  const { pathname, hostname, host } = new URL(request.url);
  // A page of somebody else's can have its name resolve to this machine, and then read what is here; its name is in
  // the Host header. One that only sends requests here says so by its Origin.
  const origin = request.headers.get("origin");
  if (!["127.0.0.1", "localhost"].includes(hostname) || (origin && origin !== `http://${host}`)) {
    return refused(403, "tokens are for pages of this machine only");
  }
  if (pathname === "/dev/users" && request.method === "GET") return json(200, { users });
  if (pathname !== "/dev/token" || request.method !== "POST") return refused(404, "there is nothing here");
  const { user } = await request.json().catch(() => ({}));
  if (!users.some(({ id }) => id === user)) return refused(404, "there is no such user");
  const token = await new SignJWT({ role: "authenticated" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(Deno.env.get("JWT_SECRET")));
  return json(200, { token });
}

function refused(status: number, message: string): Response {
  return json(status, { error: { message } });
}
