-- Without the index of keys, keys are refused.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

drop index carrel.usage_events_user_id_idempotency_key_idx;
call record_each_way(9);
rollback;
