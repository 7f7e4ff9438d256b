-- A number of this installation's own, which neither a dump nor logical replication carries elsewhere, for it is in a function
-- that belongs to the extension: granted_roles says by it whose oids it has. Copies of a whole cluster have the same, and the
-- same roles.
do $$
begin
    execute pg_catalog.format(
        'create function carrel.installation_id() returns pg_catalog.uuid language sql immutable parallel safe as %L',
        pg_catalog.format('select %L::pg_catalog.uuid', pg_catalog.gen_random_uuid())
    );
end
$$;

comment on function carrel.installation_id is 'Random id of this installation of the extension; granted_roles says by it whose oids it has.';
