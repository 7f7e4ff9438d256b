-- A schema with a trap in the place of every function, aggregate, operator, type and text search configuration of
-- pg_catalog's: with the same arguments, so that whoever looks here first takes it. Each says who fell into it, and counts.
create schema hostile;
grant usage on schema hostile to public;
create sequence hostile.calls;
grant usage, select on sequence hostile.calls to public;
set check_function_bodies = off;
set client_min_messages = error;

do $make$
declare
    victim record;
    trap constant text := $trap$
        begin
            perform pg_catalog.nextval('hostile.calls');
            raise exception 'trap: %% as %%', %L, current_user;
        end $trap$;
    made bigint := 0;
begin
    -- Names of arguments are left out; those of pseudo-types that plpgsql can't have are not made.
    for victim in
        select p.oid, proname, prokind, proretset, prorettype::regtype::text as result,
            (select coalesce(string_agg(format_type(type, null), ', ' order by n), '')
                from unnest(proargtypes::oid[]) with ordinality as t (type, n)) as arguments
        from pg_proc as p
        where pronamespace = 'pg_catalog'::regnamespace and prokind in ('f', 'a')
            and proargtypes::oid[] && array['internal', 'cstring', 'trigger']::regtype[]::oid[] is false
    loop
        begin
            if victim.prokind = 'f' then
                execute format('create function hostile.%I(%s) returns %s language plpgsql as %L',
                    victim.proname, victim.arguments, victim.result, format(trap, victim.proname));
            else
                execute format('create function hostile.%I(bigint%s) returns bigint language plpgsql as %L',
                    'step_' || victim.oid, case when victim.arguments <> '' then ', ' || victim.arguments end,
                    format(trap, victim.proname));
                execute format('create aggregate hostile.%I(%s) (sfunc = hostile.%I, stype = bigint, initcond = 0)',
                    victim.proname, case when victim.arguments = '' then '*' else victim.arguments end,
                    'step_' || victim.oid);
            end if;
            made := made + 1;
        exception when others then null;
        end;
    end loop;
    assert made > 2000, made;

    made := 0;
    for victim in
        select o.oid, oprname, oprresult::regtype::text as result,
            nullif(oprleft, 0)::regtype::text as left_type, oprright::regtype::text as right_type
        from pg_operator as o where oprnamespace = 'pg_catalog'::regnamespace
    loop
        begin
            execute format('create function hostile.%I(%s) returns %s language plpgsql as %L',
                'operate_' || victim.oid, concat_ws(', ', victim.left_type, victim.right_type), victim.result,
                format(trap, victim.oprname));
            execute format('create operator hostile.%s (function = hostile.%I, rightarg = %s%s)',
                victim.oprname, 'operate_' || victim.oid, victim.right_type, ', leftarg = ' || victim.left_type);
            made := made + 1;
        exception when others then null;
        end;
    end loop;
    assert made > 600, made;

    -- Types that take no value, under the names that SQL of carrel's could mean.
    for victim in
        select typname from pg_type
        where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r') and typname not like '\_%' and typelem = 0
    loop
        execute format('create domain hostile.%I as pg_catalog.text check (false)', victim.typname);
    end loop;
end
$make$;

-- Parses everything into nothing.
create text search parser hostile.default (
    start = pg_catalog.prsd_start, gettoken = pg_catalog.prsd_nexttoken, end = pg_catalog.prsd_end,
    lextypes = pg_catalog.prsd_lextype
);
create text search configuration hostile.english (parser = hostile.default);
create text search configuration hostile.simple (parser = hostile.default);
create text search dictionary hostile.english_stem (template = pg_catalog.simple, stopwords = 'english');
create function hostile.trap() returns integer language plpgsql as $$
begin
    perform pg_catalog.nextval('hostile.calls');
    raise exception 'trap: a temporary relation as %', current_user;
end
$$;
