-- Users manage their own sessions. Triggers maintain request_chain and version.
alter table carrel.agent_sessions alter column id set default carrel.uuid_v7();
alter table carrel.agent_sessions alter column user_id set default carrel.current_user_id();
alter table carrel.agent_sessions enable row level security;

-- No statistics: they cover all users, and EXPLAIN's estimates would show which texts are frequent.
alter table carrel.agent_sessions alter column title set statistics 0;
alter table carrel.agent_sessions alter column request_chain set statistics 0;
alter table carrel.agent_sessions alter column context_state set statistics 0;

create or replace trigger agent_sessions_check_privileges
    before insert or delete or update or truncate on carrel.agent_sessions
    for each statement execute function carrel.check_privileges();

drop policy if exists agent_sessions_select_own on carrel.agent_sessions;
create policy agent_sessions_select_own on carrel.agent_sessions
    for select using (user_id = carrel.current_user_id());

drop policy if exists agent_sessions_insert_own on carrel.agent_sessions;
create policy agent_sessions_insert_own on carrel.agent_sessions
    for insert with check (user_id = carrel.current_user_id() and request_chain = '[]' and version = 0);

drop policy if exists agent_sessions_update_own on carrel.agent_sessions;
create policy agent_sessions_update_own on carrel.agent_sessions
    for update using (user_id = carrel.current_user_id())
    with check (user_id = carrel.current_user_id());

drop policy if exists agent_sessions_delete_own on carrel.agent_sessions;
create policy agent_sessions_delete_own on carrel.agent_sessions
    for delete using (user_id = carrel.current_user_id());

-- Checks owner, title and state.
create or replace trigger agent_sessions_prepare
    before insert or update on carrel.agent_sessions
    for each row execute function carrel.prepare_session();

create or replace trigger agent_sessions_touch_updated_at
    before update on carrel.agent_sessions
    for each row execute function carrel.touch_updated_at();

create or replace trigger agent_sessions_count_version
    before update on carrel.agent_sessions
    for each row execute function carrel.count_session_version();

comment on table carrel.agent_sessions is 'Conversations of users with agents: requests in order, and shared state.';
comment on column carrel.agent_sessions.id is 'Primary key (UUIDv7).';
comment on column carrel.agent_sessions.user_id is 'Owner of the session.';
comment on column carrel.agent_sessions.title is 'Title of the session.';
comment on column carrel.agent_sessions.request_chain is 'Ids of the session''s requests in order; maintained by triggers.';
comment on column carrel.agent_sessions.context_state is 'State shared by the agents and the application.';
comment on column carrel.agent_sessions.version is 'Number of changes of context_state.';
comment on column carrel.agent_sessions.created_at is 'Time of the insert.';
comment on column carrel.agent_sessions.updated_at is 'Time of the last update.';
