-- Users create, see and delete their own requests. They cannot delete a request in processing,
-- which would be unbilled work. Only workers change requests.
alter table carrel.agent_requests alter column id set default carrel.uuid_v7();
alter table carrel.agent_requests alter column user_id set default carrel.current_user_id();
alter table carrel.agent_requests enable row level security;

-- No statistics: they cover all users, and EXPLAIN's estimates would show which texts are frequent.
alter table carrel.agent_requests alter column content set statistics 0;
alter table carrel.agent_requests alter column agent_type set statistics 0;
alter table carrel.agent_requests alter column results set statistics 0;
alter table carrel.agent_requests alter column error set statistics 0;
alter table carrel.agent_requests alter column lease_owner set statistics 0;
alter table carrel.agent_requests alter column idempotency_key set statistics 0;
alter table carrel.agent_requests alter column payload_hash set statistics 0;

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

-- Clamps priority, max_attempts, run_at and reserved_at of end users, and checks the row.
create or replace trigger agent_requests_prepare
    before insert on carrel.agent_requests
    for each row execute function carrel.prepare_request();

-- Enforces the life cycle.
create or replace trigger agent_requests_check_transition
    before update on carrel.agent_requests
    for each row execute function carrel.check_request_transition();

create or replace trigger agent_requests_touch_updated_at
    before update on carrel.agent_requests
    for each row execute function carrel.touch_updated_at();

-- Maintain the chains of sessions.
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

-- Reserve usage of open requests from hard limits, and notify workers of pending ones.
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

comment on table carrel.agent_requests is 'Requests of users to agents, from creation to completion.';
comment on column carrel.agent_requests.id is 'Primary key (UUIDv7).';
comment on column carrel.agent_requests.user_id is 'Owner of the request.';
comment on column carrel.agent_requests.session_id is 'Session of the request; null: none.';
comment on column carrel.agent_requests.agent_type is 'Type of the agent.';
comment on column carrel.agent_requests.content is 'Prompt or task for the agent.';
comment on column carrel.agent_requests.status is 'pending, processing, completed, failed or cancelled.';
comment on column carrel.agent_requests.progress is 'Progress, 0 to 1.';
comment on column carrel.agent_requests.results is 'Results of the agent.';
comment on column carrel.agent_requests.token_cost is 'Tokens used by all attempts.';
comment on column carrel.agent_requests.error is 'Error of the last attempt.';
comment on column carrel.agent_requests.priority is 'Priority, highest first. End users may set -100 to 0.';
comment on column carrel.agent_requests.attempts is 'Number of attempts started.';
comment on column carrel.agent_requests.max_attempts is 'Maximum number of attempts. End users may set up to 3.';
comment on column carrel.agent_requests.run_at is 'Earliest start; end users cannot set a time in the past.';
comment on column carrel.agent_requests.lease_token is 'Token of the last lease, which the worker''s reports name; id of the event that bills the attempt.';
comment on column carrel.agent_requests.lease_expires_at is 'End of the lease; null: no worker holds the request.';
comment on column carrel.agent_requests.lease_owner is 'Worker of the last lease.';
comment on column carrel.agent_requests.cancel_requested_at is 'Time at which cancellation was requested.';
comment on column carrel.agent_requests.idempotency_key is 'Idempotency key, unique for a user.';
comment on column carrel.agent_requests.payload_hash is 'SHA-256 of the arguments of create_request(); null without an idempotency key.';
comment on column carrel.agent_requests.reserve_tokens is 'Tokens reserved from hard limits until the request is finished, beside one agent_request.';
comment on column carrel.agent_requests.reserved_at is 'Start of the reservation; determines the periods that it counts in.';
comment on column carrel.agent_requests.created_at is 'Time of the insert.';
comment on column carrel.agent_requests.started_at is 'Start of the last attempt.';
comment on column carrel.agent_requests.completed_at is 'Time at which the request was completed, failed or cancelled.';
comment on column carrel.agent_requests.updated_at is 'Time of the last update.';
