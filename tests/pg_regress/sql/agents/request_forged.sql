-- How a request fares is the workers' to write: a new one is pending, and nothing about it is made up.
\pset format unaligned
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select columns, outcome(format('insert into carrel.agent_requests (agent_type, content, %s) values (''chat'', ''hello'', %s)', columns, value)) from (values
    ('status', '''completed'''), ('status', '''processing'''), ('status', '''cancelled'''), ('progress', '0.5'), ('results', '''{"answer": 42}'''), ('results', '''null'''), ('token_cost', '1'), ('error', '''{}'''), ('attempts', '1'),
    ('lease_token', 'gen_random_uuid()'), ('lease_expires_at', 'now()'), ('lease_owner', '''me'''), ('cancel_requested_at', 'now()'), ('started_at', 'now()'), ('completed_at', 'now()'),
    ('user_id', '''22222222-2222-2222-2222-222222222222'''),
    ('status', '''pending'''), ('progress', '0'), ('run_at', 'now() + interval ''1 hour'''), ('idempotency_key', '''k''')
) as given (columns, value);

-- A row of nothing but defaults, as ORMs write it.
insert into carrel.agent_requests (id, user_id, session_id, agent_type, content, status, progress, results, token_cost, error, priority, attempts,
    max_attempts, run_at, lease_token, lease_expires_at, lease_owner, cancel_requested_at, idempotency_key, created_at, started_at, completed_at, updated_at)
values (default, default, default, 'chat', 'by an orm', default, default, default, default, default, default, default,
    default, default, default, default, default, default, default, default, default, default, default)
returning user_id, status, token_cost;

-- The service creates as end users do: nothing is made up in its name either.
set local role carrel_regress_service;
select outcome($$insert into carrel.agent_requests (agent_type, content, status) values ('chat', 'hello', 'completed')$$);
select outcome($$update carrel.agent_requests set status = 'completed'$$);

-- The service acts as a user or not at all.
set local request.jwt.claims = '';
select outcome($$insert into carrel.agent_requests (agent_type, content) values ('chat', 'hello')$$);
select outcome($$insert into carrel.agent_requests (user_id, agent_type, content) values ('11111111-1111-1111-1111-111111111111', 'chat', 'hello')$$);

-- One key, one request.
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select outcome($$insert into carrel.agent_requests (agent_type, content, idempotency_key) values ('chat', 'hello', 'k')$$);
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select outcome($$insert into carrel.agent_requests (agent_type, content, idempotency_key) values ('chat', 'hello', 'k')$$);
rollback;
