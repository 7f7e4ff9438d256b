-- Events are inserted and never changed. The insert policy is for roles with self_metering: no
-- other end user has the privilege.
alter table carrel.usage_events alter column id set default carrel.uuid_v7();
alter table carrel.usage_events alter column user_id set default carrel.current_user_id();
alter table carrel.usage_events enable row level security;

-- No statistics: they cover all users, and EXPLAIN's estimates would tell what others did.
alter table carrel.usage_events alter column event_type set statistics 0;
alter table carrel.usage_events alter column model set statistics 0;
alter table carrel.usage_events alter column token_types set statistics 0;
alter table carrel.usage_events alter column metadata set statistics 0;
alter table carrel.usage_events alter column idempotency_key set statistics 0;
alter table carrel.usage_events alter column payload_hash set statistics 0;

create or replace trigger usage_events_check_privileges
    before insert or delete or update or truncate on carrel.usage_events
    for each statement execute function carrel.check_privileges();

drop policy if exists usage_events_select_own on carrel.usage_events;
create policy usage_events_select_own on carrel.usage_events
    for select using (user_id = carrel.current_user_id());

drop policy if exists usage_events_insert_own on carrel.usage_events;
create policy usage_events_insert_own on carrel.usage_events
    for insert with check (user_id = carrel.current_user_id() and voids is null and payload_hash is null);

-- Checks the owner and the size of an event.
create or replace trigger usage_events_prepare
    before insert on carrel.usage_events
    for each row execute function carrel.prepare_event();

create or replace trigger usage_events_refuse_change
    before delete or update on carrel.usage_events
    for each row execute function carrel.refuse_usage_change();

create or replace trigger usage_events_refuse_truncate
    before truncate on carrel.usage_events
    for each statement execute function carrel.refuse_usage_change();

create or replace trigger usage_events_count
    after insert on carrel.usage_events
    referencing new table as inserted
    for each statement execute function carrel.count_usage();

-- Deferred until commit: a service that records for several users locks their profiles in one
-- order.
drop trigger if exists usage_events_count_requests_of_others on carrel.usage_events;
create constraint trigger usage_events_count_requests_of_others
    after insert on carrel.usage_events
    deferrable initially deferred
    for each row when (new.event_type = 'agent_request') execute function carrel.count_requests_of_others();

comment on table carrel.usage_events is 'Usage events: facts, inserted once and never changed.';
comment on column carrel.usage_events.id is 'Primary key (UUIDv7).';
comment on column carrel.usage_events.user_id is 'User of the usage.';
comment on column carrel.usage_events.event_type is 'Type of the event, such as agent_request.';
comment on column carrel.usage_events.tokens_used is 'Number of tokens; negative only if the row voids another.';
comment on column carrel.usage_events.cost is 'Cost, in the currency of the prices; negative only if the row voids another.';
comment on column carrel.usage_events.metadata is 'Data of the application.';
comment on column carrel.usage_events.model is 'Model that was used.';
comment on column carrel.usage_events.token_types is 'Tokens by type, such as input and output.';
comment on column carrel.usage_events.idempotency_key is 'Idempotency key: one event for each key of a user, forever.';
comment on column carrel.usage_events.payload_hash is 'SHA-256 of the arguments of record_usage().';
comment on column carrel.usage_events.request_id is 'Agent request that caused the usage. Not a foreign key: the ledger outlives requests.';
comment on column carrel.usage_events.voids is 'Id of the event that this one voids.';
comment on column carrel.usage_events.occurred_at is 'Time of the usage; decides the billing period.';
comment on column carrel.usage_events.created_at is 'Time of the insert.';
