-- A rule that an operator adds is followed.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

create temp table noted (table_name text, operation text);

-- What a rule does is done with the rights of the table's owner.
grant insert on noted to carrel_owner;
create rule noted as on insert to carrel.usage_events do also insert into noted values ('usage_events', 'rule');
select duplicate from carrel.record_usage('chat', 9, user_id => '11111111-1111-1111-1111-111111111111');
select * from noted;
rollback;
