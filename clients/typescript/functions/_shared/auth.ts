// Who is calling, by a verified token, and a transaction in which the database knows it.

import { errors, type JWTPayload, jwtVerify } from "jose";
import { endsSession, type Transaction, transaction, withConnection } from "./db.ts";
import { HttpError } from "./http_error.ts";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface Caller {
  id: string;
  claims: JWTPayload;
  /** As it came: for a database that verifies it itself. */
  token: string;
}

/** The caller that the Authorization header's token names; else 401. */
export async function callerOf(request: Request): Promise<Caller> {
  const header = request.headers.get("authorization");
  if (!header) throw new HttpError(401, "there is no Authorization header");
  const token = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
  if (!token) throw new HttpError(401, "the Authorization header is no bearer token");

  let claims: JWTPayload;
  try {
    // The algorithm is ours to say, never the token's: with its word for it, `none` would be one.
    const options = {
      algorithms: ["HS256"],
      requiredClaims: ["exp", "sub"],
      // Where the secret signs tokens for other services as well, these say which are meant for this one.
      audience: Deno.env.get("JWT_AUDIENCE"),
      issuer: Deno.env.get("JWT_ISSUER"),
    };
    claims = (await jwtVerify(token, secret(), options)).payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new HttpError(401, "the token has expired");
    if (error instanceof errors.JOSEError) throw new HttpError(401, "the token is not valid");
    throw error;
  }
  const { sub, role } = claims;
  // The database would refuse it, too; here it costs no connection.
  if (typeof sub !== "string" || !uuid.test(sub)) throw new HttpError(401, "the token's sub is not a uuid");
  // The project's own keys (anon, service_role) are signed with the same secret, and are no user's.
  if (role !== undefined && role !== "authenticated") throw new HttpError(401, "the token is not an end user's");
  return { id: sub, claims, token };
}

function secret(): Uint8Array {
  const value = new TextEncoder().encode(Deno.env.get("JWT_SECRET") ?? "");
  // HS256 wants a key as long as its hash: a shorter one can be guessed from any token.
  if (value.length < 32) throw new Error("JWT_SECRET is not set, or shorter than 32 bytes");
  return value;
}

/**
 * Runs `work` in a transaction of the role `authenticated` with the caller's claims, or where IDENTITY_SOURCE is
 * `token`, with the token, which the database verifies (`carrel.identity_source = token`). Both end with the transaction,
 * so that nothing of it stays in a pooler's connection.
 */
export function asCaller<T>(
  caller: Caller,
  access: "read only" | "read write",
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return withConnection((sql) =>
    transaction(sql, access, async (tx) => {
      await become(tx, caller);
      return await work(tx);
    })
  );
}

/** Takes the role and the identity. Where that is refused, the connection's role is not set up right: no caller's fault. */
async function become(tx: Transaction, { claims, token }: Caller): Promise<void> {
  const verified = Deno.env.get("IDENTITY_SOURCE") === "token";
  try {
    // As `set local` does, in one round trip. To set the role that one is already is no error.
    await tx`select set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', ${verified ? "" : JSON.stringify(claims)}, true),
      set_config('statement_timeout', '15s', true)`;
    if (verified) await tx`select carrel.authenticate(${token})`;
  } catch (reason) {
    if (endsSession(reason)) throw reason;
    // The database has other keys than this function, or is stricter: with issuers, audiences and claims given twice.
    if (verified && (reason as { code?: unknown }).code === "28000") throw new HttpError(401, "the token is not valid");
    throw new Error("the connection's role can't become authenticated", { cause: reason });
  }
}
