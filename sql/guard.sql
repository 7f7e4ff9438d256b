-- Runs first: refuses databases that carrel can't work in safely.
do $$
declare
    schema_owner text := (
        select rolname from pg_catalog.pg_namespace
        join pg_catalog.pg_roles on pg_roles.oid operator(pg_catalog.=) nspowner
        where nspname operator(pg_catalog.=) 'carrel' and not rolsuper and rolname operator(pg_catalog.<>) current_user
    );
begin
    if pg_catalog.current_setting('server_encoding') operator(pg_catalog.<>) 'UTF8' then
        raise exception 'carrel needs a database with encoding UTF8, but this one has %',
            pg_catalog.current_setting('server_encoding')
            using errcode = '55000', hint = 'Create a database: create database … template template0 encoding ''UTF8''';
    end if;
    if schema_owner is not null then
        raise exception 'schema carrel belongs to role "%", but the extension to "%"', schema_owner, current_user
            using errcode = '42501',
                detail = 'Whoever owns it could run code as everybody who uses carrel.',
                hint = pg_catalog.format('If what is in it can be trusted: alter schema carrel owner to %I', current_user);
    end if;
end
$$;
