-- Whoever writes requests, the owner too, can do with them what the functions can, and nothing else.
\pset format unaligned
\pset tuples_only on
begin;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
create function pg_temp.from_to(is_from text, is_to text) returns text language plpgsql as $$
begin
    delete from carrel.agent_requests;
    insert into carrel.agent_requests (id, user_id, agent_type, content, status) values ('a0000000-0000-0000-0000-000000000001', '11111111-1111-1111-1111-111111111111', 'chat', 'x', is_from);
    update carrel.agent_requests set status = is_to;
    return 'ok';
exception when sqlstate 'PT409' then
    return sqlerrm;
end $$;
select is_from, is_to, pg_temp.from_to(is_from, is_to)
from unnest(array['pending', 'processing', 'completed', 'failed', 'cancelled']) as is_from, unnest(array['pending', 'processing', 'completed', 'failed', 'cancelled']) as is_to;

-- What is finished stays, but for its session.
select pg_temp.from_to('processing', 'completed');
select outcome('update carrel.agent_requests set ' || change) from (values
    ('results = ''1'''), ('token_cost = 9'), ('progress = 0.5'), ('content = ''y'''), ('completed_at = now()'), ('reserved_at = ''2020-01-01'''), ('user_id = ''22222222-2222-2222-2222-222222222222'''), ('session_id = null'), ('updated_at = now()'), ('content = content')
) as given (change);

-- Progress goes back with a new attempt only.
delete from carrel.agent_requests;
insert into carrel.agent_requests (id, agent_type, content, status, progress, lease_token) values ('a0000000-0000-0000-0000-000000000001', 'chat', 'x', 'processing', 0.5, 'a0000000-0000-0000-0000-00000000000a');
select outcome('update carrel.agent_requests set ' || change) from (values ('progress = 0.4'), ('progress = 0.6'), ('progress = 0, lease_token = uuid ''a0000000-0000-0000-0000-00000000000b''')) as given (change);
select carrel.verify_usage();
rollback;
