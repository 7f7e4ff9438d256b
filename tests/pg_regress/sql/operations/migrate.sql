-- migrate() is idempotent, puts back what is missing, keeps what a user added, and changes nothing when it fails.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
create function pg_temp.state() returns text language sql as $$
    select md5(string_agg(line, E'\n' order by line)) from (
        select format('%s %s %s %s %s', attrelid::regclass, attname, atttypid, attnotnull, attacl) from pg_attribute join pg_class as c on c.oid = attrelid where relnamespace = 'carrel'::regnamespace and attnum > 0
        union all select format('%s %s', oid::regclass, relacl) from pg_class where relnamespace = 'carrel'::regnamespace
        union all select format('%s %s %s %s', tablename, policyname, qual, with_check) from pg_policies where schemaname = 'carrel'
        union all select pg_get_triggerdef(oid) from pg_trigger where tgrelid in (select oid from pg_class where relnamespace = 'carrel'::regnamespace) and not tgisinternal
        union all select pg_get_constraintdef(oid) from pg_constraint where connamespace = 'carrel'::regnamespace
        union all select format('%s %s', objoid::regclass, description) from pg_description where classoid = 'pg_class'::regclass and objoid in (select oid from pg_class where relnamespace = 'carrel'::regnamespace)
        union all select format('%s %s', step_name, applied_at) from carrel.migrations
        union all select format('%s %s %s', role_name, kind, granted) from carrel.granted_roles
    ) as lines (line)
$$;
select step_name from carrel.migrations order by step_name;

begin;
create temp table before as select pg_temp.state() as state;
select carrel.migrate();
select state = pg_temp.state() as unchanged from before;

-- What a user added stays.
alter table carrel.documents add column folder text default 'inbox';
create index documents_folder_idx on carrel.documents (user_id, folder);
create policy documents_in_folders on carrel.documents as restrictive using (folder is not null);
update carrel.plans set description = 'Renamed by the operator.' where plan_type = 'pro';
delete from carrel.plans where plan_type = 'enterprise';
select carrel.migrate();
select count(*) as own_column from pg_attribute where attrelid = 'carrel.documents'::regclass and attname = 'folder';
select count(*) as own_index from pg_class where relname = 'documents_folder_idx';
select count(*) as own_policy from pg_policy where polname = 'documents_in_folders';
select plan_type, description from carrel.plans order by 1;
rollback;

-- A column whose type doesn't fit is named, and nothing is changed.
begin;
drop policy documents_delete_own on carrel.documents;
alter table carrel.agent_requests alter column priority drop default, alter column priority type text;
select carrel.migrate();
\echo :LAST_ERROR_SQLSTATE
select count(*) as policy_put_back from pg_policy where polname = 'documents_delete_own';
rollback;

-- A table of somebody else's is refused, for its owner could run code as everybody who uses it.
begin;
alter table carrel.plans owner to carrel_regress_stranger;
\pset format unaligned
select replace(outcome('select carrel.migrate()'), quote_ident(current_user), '<owner>') as answer;
\pset format aligned
rollback;

-- Tables of the user's own data are empty after it, and the plans are there again where all were gone.
begin;
delete from carrel.user_profiles;
delete from carrel.plans;
select carrel.migrate();
select plan_type from carrel.plans order by 1;
rollback;
