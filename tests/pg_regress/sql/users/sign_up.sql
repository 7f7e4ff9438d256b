-- Where auth.users exists (Supabase's shape), users there have a profile, and go with it.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
\pset null '(null)'
set client_min_messages = warning;
begin;
create schema auth;
create table auth.users (id uuid primary key, raw_user_meta_data jsonb);
insert into auth.users values
    ('11111111-1111-1111-1111-111111111111', '{"name": "Not Ada"}'), ('22222222-2222-2222-2222-222222222222', null),
    ('33333333-3333-3333-3333-333333333333', '{"name": "Carol"}');
select carrel.migrate();

-- Those who were there have a profile; profiles that were there stay as they are.
select user_id, name, plan_type from carrel.user_profiles order by user_id;

-- Those who sign up get theirs in the same transaction, with the name that they gave.
insert into auth.users values
    ('44444444-4444-4444-4444-444444444444', '{"name": " ", "full_name": " Dora D. "}'),
    ('55555555-5555-5555-5555-555555555555', '{}'),
    ('66666666-6666-6666-6666-666666666666', '["no", "object"]'),
    ('77777777-7777-7777-7777-777777777777', null);
select user_id, name, plan_type, usage_count from carrel.user_profiles where user_id > '33333333-3333-3333-3333-333333333333' order by user_id;

-- Profiles belong to users.
insert into carrel.user_profiles (user_id) values ('99999999-9999-9999-9999-999999999999');
\echo :LAST_ERROR_SQLSTATE

-- Who is deleted there is deleted here, with everything.
select carrel.act_as('44444444-4444-4444-4444-444444444444');
insert into carrel.documents (filename, content_text) values ('d.txt', 'Text of Dora.');
select event_id is not null as recorded from carrel.record_usage('chat', 1);
delete from auth.users where id = '44444444-4444-4444-4444-444444444444';
select count(*) as profiles from carrel.user_profiles where user_id = '44444444-4444-4444-4444-444444444444';
select count(*) as documents from carrel.documents;
select count(*) as events from carrel.usage_events;

-- migrate() may run again, and the trigger is carrel's only one there.
select carrel.migrate();
select tgname, obj_description(oid, 'pg_trigger') as comment from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal order by tgname;
rollback;

-- Profiles without a user there stay, with a warning.
begin;
create schema auth;
create table auth.users (id uuid primary key, raw_user_meta_data jsonb);
select carrel.migrate();
select name from carrel.user_profiles order by name;
rollback;

-- A table of that name without metadata, and one of another kind, are no obstacle.
begin;
create schema auth;
create table auth.users (id uuid primary key, email text);
insert into auth.users values ('33333333-3333-3333-3333-333333333333', 'c@example.org');
select carrel.migrate();
select user_id, name from carrel.user_profiles order by user_id;
rollback;
begin;
create schema auth;
create table auth.users (id bigint primary key);
select carrel.migrate();
insert into auth.users values (1);
rollback;
