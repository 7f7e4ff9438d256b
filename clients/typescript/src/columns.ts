// Types of columns that Drizzle has none for.
import { customType } from 'drizzle-orm/pg-core';

/** A text as search sees it. Postgres writes it; read it for debugging. */
export const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });

/** Bytes, such as those of a hash. */
export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });

/** A period of time as Postgres writes it: `["2026-01-01 00:00:00+00","2026-02-01 00:00:00+00")`. */
export const tstzrange = customType<{ data: string }>({ dataType: () => 'tstzrange' });
