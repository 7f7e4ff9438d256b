-- A session's request_chain holds the ids of its requests in order.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
create function pg_temp.chains() returns table (title text, chain text) language sql as $$
    select title, (select string_agg(right(id, 1), ' ' order by place) from jsonb_array_elements_text(request_chain) with ordinality as link (id, place))
    from carrel.agent_sessions order by title
$$;
insert into carrel.agent_sessions (id, title) values ('50000000-0000-0000-0000-000000000001', 'First'), ('50000000-0000-0000-0000-000000000002', 'Second');
select title, request_chain, version from carrel.agent_sessions order by title;

insert into carrel.agent_requests (id, session_id, agent_type, content) values
    ('a0000000-0000-0000-0000-000000000001', '50000000-0000-0000-0000-000000000001', 'chat', 'one');
insert into carrel.agent_requests (id, session_id, agent_type, content) values
    ('a0000000-0000-0000-0000-000000000002', '50000000-0000-0000-0000-000000000002', 'chat', 'two'),
    ('a0000000-0000-0000-0000-000000000003', '50000000-0000-0000-0000-000000000001', 'chat', 'three'),
    ('a0000000-0000-0000-0000-000000000004', null, 'chat', 'four'),
    ('a0000000-0000-0000-0000-000000000005', '50000000-0000-0000-0000-000000000001', 'chat', 'five');
select * from pg_temp.chains();

-- ON CONFLICT DO NOTHING appends what was inserted.
insert into carrel.agent_requests (id, session_id, agent_type, content) values
    ('a0000000-0000-0000-0000-000000000003', '50000000-0000-0000-0000-000000000002', 'chat', 'again'),
    ('a0000000-0000-0000-0000-000000000006', '50000000-0000-0000-0000-000000000002', 'chat', 'six')
on conflict (id) do nothing;
select * from pg_temp.chains();

-- A request that is deleted leaves the chain.
delete from carrel.agent_requests where id in ('a0000000-0000-0000-0000-000000000003', 'a0000000-0000-0000-0000-000000000004', 'a0000000-0000-0000-0000-000000000006');
select * from pg_temp.chains();
delete from carrel.agent_requests where session_id = '50000000-0000-0000-0000-000000000001';
select title, request_chain from carrel.agent_sessions order by title;

-- What a user puts into a new session's chain is refused.
select outcome($$insert into carrel.agent_sessions (title, request_chain) values ('Third', '["a0000000-0000-0000-0000-000000000002"]')$$);
select outcome($$insert into carrel.agent_sessions (title, version) values ('Third', 5)$$);
rollback;
