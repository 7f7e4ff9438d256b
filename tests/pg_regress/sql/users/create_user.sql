-- create_user() makes the profile that everything of a user's hangs from. It is the services' to call.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
\pset null '(null)'
begin;
set local role carrel_regress_service;
select carrel.create_user('33333333-3333-3333-3333-333333333333');
select carrel.create_user('44444444-4444-4444-4444-444444444444', 'Dora', 'pro');
select carrel.create_user(plan_type => 'free', name => 'Somebody') is not null as has_id_of_its_own;

-- One that exists stays as it is.
select carrel.create_user('44444444-4444-4444-4444-444444444444', 'Other', 'enterprise');

set local request.jwt.claims = '{"sub": "44444444-4444-4444-4444-444444444444"}';
select user_id, name, plan_type, usage_count, subscription_status, billing_timezone,
    billing_anchor = now() as anchored_now, usage_period_start = now() as period_begins_now
from carrel.user_profiles;
set local request.jwt.claims = '{"sub": "33333333-3333-3333-3333-333333333333"}';
select name, plan_type from carrel.user_profiles;

-- Bad arguments.
select carrel.create_user('55555555-5555-5555-5555-555555555555', 'Eve', 'gold');
\echo :LAST_ERROR_SQLSTATE
select carrel.create_user(null);
\echo :LAST_ERROR_SQLSTATE

-- Without a plan it is the free one.
select carrel.create_user('55555555-5555-5555-5555-555555555555', plan_type => null);
set local request.jwt.claims = '{"sub": "55555555-5555-5555-5555-555555555555"}';
select plan_type from carrel.user_profiles;

-- End users can't.
set local role carrel_regress_user;
select carrel.create_user('66666666-6666-6666-6666-666666666666');

-- Without a profile nothing can be stored.
set local request.jwt.claims = '{"sub": "66666666-6666-6666-6666-666666666666"}';
insert into carrel.documents (filename) values ('a.txt');
\echo :LAST_ERROR_SQLSTATE
rollback;
