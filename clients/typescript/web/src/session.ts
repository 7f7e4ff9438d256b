// A user who is signed in, until they sign out or another does: then whatever is on its way is given up, and nothing
// of it is shown any more.

export class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly hint?: string) {
    super(message);
  }
}

export interface User {
  id: string;
  name: string;
}

export class Session {
  private readonly over = new AbortController();

  private constructor(readonly user: User, private readonly token: string, private readonly expired: (error: ApiError) => void) {}

  /** Signs in as a user of the demo. Where users are real, this is where their provider comes in. */
  static async begin(user: User, expired: (error: ApiError) => void): Promise<Session> {
    const { token } = await fetched<{ token: string }>("/dev/token", { method: "POST", body: JSON.stringify({ user: user.id }) });
    return new Session(user, token, expired);
  }

  end(): void {
    this.over.abort();
  }

  get ended(): boolean {
    return this.over.signal.aborted;
  }

  /** Calls an edge function: GET, or POST of what is given. After the session's end it never answers. */
  async call<T>(path: string, input?: unknown): Promise<T> {
    try {
      const answer = await fetched<T>(`/functions/v1/${path}`, {
        method: input === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${this.token}` },
        body: input === undefined ? undefined : JSON.stringify(input),
        signal: this.over.signal,
      });
      if (this.ended) return await new Promise<never>(() => {});
      return answer;
    } catch (error) {
      if (this.ended) return await new Promise<never>(() => {});
      if (error instanceof ApiError && error.status === 401) this.expired(error);
      throw error;
    }
  }

  /** Runs something later, unless the session is over by then. */
  later(milliseconds: number, what: () => void): () => void {
    const timer = setTimeout(() => {
      if (!this.ended) what();
    }, milliseconds);
    return () => clearTimeout(timer);
  }
}

export async function users(): Promise<User[]> {
  return (await fetched<{ users: User[] }>("/dev/users")).users;
}

async function fetched<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new ApiError(0, "The server can’t be reached.", "Is it still running?");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body as T;
  const { message, hint } = body?.error ?? {};
  throw new ApiError(response.status, sentence(message ?? `The server answered ${response.status}.`), hint && sentence(hint));
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}
