-- Runs last: takes the functions from PUBLIC, and creates the tables.

-- Functions belong to the bootstrap superuser, who stays one: the role that installs may be demoted.
do $$
declare
    superuser text := (select pg_catalog.quote_ident(rolname) from pg_catalog.pg_roles where oid operator(pg_catalog.=) 10::pg_catalog.oid);
    member pg_catalog.regprocedure;
begin
    for member in
        select d.objid from pg_catalog.pg_depend as d
        join pg_catalog.pg_extension as e on d.refobjid operator(pg_catalog.=) e.oid
        where d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
            and d.deptype operator(pg_catalog.=) 'e' and e.extname operator(pg_catalog.=) 'carrel'
    loop
        execute pg_catalog.format('alter function %s owner to %s', member, superuser);
    end loop;
    execute pg_catalog.format('alter event trigger carrel_refuse_added_code owner to %s', superuser);
end
$$;

-- Nobody but the owner may call anything yet: not PUBLIC, and not whom default privileges gave it to.
do $$
declare
    grantee text;
begin
    for grantee in
        select distinct coalesce(pg_catalog.quote_ident(r.rolname), 'public')
        from pg_catalog.pg_proc as p
        cross join lateral pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
        left join pg_catalog.pg_roles as r on a.grantee operator(pg_catalog.=) r.oid
        where p.pronamespace operator(pg_catalog.=) 'carrel'::pg_catalog.regnamespace
            and a.grantee operator(pg_catalog.<>) p.proowner
            and exists (
                select from pg_catalog.pg_depend as d
                where d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid operator(pg_catalog.=) p.oid
                    and d.deptype operator(pg_catalog.=) 'e'
            )
    loop
        execute pg_catalog.format('revoke all on all functions in schema carrel from %s', grantee);
    end loop;
end
$$;

do $$
begin
    if pg_catalog.current_setting('row_security') operator(pg_catalog.=) 'off' and (
        select source operator(pg_catalog.=) 'session' from pg_catalog.pg_settings where name operator(pg_catalog.=) 'row_security'
    ) then
        raise notice 'carrel creates no tables, because row_security is off, as when a dump is restored'
            using hint = 'The dump brings the tables. If this is no restore: set row_security = on; select carrel.migrate()';
        perform carrel.prepare_owner();
    else
        perform carrel.migrate();
    end if;
end
$$;
