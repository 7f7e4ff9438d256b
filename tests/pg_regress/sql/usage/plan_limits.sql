-- Limits are checked when they are written; the plan that users start with can't be deleted while it is used.
\set VERBOSITY terse
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
begin;
select plan_type, event_type, measure, period, limit_value, enforcement from carrel.plan_limits order by 1, 2, 3;
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'tokens', 'fortnight', 1);
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'tokens', '1 month', 1);
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'tokens', '-5 hours', 1);
insert into carrel.plan_limits (plan_type, measure, period, limit_value) values ('free', 'tokens', '0', 1);
insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'tokens', -1);
insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'tokens', 'NaN');
insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'pages', 1);
insert into carrel.plan_limits (plan_type, measure, limit_value) values ('gold', 'tokens', 1);
insert into carrel.plan_limits (plan_type, measure, period, limit_value, enforcement) values ('free', 'tokens', '36:00', 1, 'soft')
returning event_type, period, window_length;
delete from carrel.plans where plan_type = 'free';
-- Nor while nobody is on it.
update carrel.user_profiles set plan_type = 'pro';
delete from carrel.plans where plan_type = 'free';
update carrel.plans set plan_type = 'gratis' where plan_type = 'free';
update carrel.plans set description = 'Free of charge.' where plan_type = 'free';
alter table carrel.user_profiles alter column plan_type set default 'pro';
delete from carrel.plans where plan_type = 'free';
select carrel.set_plan('11111111-1111-1111-1111-111111111111', 'gold');
select carrel.set_plan('33333333-3333-3333-3333-333333333333', 'pro');
select carrel.set_plan(null, 'pro');
select carrel.set_plan('11111111-1111-1111-1111-111111111111', null);
select carrel.set_plan('11111111-1111-1111-1111-111111111111', 'pro', 'paused');
select carrel.set_plan('11111111-1111-1111-1111-111111111111', 'pro', 'cancelled', '2024-01-31 10:00+00', 'Europe/Berlin');
select plan_type, subscription_status, billing_anchor = '2024-01-31 10:00+00' as anchored, billing_timezone from carrel.user_profiles where name = 'Ada';
set local timezone = 'UTC';
select carrel.billing_period('11111111-1111-1111-1111-111111111111', '2024-03-01 00:00+00');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select carrel.billing_period('11111111-1111-1111-1111-111111111111');
select carrel.set_plan('22222222-2222-2222-2222-222222222222', 'enterprise');
select carrel.check_quota('chat', user_id => '11111111-1111-1111-1111-111111111111');
select carrel.current_usage('11111111-1111-1111-1111-111111111111');
select carrel.check_quota('chat', -1);
select carrel.check_quota('chat', 'NaN');
select carrel.check_quota('chat', null);
select carrel.check_quota(null);
select carrel.check_quota('chat', 1, 'pages');
rollback;
