-- revoke_user() and revoke_service() take back what was granted; what a role has of the other kind stays.
\pset format unaligned
create function pg_temp.may(role text) returns table (what text, answer text) language plpgsql as $$
begin
    perform set_config('role', role, true);
    perform set_config('request.jwt.claims', '{"sub": "11111111-1111-1111-1111-111111111111"}', true);
    return query select tried.what, public.outcome(tried.statement) from (values
        ('read own profile', 'select name from carrel.user_profiles'),
        ('rename', 'update carrel.user_profiles set name = ''Ada L.'''),
        ('update a document''s status', 'update carrel.documents set processing_status = ''failed'''),
        ('insert usage', 'insert into carrel.usage_events (event_type) values (''tokens'')'),
        ('record usage', 'select duplicate from carrel.record_usage(''tokens'')'),
        ('create a user', 'select carrel.create_user(''33333333-3333-3333-3333-333333333333'')')
    ) as tried (what, statement);
    perform set_config('role', 'none', true);
end
$$;
create function pg_temp.leftovers(role text) returns bigint language sql as $$
    select count(*) from (
        select acl from pg_class as c, aclexplode(relacl) as acl where relnamespace = 'carrel'::regnamespace and grantee = role::regrole
        union all
        select acl from pg_attribute as a join pg_class as c on c.oid = attrelid, aclexplode(attacl) as acl
        where relnamespace = 'carrel'::regnamespace and grantee = role::regrole
        union all
        select acl from pg_proc, aclexplode(proacl) as acl where pronamespace = 'carrel'::regnamespace and grantee = role::regrole
        union all
        select acl from pg_namespace, aclexplode(nspacl) as acl where nspname = 'carrel' and grantee = role::regrole
    ) as privilege
$$;

begin;
create role carrel_regress_new;
select carrel.grant_user('carrel_regress_new', self_metering => true);
select carrel.grant_service('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');

-- It stays a service.
select carrel.revoke_user('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');

-- Nothing is left.
select carrel.revoke_service('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');
select pg_temp.leftovers('carrel_regress_new') as privileges_left;
select kind, granted from carrel.granted_roles where role_name = 'carrel_regress_new' order by kind;

-- migrate() does not undo it; a role that has nothing can be dropped.
select carrel.migrate();
select pg_temp.leftovers('carrel_regress_new') as privileges_left;
drop role carrel_regress_new;
rollback;

-- The other way round: it stays an end user that records its usage.
begin;
create role carrel_regress_new;
select carrel.grant_user('carrel_regress_new', self_metering => true);
select carrel.grant_service('carrel_regress_new');
select carrel.revoke_service('carrel_regress_new');
select * from pg_temp.may('carrel_regress_new');
rollback;

-- What was never granted can be revoked, and others keep theirs.
begin;
select carrel.revoke_user('carrel_regress_stranger');
select carrel.revoke_user('carrel_regress_service');
select * from pg_temp.may('carrel_regress_user') limit 2;
select * from pg_temp.may('carrel_regress_service') limit 1;
rollback;
