-- A user creates, sees and deletes their own requests (not while one is being worked on, for that
-- would be free work). How a request fares is the workers' to write.
alter table carrel.agent_requests alter column id set default carrel.uuid_v7();
alter table carrel.agent_requests alter column user_id set default carrel.current_user_id();
alter table carrel.agent_requests enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates which texts are frequent.
alter table carrel.agent_requests alter column content set statistics 0;
alter table carrel.agent_requests alter column agent_type set statistics 0;
alter table carrel.agent_requests alter column results set statistics 0;
alter table carrel.agent_requests alter column error set statistics 0;
alter table carrel.agent_requests alter column lease_owner set statistics 0;
alter table carrel.agent_requests alter column idempotency_key set statistics 0;

create or replace trigger agent_requests_check_privileges
    before insert or delete or update or truncate on carrel.agent_requests
    for each statement execute function carrel.check_privileges();

drop policy if exists agent_requests_select_own on carrel.agent_requests;
create policy agent_requests_select_own on carrel.agent_requests
    for select using (user_id = carrel.current_user_id());

drop policy if exists agent_requests_insert_own on carrel.agent_requests;
create policy agent_requests_insert_own on carrel.agent_requests
    for insert with check (
        user_id = carrel.current_user_id()
        and status = 'pending'
        and progress = 0
        and results is null
        and token_cost = 0
        and error is null
        and attempts = 0
        and lease_token is null
        and lease_expires_at is null
        and lease_owner is null
        and cancel_requested_at is null
        and started_at is null
        and completed_at is null
    );

drop policy if exists agent_requests_delete_own on carrel.agent_requests;
create policy agent_requests_delete_own on carrel.agent_requests
    for delete using (user_id = carrel.current_user_id() and status <> 'processing');

-- Clamps priority, max_attempts and run_at of end users, for they sort across users; sets reserved_at, which the policy
-- leaves to it; refuses what is too large.
create or replace trigger agent_requests_prepare
    before insert on carrel.agent_requests
    for each row execute function carrel.prepare_request();

-- What may become of a request.
create or replace trigger agent_requests_check_transition
    before update on carrel.agent_requests
    for each row execute function carrel.check_request_transition();

create or replace trigger agent_requests_touch_updated_at
    before update on carrel.agent_requests
    for each row execute function carrel.touch_updated_at();

-- Keep the chains of sessions.
create or replace trigger agent_requests_keep_chains_added
    after insert on carrel.agent_requests
    referencing new table as added
    for each statement execute function carrel.keep_request_chains();

create or replace trigger agent_requests_keep_chains_changed
    after update on carrel.agent_requests
    referencing old table as removed new table as added
    for each statement execute function carrel.keep_request_chains();

create or replace trigger agent_requests_keep_chains_removed
    after delete on carrel.agent_requests
    referencing old table as removed
    for each statement execute function carrel.keep_request_chains();

create or replace trigger agent_requests_keep_chains_truncated
    after truncate on carrel.agent_requests
    for each statement execute function carrel.keep_request_chains();

-- Requests that are not finished hold what they may use from hard limits; workers are told of those to be done.
create or replace trigger agent_requests_hold_added
    after insert on carrel.agent_requests
    referencing new table as added
    for each statement execute function carrel.hold_for_requests();

create or replace trigger agent_requests_hold_changed
    after update on carrel.agent_requests
    referencing old table as removed new table as added
    for each statement execute function carrel.hold_for_requests();

create or replace trigger agent_requests_hold_removed
    after delete on carrel.agent_requests
    referencing old table as removed
    for each statement execute function carrel.hold_for_requests();

create or replace trigger agent_requests_hold_truncated
    after truncate on carrel.agent_requests
    for each statement execute function carrel.hold_for_requests();

comment on table carrel.agent_requests is 'Work that users ask agents for, from creation to completion.';
comment on column carrel.agent_requests.id is 'The key of the row (UUIDv7).';
comment on column carrel.agent_requests.user_id is 'The user whose request it is.';
comment on column carrel.agent_requests.session_id is 'The session that it belongs to, if any.';
comment on column carrel.agent_requests.agent_type is 'Which kind of agent is asked.';
comment on column carrel.agent_requests.content is 'What is asked.';
comment on column carrel.agent_requests.status is 'pending, processing, completed, failed or cancelled.';
comment on column carrel.agent_requests.progress is 'How far it is, from 0 to 1.';
comment on column carrel.agent_requests.results is 'What came of it.';
comment on column carrel.agent_requests.token_cost is 'The tokens that all attempts took.';
comment on column carrel.agent_requests.error is 'Why it failed.';
comment on column carrel.agent_requests.priority is 'Higher goes first; end users have from -100 to 0.';
comment on column carrel.agent_requests.attempts is 'How often it was tried.';
comment on column carrel.agent_requests.max_attempts is 'How often it may be tried; end users have at most 3.';
comment on column carrel.agent_requests.run_at is 'Not to be started before; of end users not in the past.';
comment on column carrel.agent_requests.lease_token is 'What the worker that holds it must show, and the id of the event that the attempt is billed by; that of the last attempt stays.';
comment on column carrel.agent_requests.lease_expires_at is 'Until when the worker holds it.';
comment on column carrel.agent_requests.lease_owner is 'The worker that holds it, or held it last.';
comment on column carrel.agent_requests.cancel_requested_at is 'When cancelling was asked for.';
comment on column carrel.agent_requests.idempotency_key is 'One request for each key of a user.';
comment on column carrel.agent_requests.payload_hash is 'SHA-256 over the arguments of create_request(), where it has an idempotency key.';
comment on column carrel.agent_requests.reserve_tokens is 'The tokens that it holds from hard limits, beside one agent_request, until it is finished.';
comment on column carrel.agent_requests.reserved_at is 'When it began to hold them; decides the periods that it counts in.';
comment on column carrel.agent_requests.created_at is 'When the row was inserted.';
comment on column carrel.agent_requests.started_at is 'When its last attempt began.';
comment on column carrel.agent_requests.completed_at is 'When it came to its end.';
comment on column carrel.agent_requests.updated_at is 'When the row was last updated.';
