-- Events to be counted at the end of a transaction are not counted twice if they are summed up before: by the first request
-- of a user's own in a period, or by rebuild_usage().
begin;
set local timezone = 'UTC';
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set constraints all deferred;
select carrel.create_user('44444444-4444-4444-4444-444444444444', 'Dan');
select duplicate from carrel.record_usage('agent_request', user_id => '44444444-4444-4444-4444-444444444444');
set local request.jwt.claims = '{"sub": "44444444-4444-4444-4444-444444444444"}';
select duplicate from carrel.record_usage('agent_request');
select usage_count from carrel.user_profiles where name = 'Dan';
set local request.jwt.claims = '';
select duplicate from carrel.record_usage('agent_request', user_id => '44444444-4444-4444-4444-444444444444');
select carrel.rebuild_usage() > 0 as rebuilt;
set constraints all immediate;
select usage_count from carrel.user_profiles where name = 'Dan';
select count(*) as drifted from carrel.verify_usage();
rollback;
