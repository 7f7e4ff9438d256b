-- Runs first: refuses databases that carrel can't work in safely.
do $$
declare
    schema_owner text := (
        select rolname from pg_catalog.pg_namespace
        join pg_catalog.pg_roles on pg_roles.oid operator(pg_catalog.=) nspowner
        where nspname operator(pg_catalog.=) 'carrel' and not rolsuper and rolname operator(pg_catalog.<>) current_user
    );
    -- Functions, types, operators, views and the like of roles that are no superusers. Tables are migrate()'s to judge.
    planted record;
begin
    if pg_catalog.current_setting('server_encoding') operator(pg_catalog.<>) 'UTF8' then
        raise exception 'carrel needs a database with encoding UTF8, but this one has %',
            pg_catalog.current_setting('server_encoding')
            using errcode = '55000', hint = 'Create a database: create database … template template0 encoding ''UTF8''';
    end if;
    if schema_owner is not null then
        raise exception 'schema carrel belongs to role "%", but the extension to "%"', schema_owner, current_user
            using errcode = '42501',
                detail = 'Its owner could run code as every role that uses carrel.',
                hint = pg_catalog.format('If what is in it can be trusted: alter schema carrel owner to %I', current_user);
    end if;
    select i.type, i.identity, r.rolname into planted
    from pg_catalog.pg_depend as d
    join pg_catalog.pg_namespace as n on d.refobjid operator(pg_catalog.=) n.oid
    join pg_catalog.pg_shdepend as s on d.classid operator(pg_catalog.=) s.classid and d.objid operator(pg_catalog.=) s.objid
    join pg_catalog.pg_database as b on s.dbid operator(pg_catalog.=) b.oid
    join pg_catalog.pg_roles as r on s.refobjid operator(pg_catalog.=) r.oid
    cross join lateral pg_catalog.pg_identify_object(d.classid, d.objid, 0) as i
    where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.deptype operator(pg_catalog.=) 'n'
        and s.refclassid operator(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass and s.deptype operator(pg_catalog.=) 'o'
        and n.nspname operator(pg_catalog.=) 'carrel' and b.datname operator(pg_catalog.=) pg_catalog.current_database()
        and not r.rolsuper and r.rolname operator(pg_catalog.<>) 'carrel_owner'
        and i.type operator(pg_catalog.<>) all (array['table', 'sequence'])
    order by i.type, i.identity
    limit 1;
    if planted is not null then
        raise exception '% % belongs to role "%"', planted.type, planted.identity, planted.rolname
            using errcode = '42501',
                detail = 'In schema carrel it could take the place of something that carrel calls.',
                hint = pg_catalog.format('Drop it: drop %s %s', planted.type, planted.identity);
    end if;
end
$$;
