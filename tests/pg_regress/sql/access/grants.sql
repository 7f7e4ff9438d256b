-- grant_user() and grant_service() let a role work with carrel; a new role has nothing.
\pset format unaligned
create function pg_temp.may(role text) returns table (what text, answer text) language plpgsql as $$
begin
    perform set_config('role', role, true);
    perform set_config('request.jwt.claims', '{"sub": "11111111-1111-1111-1111-111111111111"}', true);
    return query select tried.what, public.outcome(tried.statement) from (values
        ('read own profile', 'select name from carrel.user_profiles'),
        ('add a document', 'insert into carrel.documents (filename) values (''a.txt'')'),
        ('insert usage', 'insert into carrel.usage_events (event_type) values (''tokens'')'),
        ('record usage', 'select duplicate from carrel.record_usage(''tokens'')'),
        ('create a user', 'select carrel.create_user(''33333333-3333-3333-3333-333333333333'')'),
        ('migrate', 'select carrel.migrate()')
    ) as tried (what, statement);
    perform set_config('role', 'none', true);
end
$$;

begin;
create role carrel_regress_new;
select * from pg_temp.may('carrel_regress_new');

-- An end user.
select carrel.grant_user('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');

-- One that records its own usage.
select carrel.grant_user('carrel_regress_new', self_metering => true);
select * from pg_temp.may('carrel_regress_new');
rollback;

-- A worker.
begin;
create role carrel_regress_new;
select carrel.grant_service('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');

-- What was granted is recorded; granting again is no error and no second row.
select carrel.grant_service('carrel_regress_new');
select carrel.grant_user('carrel_regress_new', self_metering => true);
select role_name, kind, granted from carrel.granted_roles where role_name = 'carrel_regress_new' order by kind;
rollback;

-- Names are names, whatever is in them.
begin;
create role "carrel_regress ""odd'; name";
select carrel.grant_user('carrel_regress "odd''; name');
select * from pg_temp.may('carrel_regress "odd''; name') limit 1;
rollback;

-- Members of a role have what it has.
begin;
create role carrel_regress_new;
grant carrel_regress_user to carrel_regress_new;
select * from pg_temp.may('carrel_regress_new');
rollback;

-- migrate() grants again what an operator lost: schema, functions, tables and columns.
begin;
create role carrel_regress_new;
select carrel.grant_operator('carrel_regress_new');
revoke all on all tables in schema carrel from carrel_regress_new;
revoke references (user_id) on carrel.user_profiles from carrel_regress_new;
revoke all on all functions in schema carrel from carrel_regress_new;
revoke all on schema carrel from carrel_regress_new;
select split_part(detail, E'\n', 1) as detail from carrel.doctor() where check_name = 'privileges';
select carrel.migrate();
select split_part(detail, E'\n', 1) as detail from carrel.doctor() where check_name = 'privileges';
select has_column_privilege('carrel_regress_new', 'carrel.user_profiles', 'user_id', 'references') as refers,
    has_table_privilege('carrel_regress_new', 'carrel.plans', 'insert') as adds_plans,
    has_function_privilege('carrel_regress_new', 'carrel.doctor()', 'execute') as calls_doctor,
    has_schema_privilege('carrel_regress_new', 'carrel', 'usage') as uses_schema;
rollback;
