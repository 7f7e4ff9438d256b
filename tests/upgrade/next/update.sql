-- What ALTER EXTENSION UPDATE runs.
create function carrel.price_note(model text) returns text stable parallel unsafe
language c as 'MODULE_PATHNAME', 'price_note_wrapper';

drop function carrel.price_usage;
create function carrel.price_usage(model text, tokens jsonb, at timestamptz default pg_catalog.now(), factor integer default 1)
returns numeric stable parallel unsafe
language c as 'MODULE_PATHNAME', 'price_usage_2_wrapper';

comment on function carrel.price_note is 'What the prices of a model are for.';
comment on function carrel.price_usage is 'What tokens cost, so many times.';
comment on function carrel.uuid_v7 is 'A new UUIDv7.';
revoke all on function carrel.price_note, carrel.price_usage from public;
