alter table carrel.usage_reservations alter column id set default carrel.uuid_v7();
alter table carrel.usage_reservations enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates what others did.
alter table carrel.usage_reservations alter column event_type set statistics 0;
alter table carrel.usage_reservations alter column idempotency_key set statistics 0;
alter table carrel.usage_reservations alter column payload_hash set statistics 0;
alter table carrel.usage_reservations alter column settled_hash set statistics 0;

create or replace trigger usage_reservations_check_privileges
    before insert or delete or update or truncate on carrel.usage_reservations
    for each statement execute function carrel.check_privileges();

comment on table carrel.usage_reservations is 'Reservations of usage for work of unknown cost. A held reservation counts against hard limits until it is settled, released or expired.';
comment on column carrel.usage_reservations.id is 'Primary key (UUIDv7).';
comment on column carrel.usage_reservations.user_id is 'User of the reservation.';
comment on column carrel.usage_reservations.event_type is 'Type of the event that will be recorded.';
comment on column carrel.usage_reservations.tokens is 'Reserved tokens.';
comment on column carrel.usage_reservations.cost is 'Reserved cost.';
comment on column carrel.usage_reservations.state is 'held, expired, settled or released. A reservation past expires_at stays held until another session needs its amount.';
comment on column carrel.usage_reservations.idempotency_key is 'Idempotency key: one reservation for each key of a user, forever.';
comment on column carrel.usage_reservations.payload_hash is 'SHA-256 of the arguments of reserve_usage().';
comment on column carrel.usage_reservations.event_id is 'Event that settled the reservation.';
comment on column carrel.usage_reservations.settled_hash is 'SHA-256 of the arguments of settle_usage().';
comment on column carrel.usage_reservations.reserved_at is 'Time of the reservation; decides the periods that it counts in.';
comment on column carrel.usage_reservations.expires_at is 'Time of expiry. From then on, the reservation does not count.';
comment on column carrel.usage_reservations.resolved_at is 'Time at which it was settled or released.';
