// Types of columns that Drizzle has none for, or none that keeps what is stored.
import { customType } from 'drizzle-orm/pg-core';

/** A text as search sees it. Postgres writes it; read it for debugging. */
export const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });

/** Bytes, such as those of a hash. In rows within rows, which come as JSON, they are written in hexadecimal. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array | string }>({
    dataType: () => 'bytea',
    fromDriver: (value) => (typeof value === 'string' ? Uint8Array.from(Buffer.from(value.slice(2), 'hex')) : value),
});

/**
 * A number of any size, as Postgres writes it. In rows within rows, which come as JSON, it has become a floating-point
 * number: that is refused where it may have lost digits.
 */
export const numeric = customType<{ data: string; driverData: string | number }>({
    dataType: () => 'numeric',
    fromDriver: (value) => {
        if (typeof value === 'string') return value;
        const digits = value.toExponential().replace(/e.*|[-.]/g, '');
        if (digits.length <= 15) return String(value);
        throw new RangeError(`${value} has lost digits on its way through JSON: read it outside of \`with\``);
    },
});

/** A period of time as Postgres writes it: `["2026-01-01 00:00:00+00","2026-02-01 00:00:00+00")`. */
export const tstzrange = customType<{ data: string }>({ dataType: () => 'tstzrange' });
