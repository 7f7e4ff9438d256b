-- Script that ALTER EXTENSION UPDATE runs.
create function carrel.price_note(model text) returns text stable parallel unsafe
language c as 'MODULE_PATHNAME', 'price_note_wrapper';

drop function carrel.price_usage;
create function carrel.price_usage(model text, tokens jsonb, at timestamptz default pg_catalog.now(), factor integer default 1)
returns numeric stable parallel unsafe
language c as 'MODULE_PATHNAME', 'price_usage_2_wrapper';

comment on function carrel.price_note is 'Returns the purpose of a model''s prices. Callable by users.';
comment on function carrel.price_usage is 'Returns the price of tokens of a model at a time, times `factor`.';
comment on function carrel.uuid_v7 is 'Returns a new UUID of version 7 (RFC 9562). Callable by users, services and operators.';
revoke all on function carrel.price_note, carrel.price_usage from public;
