alter table carrel.usage_reservations alter column id set default carrel.uuid_v7();
alter table carrel.usage_reservations enable row level security;

create or replace trigger usage_reservations_check_privileges
    before insert or delete or update or truncate on carrel.usage_reservations
    for each statement execute function carrel.check_privileges();

comment on table carrel.usage_reservations is 'Work whose cost is not known yet: what is held counts against hard limits until it is settled, released, or past its time.';
comment on column carrel.usage_reservations.id is 'The key of the row (UUIDv7).';
comment on column carrel.usage_reservations.user_id is 'The user.';
comment on column carrel.usage_reservations.event_type is 'What will be used.';
comment on column carrel.usage_reservations.tokens is 'The tokens that are held.';
comment on column carrel.usage_reservations.cost is 'The money that is held.';
comment on column carrel.usage_reservations.state is 'held (also past its time, while nobody needed what it holds), lapsed, settled or released.';
comment on column carrel.usage_reservations.idempotency_key is 'One reservation for each key of a user, for ever.';
comment on column carrel.usage_reservations.payload_hash is 'SHA-256 over the arguments of reserve_usage().';
comment on column carrel.usage_reservations.event_id is 'The event that it was settled by.';
comment on column carrel.usage_reservations.settled_hash is 'SHA-256 over the arguments of settle_usage().';
comment on column carrel.usage_reservations.reserved_at is 'When it was made; decides the periods that it counts in.';
comment on column carrel.usage_reservations.expires_at is 'From when on it no longer counts.';
comment on column carrel.usage_reservations.resolved_at is 'When it was settled or released.';
