/** An answer that is an error. Its message is for the caller to read. */
export class HttpError extends Error {
  constructor(readonly status: number, message: string, readonly hint?: string) {
    super(message);
  }
}
