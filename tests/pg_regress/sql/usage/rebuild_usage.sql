-- rebuild_usage() makes totals, counters and what is left of limits what the events say.
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 100);
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select remaining from carrel.consume_usage('chat', 60);
select used from carrel.record_usage('agent_request', 5);
reset role;
set constraints all immediate;
update carrel.usage_totals set tokens_used = 1000;
update carrel.user_profiles set usage_count = 17;
update carrel.usage_allowances set amount = 1000;
select what like '%left of%' as is_of_limit, count(*) from carrel.verify_usage() group by 1 order by 1;
select check_name, ok from carrel.doctor() where not ok;
select carrel.rebuild_usage();
select * from carrel.verify_usage();
select usage_count from carrel.user_profiles where name = 'Ada';
\set VERBOSITY sqlstate
select carrel.consume_usage('chat', 41);
\set VERBOSITY terse
select remaining from carrel.consume_usage('chat', 40);
set local role carrel_regress_service;
select carrel.rebuild_usage();
rollback;
