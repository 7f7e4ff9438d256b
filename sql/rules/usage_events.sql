-- Events are inserted and never changed, by anybody. The insert policy is there for roles that were
-- granted self_metering; no other end user has the privilege.
alter table carrel.usage_events alter column id set default carrel.uuid_v7();
alter table carrel.usage_events alter column user_id set default carrel.current_user_id();
alter table carrel.usage_events enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates what others did.
alter table carrel.usage_events alter column event_type set statistics 0;
alter table carrel.usage_events alter column model set statistics 0;
alter table carrel.usage_events alter column token_types set statistics 0;
alter table carrel.usage_events alter column metadata set statistics 0;
alter table carrel.usage_events alter column idempotency_key set statistics 0;

create or replace trigger usage_events_check_privileges
    before insert or delete or update or truncate on carrel.usage_events
    for each statement execute function carrel.check_privileges();

drop policy if exists usage_events_select_own on carrel.usage_events;
create policy usage_events_select_own on carrel.usage_events
    for select using (user_id = carrel.current_user_id());

drop policy if exists usage_events_insert_own on carrel.usage_events;
create policy usage_events_insert_own on carrel.usage_events
    for insert with check (user_id = carrel.current_user_id() and voids is null and payload_hash is null);

-- Refuses events of nobody, of users without a profile, and what no event is.
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

-- When the transaction commits: what one records for others locks their profiles in one order.
drop trigger if exists usage_events_count_requests_of_others on carrel.usage_events;
create constraint trigger usage_events_count_requests_of_others
    after insert on carrel.usage_events
    deferrable initially deferred
    for each row when (new.event_type = 'agent_request') execute function carrel.count_requests_of_others();

comment on table carrel.usage_events is 'What was used: facts, inserted once and never changed.';
comment on column carrel.usage_events.id is 'The key of the row (UUIDv7).';
comment on column carrel.usage_events.user_id is 'The user who used it.';
comment on column carrel.usage_events.event_type is 'What was used, such as agent_request.';
comment on column carrel.usage_events.tokens_used is 'Tokens; negative only where the row voids another.';
comment on column carrel.usage_events.cost is 'Money; negative only where the row voids another.';
comment on column carrel.usage_events.metadata is 'Whatever the application wants to keep with the event.';
comment on column carrel.usage_events.model is 'The model that was used.';
comment on column carrel.usage_events.token_types is 'Tokens by type, such as input and output.';
comment on column carrel.usage_events.idempotency_key is 'One event for each key of a user, for ever.';
comment on column carrel.usage_events.payload_hash is 'SHA-256 over the arguments that record_usage() was given.';
comment on column carrel.usage_events.request_id is 'The agent request that it was used for; not a foreign key, for the books outlive the requests.';
comment on column carrel.usage_events.voids is 'The event that this one takes back.';
comment on column carrel.usage_events.occurred_at is 'When it was used; decides the billing period.';
comment on column carrel.usage_events.created_at is 'When the row was inserted.';
